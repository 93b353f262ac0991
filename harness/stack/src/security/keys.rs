//! The certificates, private keys and passwords of one run, as files.
//!
//! ```text
//! <run>/security/ca.pem               whom everybody trusts
//!                NAME.pem, NAME.key   a certificate and its private key
//!                NAME.store           both, as Java's key store of type PEM
//!                NAME.p12             both, where Java takes nothing else
//!                USER.password        a password
//! ```

use std::collections::BTreeMap;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use openssl::pkcs12::Pkcs12;
use openssl::pkey::PKey;
use openssl::x509::X509;
use rand::distr::{Alphanumeric, SampleString as _};

use super::certificates::{Authority, Signed, Validity};
use super::{SecurityError, User};
use crate::private;
use crate::runs::KEYS;
use crate::services::ServiceName;

/// 190 bits. Letters and digits alone: a password stands in Java's properties, YAML and SQL.
const LENGTH: usize = 32;

/// Who has a certificate of the run's authority, beside the services.
const LAB: &str = "lab";
/// Of the run's authority, and not valid any more.
const EXPIRED: &str = "expired";
/// Of another authority.
const STRANGER: &str = "stranger";

/// What the parts of a secure stack know each other by.
#[derive(Clone, PartialEq, Eq)]
pub struct Keys {
    directory: PathBuf,
    passwords: BTreeMap<User, String>,
}

/// Without passwords: this is part of what is logged.
impl std::fmt::Debug for Keys {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Keys")
            .field("directory", &self.directory)
            .finish_non_exhaustive()
    }
}

impl Keys {
    /// Makes all of them below `run`. The authority's own key is kept nowhere: nobody can sign anything later.
    ///
    /// # Errors
    /// When one cannot be made or written.
    pub fn make(run: &Path) -> Result<Self, SecurityError> {
        let directory = run.join(KEYS);
        DirBuilder::new()
            .mode(0o700)
            .create(&directory)
            .map_err(|source| SecurityError::File {
                path: directory.clone(),
                source,
            })?;
        let mut passwords = BTreeMap::new();
        for user in User::ALL {
            let password = Alphanumeric.sample_string(&mut rand::rng(), LENGTH);
            write(&directory.join(format!("{user}.password")), &password)?;
            passwords.insert(user, password);
        }
        let keys = Self {
            directory,
            passwords,
        };
        let authority = Authority::new("Kafka Connect Lab")?;
        write(&keys.authority(), authority.certificate())?;
        // A kind has one: brokers are one user, and so are workers. Scenarios start services that the stack lacks.
        let kinds = ServiceName::ALL
            .into_iter()
            .filter(|service| service.kind() == *service)
            .map(ServiceName::as_str);
        for name in kinds.chain([LAB]) {
            keys.keep(name, &authority.sign(name, Validity::Now)?)?;
        }
        // Their names are those of who may do everything: what is wrong with them is nothing else.
        keys.keep(EXPIRED, &authority.sign(LAB, Validity::Expired)?)?;
        let stranger = Authority::new("Kafka Connect Lab")?;
        keys.keep(STRANGER, &stranger.sign(LAB, Validity::Now)?)?;
        Ok(keys)
    }

    /// Where they are.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The password of a user.
    pub fn password(&self, user: User) -> &str {
        self.passwords.get(&user).map_or("", String::as_str)
    }

    /// The file with the password of a user.
    pub fn password_file(&self, user: User) -> PathBuf {
        self.file(user.as_str(), "password")
    }

    /// The certificate of the authority.
    pub fn authority(&self) -> PathBuf {
        self.file("ca", "pem")
    }

    /// The certificate of a service, or of `lab`.
    pub fn certificate(&self, name: &str) -> PathBuf {
        self.file(name, "pem")
    }

    /// The private key to it.
    pub fn key(&self, name: &str) -> PathBuf {
        self.file(name, "key")
    }

    /// Both, as a key store of type PEM.
    pub(crate) fn store(&self, name: &str) -> PathBuf {
        self.file(name, "store")
    }

    /// Both, as a key store of type PKCS12.
    pub(crate) fn archive(&self, name: &str) -> PathBuf {
        self.file(name, "p12")
    }

    /// What archives are encrypted with. They lie beside it: Java wants one.
    pub(crate) fn archive_password(&self) -> &str {
        self.password(User::Jmx)
    }

    fn file(&self, name: &str, extension: &str) -> PathBuf {
        self.directory.join(format!("{name}.{extension}"))
    }

    fn keep(&self, name: &str, signed: &Signed) -> Result<(), SecurityError> {
        let Signed { certificate, key } = signed;
        write(&self.certificate(name), certificate)?;
        write(&self.key(name), key)?;
        write(&self.store(name), format!("{key}{certificate}"))?;
        let archive = || {
            let mut archive = Pkcs12::builder();
            archive.name(name);
            let certificate = X509::from_pem(certificate.as_bytes())?;
            let key = PKey::private_key_from_pem(key.as_bytes())?;
            archive.cert(&certificate);
            archive.pkey(&key);
            archive.build2(self.archive_password())?.to_der()
        };
        let archive = archive().map_err(|source| SecurityError::Tls {
            name: name.to_owned(),
            source,
        })?;
        write(&self.archive(name), archive)
    }
}

fn write(path: &Path, text: impl AsRef<[u8]>) -> Result<(), SecurityError> {
    private::write(path, text.as_ref()).map_err(|source| SecurityError::File {
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn everything_is_for_its_owner_alone() {
        let run = tempfile::tempdir().unwrap();
        let keys = Keys::make(run.path()).unwrap();
        for entry in std::fs::read_dir(keys.directory()).unwrap() {
            let mode = entry.unwrap().metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        assert!(!format!("{keys:?}").contains(keys.password(User::Lab)));
    }

    #[test]
    fn each_certificate_is_what_its_name_says() {
        let run = tempfile::tempdir().unwrap();
        let keys = Keys::make(run.path()).unwrap();
        let read = |path: PathBuf| X509::from_pem(&std::fs::read(path).unwrap()).unwrap();
        let authority = read(keys.authority()).public_key().unwrap();
        let now = openssl::asn1::Asn1Time::days_from_now(0).unwrap();
        for (name, signed, valid) in [
            ("kafka", true, true),
            (LAB, true, true),
            (EXPIRED, true, false),
            (STRANGER, false, true),
        ] {
            let certificate = read(keys.certificate(name));
            assert_eq!(certificate.verify(&authority).unwrap(), signed, "{name}");
            assert_eq!(*certificate.not_after() > *now, valid, "{name}");
        }
    }
}
