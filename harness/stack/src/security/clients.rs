//! How the lab's own clients connect: as they need for the stack that the endpoints are of.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use native_tls::{Certificate, TlsConnector, TlsConnectorBuilder};
use openssl::ssl::{SslConnector, SslConnectorBuilder, SslFiletype, SslMethod};
use rdkafka::ClientConfig;
use reqwest::ClientBuilder;
use tokio_postgres::config::SslMode;
use tokio_postgres::{Client, Config, NoTls};

use super::admin;
use super::{Keys, Rule, SecurityError, User};
use crate::endpoints::Endpoints;

/// What stands in the settings of Kafka's clients.
pub(crate) const MECHANISM: &str = "SCRAM-SHA-512";

/// Whose certificate a client shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Identity<'a> {
    /// The one of this name.
    Of(&'a str),
    /// None.
    Nobody,
}

/// The lab's own.
pub(crate) const LAB: Identity<'static> = Identity::Of("lab");

impl Endpoints {
    /// The keys of a secure stack.
    pub fn keys(&self) -> Option<&Keys> {
        self.keys.as_deref()
    }

    /// Settings of a client of Kafka, with which the lab reaches these brokers.
    pub fn kafka_client(&self, bootstrap: &str) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", bootstrap);
        if let Some(keys) = self.keys() {
            keys.log_in(&mut config, User::Lab.as_str(), keys.password(User::Lab));
        }
        config
    }

    /// A client for HTTP, on its way round any proxy: everything that is asked here is named by address.
    ///
    /// # Errors
    /// When the lab's certificate cannot be used.
    pub fn http_client(&self) -> Result<ClientBuilder, SecurityError> {
        let connector = match self.connector.0.get() {
            Some(connector) => connector,
            None => {
                let made = match self.keys() {
                    Some(keys) => keys.connector(LAB)?,
                    None => built(TlsConnector::builder().disable_built_in_roots(true))?,
                };
                self.connector.0.get_or_init(|| made)
            }
        };
        Ok(reqwest::Client::builder()
            .no_proxy()
            .tls_backend_preconfigured(connector.clone()))
    }

    /// Reads a connection string; the password to a secure stack is none of it.
    ///
    /// # Errors
    /// When it is none.
    pub fn postgres_config(&self, url: &str) -> Result<Config, tokio_postgres::Error> {
        let mut config: Config = url.parse()?;
        if let Some(keys) = self.keys() {
            if config.get_password().is_none() {
                config.password(keys.password(User::Postgres));
            }
            config.ssl_mode(SslMode::Require);
        }
        Ok(config)
    }

    /// Connects to Postgres; to that of a secure stack by TLS alone.
    ///
    /// # Errors
    /// When it does not let us in, or the lab's certificate cannot be used.
    pub async fn postgres(
        &self,
        config: &Config,
    ) -> Result<(Client, PostgresConnection), PostgresError> {
        let Some(keys) = self.keys() else {
            let (client, connection) = config.connect(NoTls).await?;
            return Ok((client, Box::pin(connection)));
        };
        let tls = keys.tls(LAB)?.build();
        let tls = postgres_openssl::MakeTlsConnector::new(tls);
        let (client, connection) = config.connect(tls).await?;
        Ok((client, Box::pin(connection)))
    }

    /// Lets a user of a secure stack do what it is going to do for a scenario.
    ///
    /// # Errors
    /// When Kafka does not take the rules.
    pub fn allow(&self, bootstrap: &str, rules: &[Rule]) -> Result<(), SecurityError> {
        admin::allow(
            &self.kafka_client(bootstrap),
            rules,
            Duration::from_secs(10),
        )
    }
}

/// TLS for HTTP, made once for all copies of some endpoints: OpenSSL reads every certificate that the machine trusts, if only to
/// forget them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Connector(Arc<OnceLock<TlsConnector>>);

/// It says nothing of where anything is.
impl PartialEq for Connector {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Connector {}

fn built(builder: &TlsConnectorBuilder) -> Result<TlsConnector, SecurityError> {
    builder.build().map_err(SecurityError::Http)
}

/// What a connection to Postgres is driven by.
pub type PostgresConnection =
    std::pin::Pin<Box<dyn Future<Output = Result<(), tokio_postgres::Error>> + Send>>;

/// Why there is no connection to Postgres.
#[derive(Debug, thiserror::Error)]
pub enum PostgresError {
    /// Postgres, or what lies before it.
    #[error(transparent)]
    Postgres(#[from] tokio_postgres::Error),
    /// The lab's own certificate.
    #[error(transparent)]
    Security(#[from] SecurityError),
}

impl Keys {
    /// With a user's password, over TLS.
    pub fn log_in(&self, config: &mut ClientConfig, user: &str, password: &str) {
        config
            .set("security.protocol", "SASL_SSL")
            .set("sasl.mechanism", MECHANISM)
            .set("sasl.username", user)
            .set("sasl.password", password)
            .set("ssl.ca.location", path(&self.authority()));
    }

    /// With a certificate, as brokers do.
    pub fn show_certificate(&self, config: &mut ClientConfig, name: &str) {
        config
            .set("security.protocol", "SSL")
            .set("ssl.ca.location", path(&self.authority()))
            .set("ssl.certificate.location", path(&self.certificate(name)))
            .set("ssl.key.location", path(&self.key(name)));
    }

    /// With neither: over TLS, and nothing more.
    pub fn show_nothing(&self, config: &mut ClientConfig) {
        config
            .set("security.protocol", "SSL")
            .set("ssl.ca.location", path(&self.authority()));
    }

    /// Variables for a program of this project: how it reaches Kafka as this user.
    pub fn variables(&self, user: User) -> Vec<(String, String)> {
        [
            ("SECURITY_PROTOCOL", "SASL_SSL".to_owned()),
            ("SASL_MECHANISM", MECHANISM.to_owned()),
            ("SASL_USERNAME", user.as_str().to_owned()),
            ("SASL_PASSWORD_FILE", path(&self.password_file(user))),
            ("SSL_CA_LOCATION", path(&self.authority())),
        ]
        .map(|(name, value)| (format!("KAFKA_CONFIG_{name}"), value))
        .into()
    }

    /// A client for HTTP that trusts this stack's authority alone.
    ///
    /// # Errors
    /// When a file cannot be read or used.
    pub fn http_client(&self, identity: Identity<'_>) -> Result<ClientBuilder, SecurityError> {
        let builder = reqwest::Client::builder().no_proxy();
        Ok(builder.tls_backend_preconfigured(self.connector(identity)?))
    }

    fn connector(&self, identity: Identity<'_>) -> Result<TlsConnector, SecurityError> {
        let authority = Certificate::from_pem(&read(&self.authority())?);
        let mut builder = TlsConnector::builder();
        builder
            .disable_built_in_roots(true)
            .add_root_certificate(authority.map_err(SecurityError::Http)?);
        if let Identity::Of(name) = identity {
            let (certificate, key) = (read(&self.certificate(name))?, read(&self.key(name))?);
            let identity = native_tls::Identity::from_pkcs8(&certificate, &key);
            builder.identity(identity.map_err(SecurityError::Http)?);
        }
        built(&builder)
    }

    /// TLS to a part of this stack.
    ///
    /// # Errors
    /// When a file cannot be used.
    pub fn tls(&self, identity: Identity<'_>) -> Result<SslConnectorBuilder, SecurityError> {
        let build = || {
            let mut builder = SslConnector::builder(SslMethod::tls_client())?;
            // What the machine trusts is no part of this stack.
            builder.set_cert_store(openssl::x509::store::X509StoreBuilder::new()?.build());
            builder.set_ca_file(self.authority())?;
            if let Identity::Of(name) = identity {
                builder.set_certificate_chain_file(self.certificate(name))?;
                builder.set_private_key_file(self.key(name), SslFiletype::PEM)?;
            }
            Ok(builder)
        };
        build().map_err(|source| SecurityError::Tls {
            name: match identity {
                Identity::Of(name) => name.to_owned(),
                Identity::Nobody => "the authority".to_owned(),
            },
            source,
        })
    }
}

/// A stream to a port of this machine over TLS.
pub(crate) async fn over_tls(
    keys: &Keys,
    identity: Identity<'_>,
    stream: tokio::net::TcpStream,
) -> Result<tokio_openssl::SslStream<tokio::net::TcpStream>, Box<dyn std::error::Error + Send + Sync>>
{
    let ssl = keys.tls(identity)?.build().configure()?;
    let mut stream = tokio_openssl::SslStream::new(ssl.into_ssl("127.0.0.1")?, stream)?;
    std::pin::Pin::new(&mut stream).connect().await?;
    Ok(stream)
}

fn path(path: &std::path::Path) -> String {
    path.display().to_string()
}

fn read(path: &std::path::Path) -> Result<Vec<u8>, SecurityError> {
    std::fs::read(path).map_err(|source| SecurityError::File {
        path: path.to_owned(),
        source,
    })
}
