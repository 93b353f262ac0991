//! Links between services that can be hurt: on the way from one to the other stands a proxy.
//!
//! Only links that somebody is going to hurt have one. A broker tells its clients where it is reached, and would lead them round a
//! proxy (`advertised.listeners`): so each link to Kafka has a listener of its own, which advertises the proxy.

mod proxy;

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::str::FromStr;

pub use proxy::{Proxy, State};

use crate::services::ServiceName;

/// The way from one service to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Link {
    /// Who connects.
    pub from: ServiceName,
    /// To whom.
    pub to: ServiceName,
    /// The endpoint of `to` that it is about.
    pub key: &'static str,
    name: &'static str,
}

impl Link {
    /// Every link that can have a proxy.
    pub const ALL: [Self; 6] = {
        use ServiceName::{Connect, Exporter, Kafka, Postgres, Producer, Prometheus, Zookeeper};
        [
            Self::new("connect-kafka", Connect, Kafka, "bootstrap"),
            Self::new("connect-postgres", Connect, Postgres, "sql"),
            Self::new("exporter-kafka", Exporter, Kafka, "bootstrap"),
            Self::new("producer-kafka", Producer, Kafka, "bootstrap"),
            Self::new("kafka-zookeeper", Kafka, Zookeeper, "client"),
            Self::new("prometheus-exporter", Prometheus, Exporter, "http"),
        ]
    };

    const fn new(
        name: &'static str,
        from: ServiceName,
        to: ServiceName,
        key: &'static str,
    ) -> Self {
        Self {
            from,
            to,
            key,
            name,
        }
    }

    /// Such as `connect-postgres`.
    pub const fn as_str(self) -> &'static str {
        self.name
    }

    /// What Kafka calls the listener of this link.
    pub(crate) fn listener(self) -> String {
        self.from.as_str().to_uppercase()
    }
}

impl fmt::Display for Link {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name)
    }
}

impl FromStr for Link {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|link| link.name == text)
            .ok_or_else(|| {
                let known = Self::ALL.map(Self::as_str).join(", ");
                format!("there is no link `{text}`; there are {known}")
            })
    }
}

/// The proxies of a stack. They end with it.
#[derive(Debug, Default)]
pub struct Links(BTreeMap<Link, Proxy>);

impl Links {
    /// A proxy for each link, which listens and forwards nothing yet: where to is known later.
    ///
    /// # Errors
    /// When there is no port to listen on.
    pub(crate) fn listen(links: impl IntoIterator<Item = Link>) -> io::Result<Self> {
        links
            .into_iter()
            .map(|link| Ok((link, Proxy::listen()?)))
            .collect::<io::Result<_>>()
            .map(Self)
    }

    /// The proxies, by link.
    pub fn iter(&self) -> impl Iterator<Item = (Link, &Proxy)> {
        self.0.iter().map(|(link, proxy)| (*link, proxy))
    }

    /// The proxy of a link, if it has one.
    pub fn get(&self, link: Link) -> Option<&Proxy> {
        self.0.get(&link)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_called_by_its_ends_and_leads_to_an_endpoint() {
        for link in Link::ALL {
            assert_eq!(link.as_str(), format!("{}-{}", link.from, link.to));
            assert_eq!(link.as_str().parse(), Ok(link));
            let mut keys = link.to.service().ports(crate::Profile::default()).iter();
            assert!(keys.any(|(key, _)| *key == link.key), "{link}");
        }
    }
}
