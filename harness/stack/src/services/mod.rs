//! What each service is started with. When it is ready is a separate matter: [`crate::ready`].
//!
//! A service is a file here and one in `ready/`, and a line in [`ServiceName::service`].

mod class_data;
pub(crate) mod connect;
pub(crate) mod exporter;
mod jvm;
pub(crate) mod kafka;
mod launch;
mod postgres;
pub(crate) mod producer;
pub(crate) mod prometheus;
mod properties;
mod zookeeper;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::profile::Profile;
use crate::security::Security;

pub use connect::{LOGIN, connectors_access, connectors_client, is_collector};
pub use exporter::{access as exporter_access, metrics_topic, web_config};
pub use jvm::JvmMode;
pub use launch::{Launch, LaunchError, Preparation, Programs, Site, WorkerOverrides};
pub use postgres::settings as postgres_settings;
pub use producer::access as producer_access;

/// The services of the lab.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum ServiceName {
    Zookeeper,
    Kafka,
    /// The second broker of a stack with several, and the third.
    #[serde(rename = "kafka-2")]
    Kafka2,
    #[serde(rename = "kafka-3")]
    Kafka3,
    Connect,
    /// The second worker of a stack with several.
    #[serde(rename = "connect-2")]
    Connect2,
    Postgres,
    Prometheus,
    Exporter,
    Producer,
}

/// One service: what it needs, where it listens, how it is launched.
pub trait Service: Sync {
    /// Services that it talks to.
    fn needs(&self, profile: Profile) -> &'static [ServiceName];
    /// Endpoint keys with the port that each has by default.
    fn ports(&self, profile: Profile) -> &'static [(&'static str, u16)];
    /// Those that it has in a secure stack beside the others.
    fn secure_ports(&self) -> &'static [(&'static str, u16)] {
        &[]
    }
    /// What stands in an endpoint, for one of its ports: a URL, unless the service says otherwise.
    fn address(&self, port: u16, security: Security) -> String {
        match security {
            Security::Plain => format!("http://127.0.0.1:{port}"),
            Security::Secure => format!("https://127.0.0.1:{port}"),
        }
    }
    /// Names of the components that have to be installed.
    fn components(&self) -> &'static [&'static str] {
        &[]
    }
    /// Names of components that it can do without.
    fn optional_components(&self) -> &'static [&'static str] {
        &[]
    }
    /// Writes its settings into the run's directory and says how it is started.
    ///
    /// # Errors
    /// When a file cannot be written, or a program is missing.
    fn launch(&self, site: &Site<'_>) -> Result<Launch, LaunchError>;
}

impl ServiceName {
    /// All of them, each after what it needs.
    pub const ALL: [Self; 10] = [
        Self::Postgres,
        Self::Prometheus,
        Self::Zookeeper,
        Self::Kafka,
        Self::Kafka2,
        Self::Kafka3,
        Self::Connect,
        Self::Connect2,
        Self::Exporter,
        Self::Producer,
    ];

    /// The service of this name.
    pub fn service(self) -> &'static dyn Service {
        match self {
            Self::Zookeeper => &zookeeper::Zookeeper,
            Self::Kafka => &kafka::Kafka(Self::Kafka),
            Self::Kafka2 => &kafka::Kafka(Self::Kafka2),
            Self::Kafka3 => &kafka::Kafka(Self::Kafka3),
            Self::Connect => &connect::Connect(Self::Connect),
            Self::Connect2 => &connect::Connect(Self::Connect2),
            Self::Postgres => &postgres::Postgres,
            Self::Prometheus => &prometheus::Prometheus,
            Self::Exporter => &exporter::Exporter,
            Self::Producer => &producer::Producer,
        }
    }

    /// The name as in `lab status`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Zookeeper => "zookeeper",
            Self::Kafka => "kafka",
            Self::Kafka2 => "kafka-2",
            Self::Kafka3 => "kafka-3",
            Self::Connect => "connect",
            Self::Connect2 => "connect-2",
            Self::Postgres => "postgres",
            Self::Prometheus => "prometheus",
            Self::Exporter => "exporter",
            Self::Producer => "producer",
        }
    }

    /// What it is one of, and which: `kafka-3` is the third of `kafka`.
    pub fn instance(self) -> (Self, u16) {
        match self {
            Self::Kafka2 => (Self::Kafka, 2),
            Self::Kafka3 => (Self::Kafka, 3),
            Self::Connect2 => (Self::Connect, 2),
            first => (first, 1),
        }
    }

    /// What it is one of.
    pub fn kind(self) -> Self {
        self.instance().0
    }

    /// Those of `members` that are of this kind.
    pub fn among(self, members: &[Self]) -> impl Iterator<Item = Self> {
        let members = members.iter().copied();
        members.filter(move |service| service.kind() == self)
    }

    /// These services and everything that they need, each after what it needs.
    pub fn closure(wanted: impl IntoIterator<Item = Self>, profile: Profile) -> Vec<Self> {
        let mut pending: Vec<_> = wanted.into_iter().collect();
        let mut found = Vec::new();
        while let Some(name) = pending.pop() {
            if !found.contains(&name) {
                found.push(name);
                pending.extend(name.service().needs(profile));
            }
        }
        Self::ALL
            .into_iter()
            .filter(|name| found.contains(name))
            .collect()
    }
}

impl fmt::Display for ServiceName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

impl FromStr for ServiceName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|name| name.as_str() == text)
            .ok_or_else(|| {
                // Those that come with `--brokers` and `--workers` are not asked for by name.
                let known: Vec<_> = Self::ALL
                    .iter()
                    .filter(|name| name.instance().1 == 1)
                    .map(|name| name.as_str())
                    .collect();
                format!(
                    "there is no service `{text}`; there are {}",
                    known.join(", ")
                )
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_settings_say_every_port() {
        for profile in Profile::ALL {
            for name in profile.services() {
                let service = name.service();
                for (key, port) in service.ports(profile).iter().chain(service.secure_ports()) {
                    assert_ne!(*port, 0, "{name}.{key}");
                }
            }
        }
    }

    #[test]
    fn a_closure_has_every_need_before_the_one_who_needs_it() {
        use ServiceName::{Connect, Exporter, Kafka, Postgres, Zookeeper};
        assert_eq!(
            ServiceName::closure([Exporter], Profile::Zookeeper),
            [Zookeeper, Kafka, Exporter]
        );
        assert_eq!(
            ServiceName::closure([Exporter], Profile::Kraft),
            [Kafka, Exporter]
        );
        assert_eq!(
            ServiceName::closure([Connect, Postgres], Profile::Zookeeper),
            [Postgres, Zookeeper, Kafka, Connect]
        );
        for profile in Profile::ALL {
            for name in profile.services() {
                let closure = ServiceName::closure([name], profile);
                for (place, member) in closure.iter().enumerate() {
                    let needs = member.service().needs(profile);
                    let are_before = needs.iter().all(|need| closure[..place].contains(need));
                    assert!(are_before && profile.has(*member), "{member} of {profile}");
                }
            }
        }
    }
}
