//! The ecosystem's web configuration file (prometheus/exporter-toolkit `docs/web-configuration.md`), as far
//! as it is supported: certificate and key, client certificates, the lowest TLS version, and basic auth. A
//! key that is not supported is refused by its name: a protection that is silently off is none.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::server::danger::ClientCertVerifier;
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};

use super::auth::Users;

/// How connections and requests are protected.
#[derive(Clone, Default)]
pub struct WebConfig {
    pub(super) tls: Option<Arc<ServerConfig>>,
    pub(super) users: Option<Users>,
}

/// A web configuration file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum WebConfigError {
    /// The file, or one that it names, cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It is no YAML, or has a key that is not supported.
    #[error("{path} cannot be used")]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Where and what.
        source: serde_yaml_ng::Error,
    },
    /// A certificate or key is none.
    #[error("{path} holds no usable certificate or key: {why}")]
    Pem {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// Settings that do not fit together.
    #[error("{path}: {why}")]
    Contradiction {
        /// The file.
        path: PathBuf,
        /// What and why.
        why: String,
    },
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    tls_server_config: Option<Tls>,
    #[serde(default)]
    basic_auth_users: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tls {
    cert_file: PathBuf,
    key_file: PathBuf,
    #[serde(default)]
    client_auth_type: ClientAuth,
    client_ca_file: Option<PathBuf>,
    #[serde(default)]
    min_version: Version,
}

#[derive(Clone, Copy, Default, Deserialize, PartialEq)]
enum ClientAuth {
    #[default]
    NoClientCert,
    VerifyClientCertIfGiven,
    RequireAndVerifyClientCert,
}

#[derive(Clone, Copy, Default, Deserialize)]
enum Version {
    #[default]
    TLS12,
    TLS13,
}

impl WebConfig {
    /// Reads the file and those that it names; relative paths begin at its own folder.
    ///
    /// # Errors
    /// Something cannot be read, is not supported, or does not fit together.
    pub fn load(path: &Path) -> Result<WebConfig, WebConfigError> {
        let text = std::fs::read_to_string(path).map_err(|source| WebConfigError::Read {
            path: path.to_owned(),
            source,
        })?;
        let file: Option<File> =
            serde_yaml_ng::from_str(&text).map_err(|source| WebConfigError::Syntax {
                path: path.to_owned(),
                source,
            })?;
        let file = file.unwrap_or_default();
        let folder = path.parent().unwrap_or(Path::new(""));
        let tls = file
            .tls_server_config
            .map(|tls| server_config(&tls, folder, path))
            .transpose()?
            .map(Arc::new);
        let users = if file.basic_auth_users.is_empty() {
            None
        } else {
            let users =
                Users::new(file.basic_auth_users).map_err(|why| WebConfigError::Contradiction {
                    path: path.to_owned(),
                    why,
                })?;
            Some(users)
        };
        if tls.is_none() && users.is_none() {
            // Right for whoever fills it in later; not for whoever mistook the file.
            tracing::warn!(file = %path.display(), "the web configuration file asks for neither TLS nor users: whoever reaches the port may read");
        }
        Ok(WebConfig { tls, users })
    }

    /// `https`, or `http`.
    pub fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }
}

fn server_config(tls: &Tls, folder: &Path, file: &Path) -> Result<ServerConfig, WebConfigError> {
    let versions: &[&SupportedProtocolVersion] = match tls.min_version {
        Version::TLS12 => &[&TLS12, &TLS13],
        Version::TLS13 => &[&TLS13],
    };
    let builder = ServerConfig::builder_with_protocol_versions(versions);
    let builder = match client_verifier(tls, folder, file)? {
        Some(verifier) => builder.with_client_cert_verifier(verifier),
        None => builder.with_no_client_auth(),
    };
    let key_file = folder.join(&tls.key_file);
    let key = PrivateKeyDer::from_pem_file(&key_file).map_err(|error| WebConfigError::Pem {
        path: key_file.clone(),
        why: error.to_string(),
    })?;
    let mut config = builder
        .with_single_cert(certificates(&folder.join(&tls.cert_file))?, key)
        .map_err(|error| WebConfigError::Pem {
            path: key_file,
            why: error.to_string(),
        })?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

fn client_verifier(
    tls: &Tls,
    folder: &Path,
    file: &Path,
) -> Result<Option<Arc<dyn ClientCertVerifier>>, WebConfigError> {
    let contradiction = |why: &str| WebConfigError::Contradiction {
        path: file.to_owned(),
        why: why.to_owned(),
    };
    let authorities = match (&tls.client_ca_file, tls.client_auth_type) {
        (None, ClientAuth::NoClientCert) => return Ok(None),
        (Some(_), ClientAuth::NoClientCert) => {
            return Err(contradiction(
                "client_ca_file is there, but client_auth_type asks for no certificate",
            ));
        }
        (None, _) => return Err(contradiction("client_auth_type needs client_ca_file")),
        (Some(authorities), _) => folder.join(authorities),
    };
    let mut roots = RootCertStore::empty();
    for certificate in certificates(&authorities)? {
        roots
            .add(certificate)
            .map_err(|error| WebConfigError::Pem {
                path: authorities.clone(),
                why: error.to_string(),
            })?;
    }
    let builder = WebPkiClientVerifier::builder(Arc::new(roots));
    let builder = match tls.client_auth_type {
        ClientAuth::VerifyClientCertIfGiven => builder.allow_unauthenticated(),
        _ => builder,
    };
    let verifier = builder.build().map_err(|error| WebConfigError::Pem {
        path: authorities,
        why: error.to_string(),
    })?;
    Ok(Some(verifier))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, WebConfigError> {
    let wrong = |why: String| WebConfigError::Pem {
        path: path.to_owned(),
        why,
    };
    let found: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path)
        .map_err(|error| wrong(error.to_string()))?
        .collect();
    let found = found.map_err(|error| wrong(error.to_string()))?;
    if found.is_empty() {
        Err(wrong("no certificate".to_owned()))
    } else {
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::unknown_section("http_server_config: {http2: true}", "http_server_config")]
    #[case::unknown_key(
        "tls_server_config: {cert_file: c, key_file: k, cipher_suites: []}",
        "cipher_suites"
    )]
    #[case::unknown_auth(
        "tls_server_config: {cert_file: c, key_file: k, client_auth_type: RequestClientCert}",
        "RequestClientCert"
    )]
    #[case::no_key("tls_server_config: {cert_file: c}", "key_file")]
    #[case::no_such_file(
        "tls_server_config: {cert_file: nowhere.pem, key_file: k}",
        "k holds no usable"
    )]
    #[case::no_authorities(
        "tls_server_config: {cert_file: c, key_file: k, client_auth_type: RequireAndVerifyClientCert}",
        "client_ca_file"
    )]
    #[case::no_hash("basic_auth_users: {a: plaintext}", "bcrypt")]
    fn what_cannot_be_used_is_named(#[case] text: &str, #[case] named: &str) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("web.yml");
        std::fs::write(&path, text).unwrap();
        let error = anyhow::Error::from(WebConfig::load(&path).err().unwrap());
        let error = format!("{error:#}");
        assert!(error.contains(named), "{error}");
        assert!(!error.contains("plaintext"), "{error}");
    }

    #[test]
    fn an_empty_file_protects_nothing() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let config = WebConfig::load(file.path()).unwrap();
        assert!(config.tls.is_none() && config.users.is_none());
    }
}
