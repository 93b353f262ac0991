//! Where each part is reached, as data: a foreign cluster is just a file of them.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// Addresses by service and key: `kafka` → `bootstrap` → `127.0.0.1:9092`.
///
/// Keys: `client` (ZooKeeper), `bootstrap` and, without ZooKeeper, `controller` (Kafka), `rest` (Connect), `jmx` (metrics of a JVM over HTTP), `sql`
/// (Postgres), `http` (exporter, Prometheus). `rest`, `jmx` and `http` are URLs, `sql` is a connection string.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Endpoints {
    services: BTreeMap<String, BTreeMap<String, String>>,
}

/// Why a file of endpoints cannot be used, or an endpoint is not there.
#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    /// The file cannot be read.
    #[error("cannot read the endpoints in {path}")]
    Read {
        /// The file.
        path: String,
        /// Cause.
        #[source]
        source: std::io::Error,
    },
    /// The file is not JSON of the right shape.
    #[error(
        "{path} is not a file of endpoints such as {{\"kafka\": {{\"bootstrap\": \"HOST:PORT\"}}}}"
    )]
    Parse {
        /// The file.
        path: String,
        /// Cause, with line and column.
        #[source]
        source: serde_json::Error,
    },
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
    /// Reads a JSON file of the form that [`Endpoints`] serialises to.
    ///
    /// # Errors
    /// When it cannot be read or has another shape.
    pub fn read(path: &Path) -> Result<Self, EndpointError> {
        let shown = path.display().to_string();
        let text = std::fs::read(path).map_err(|source| EndpointError::Read {
            path: shown.clone(),
            source,
        })?;
        serde_json::from_slice(&text).map_err(|source| EndpointError::Parse {
            path: shown,
            source,
        })
    }

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

    /// How `from` reaches `to`. All callers have the same way today; a link with a proxy in it will be looked up by
    /// its two ends here.
    ///
    /// # Errors
    /// [`EndpointError::Missing`], with what there is.
    pub fn endpoint(&self, _from: &str, to: &str, key: &str) -> Result<&str, EndpointError> {
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
