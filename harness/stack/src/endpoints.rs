//! Where each part is reached, as data: a foreign cluster is just a file of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::links::Link;
use crate::security::{Connector, Keys};

/// Addresses by service and key: `kafka` → `bootstrap` → `127.0.0.1:9092`.
///
/// Keys: `client` (ZooKeeper), `bootstrap`, without ZooKeeper `controller`, and in a secure stack `brokers` (Kafka), `rest` (Connect), `jmx` (metrics of
/// a JVM over HTTP), `sql` (Postgres), `http` (exporter, Prometheus). `rest`, `jmx` and `http` are URLs, `sql` is a connection
/// string. `metrics` → `topic` is no address: it names the topic that the exporter reads and scenarios may write to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Endpoints {
    services: BTreeMap<String, BTreeMap<String, String>>,
    /// Who has another way: from, to and key.
    #[serde(skip)]
    links: BTreeMap<(String, String, String), String>,
    /// Of a secure stack. No password is part of an address.
    #[serde(skip)]
    pub(crate) keys: Option<Arc<Keys>>,
    #[serde(skip)]
    pub(crate) connector: Connector,
}

/// Why an endpoint cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    /// The stack has no such endpoint.
    #[error("the stack has no endpoint `{key}` of {service}; it has {known}")]
    Missing {
        /// Service.
        service: String,
        /// Key.
        key: String,
        /// What there is.
        known: String,
    },
}

impl Endpoints {
    /// Adds or replaces an endpoint.
    pub fn set(
        &mut self,
        service: impl Into<String>,
        key: impl Into<String>,
        address: impl Into<String>,
    ) {
        self.services
            .entry(service.into())
            .or_default()
            .insert(key.into(), address.into());
    }

    /// What its parts know each other by.
    pub fn set_keys(&mut self, keys: Arc<Keys>) {
        self.keys = Some(keys);
    }

    /// Gives one caller a way of its own, through a proxy.
    pub fn set_link(&mut self, link: Link, address: impl Into<String>) {
        let way = [link.from.as_str(), link.to.as_str(), link.key].map(str::to_owned);
        self.links.insert(way.into(), address.into());
    }

    /// How `from` reaches `to`. All callers have the same way, but for those that have a link with a proxy in it.
    ///
    /// # Errors
    /// [`EndpointError::Missing`], with what there is.
    pub fn endpoint(&self, from: &str, to: &str, key: &str) -> Result<&str, EndpointError> {
        let mut links = self.links.iter();
        if let Some((_, address)) =
            links.find(|(way, _)| (&*way.0, &*way.1, &*way.2) == (from, to, key))
        {
            return Ok(address);
        }
        self.services
            .get(to)
            .and_then(|keys| keys.get(key))
            .map(String::as_str)
            .ok_or_else(|| EndpointError::Missing {
                service: to.to_owned(),
                key: key.to_owned(),
                known: if self.services.is_empty() {
                    "none".to_owned()
                } else {
                    self.names().join(", ")
                },
            })
    }

    /// All endpoints of a service.
    pub fn of(&self, service: &str) -> BTreeMap<String, String> {
        self.services.get(service).cloned().unwrap_or_default()
    }

    /// `service.key` and address of every endpoint.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        self.services.iter().flat_map(|(service, keys)| {
            keys.iter()
                .map(move |(key, address)| (service.as_str(), key.as_str(), address.as_str()))
        })
    }

    fn names(&self) -> Vec<String> {
        self.iter()
            .map(|(service, key, _)| format!("{service}.{key}"))
            .collect()
    }
}
