//! Certificates of one run.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, date_time_ymd,
};

use super::SecurityError;

/// Where parts of a stack are reached, by which their certificates are checked (RFC 9525).
const NAMES: [&str; 2] = ["localhost", "127.0.0.1"];

/// Until when a certificate is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Validity {
    /// For longer than any run.
    Now,
    /// Not any more.
    Expired,
}

/// Who signs: a certificate of its own and the key to it.
pub(super) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key, in PEM; the key in PKCS #8, which Java reads no other form of.
pub(super) struct Signed {
    pub certificate: String,
    pub key: String,
}

impl Authority {
    /// An authority of this name with a key of its own.
    pub fn new(name: &str) -> Result<Self, SecurityError> {
        let failed = failed(name);
        let key = KeyPair::generate().map_err(&failed)?;
        let mut params = CertificateParams::default();
        params.distinguished_name = named(name);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        CertifiedIssuer::self_signed(params, key)
            .map(Self)
            .map_err(failed)
    }

    /// Its own certificate, for those who are to trust it.
    pub fn certificate(&self) -> String {
        self.0.pem()
    }

    /// A certificate for `CN=name`, as server and as client: each part of a stack is both.
    pub fn sign(&self, name: &str, validity: Validity) -> Result<Signed, SecurityError> {
        let failed = failed(name);
        let key = KeyPair::generate().map_err(&failed)?;
        let mut params = CertificateParams::new(NAMES.map(str::to_owned)).map_err(&failed)?;
        params.distinguished_name = named(name);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        if validity == Validity::Expired {
            params.not_before = date_time_ymd(2020, 1, 1);
            params.not_after = date_time_ymd(2020, 1, 2);
        }
        let certificate = params.signed_by(&key, &self.0).map_err(failed)?;
        Ok(Signed {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        })
    }
}

fn named(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished
}

fn failed(name: &str) -> impl Fn(rcgen::Error) -> SecurityError {
    let name = name.to_owned();
    move |source| SecurityError::Certificate {
        name: name.clone(),
        source,
    }
}
