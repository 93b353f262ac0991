//! Who may do what in a secure stack: certificates, passwords and rules, made for one run and gone with it.
//!
//! Whoever connects shows a certificate of the run's own authority, a password (Kafka's clients, Postgres), or both. Passwords and
//! private keys stand in files that their owner alone can read; none is an argument of a process, and none is part of an address.

mod admin;
mod certificates;
mod clients;
mod keys;
mod rules;

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use clients::Identity;
pub use keys::Keys;
pub use rules::{Operation, Pattern, Resource, Rule};

pub(crate) use admin::{allow, set_passwords};
pub(crate) use clients::{Connector, LAB, over_tls};
pub(crate) use rules::rules_of;

/// Whether parts of a stack believe each other.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Security {
    /// Whoever reaches a port may do anything: the ports are on loopback.
    #[default]
    Plain,
    /// TLS, certificates or passwords between all parts, and rules of what each may do.
    Secure,
}

impl From<bool> for Security {
    fn from(secure: bool) -> Self {
        match secure {
            true => Self::Secure,
            false => Self::Plain,
        }
    }
}

/// Who has a password: at Kafka, but for [`User::Postgres`] and [`User::Jmx`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum User {
    /// The lab itself, which may do everything.
    Lab,
    /// Workers, and the clients of their connectors.
    Connect,
    /// Exporters, those of scenarios included.
    Exporter,
    /// Producers, likewise.
    Producer,
    /// The superuser of Postgres.
    Postgres,
    /// Who scrapes the metrics of a JVM.
    Jmx,
}

impl User {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Lab,
        Self::Connect,
        Self::Exporter,
        Self::Producer,
        Self::Postgres,
        Self::Jmx,
    ];

    /// Those that Kafka knows.
    pub const OF_KAFKA: [Self; 4] = [Self::Lab, Self::Connect, Self::Exporter, Self::Producer];

    /// The name, at Kafka and of files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Lab => "lab",
            Self::Connect => "connect",
            Self::Exporter => "exporter",
            Self::Producer => "producer",
            Self::Postgres => "postgres",
            Self::Jmx => "jmx",
        }
    }
}

impl fmt::Display for User {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

/// Why there is no security where it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum SecurityError {
    /// A file of keys cannot be written or read.
    #[error("cannot use {path}")]
    File {
        /// The file.
        path: PathBuf,
        /// Cause.
        #[source]
        source: std::io::Error,
    },
    /// A certificate cannot be made.
    #[error("cannot make a certificate for {name}")]
    Certificate {
        /// Of whom.
        name: String,
        /// Cause.
        #[source]
        source: rcgen::Error,
    },
    /// OpenSSL refuses a certificate or key.
    #[error("cannot use the certificate of {name}")]
    Tls {
        /// Of whom.
        name: String,
        /// Cause.
        #[source]
        source: openssl::error::ErrorStack,
    },
    /// HTTP has no TLS.
    #[error("cannot make a client for HTTP")]
    Http(#[source] native_tls::Error),
    /// Rules of a service cannot be read.
    #[error(transparent)]
    Rules(#[from] crate::services::LaunchError),
    /// Kafka does not take users or rules.
    #[error("Kafka does not take {what}: {why}")]
    Refused {
        /// Users or rules.
        what: &'static str,
        /// In its words.
        why: String,
    },
}
