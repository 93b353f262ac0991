//! A way back for a client that has lost every broker.
//!
//! A broker that has just started may answer a question about a topic before it knows of any broker, itself included. librdkafka,
//! since 2.10, then forgets all brokers that it knew, and sometimes does not go back to those that it was started with: it never asks
//! anybody again (<https://github.com/confluentinc/librdkafka/issues/5301>). Of thirty consumers whose only broker was restarted six
//! times, one stayed silent for good. Its statistics show that state, and naming brokers to it ends it.

use std::collections::HashMap;
use std::ffi::CString;
use std::sync::atomic::{AtomicBool, Ordering};

use rdkafka::ClientConfig;
use rdkafka::bindings::rd_kafka_brokers_add;
use rdkafka::client::{Client, ClientContext};
use serde::Deserialize;

const STATISTICS: &str = "statistics.interval.ms";
/// How often a client says which brokers it knows, in milliseconds, unless its configuration has another value.
const EVERY: &str = "5000";

/// Where a client begins, and whether it has to begin there once more. It belongs into the client's context.
#[derive(Debug, Default)]
pub struct Bootstrap {
    servers: Option<CString>,
    is_lost: AtomicBool,
}

/// What of librdkafka's statistics matters here (its STATISTICS.md).
#[derive(Deserialize)]
struct Statistics {
    brokers: HashMap<String, Broker>,
}

#[derive(Deserialize)]
struct Broker {
    /// `learned`, `configured`, `internal`, or `logical`: a name for a broker that would have to be known, too.
    source: String,
}

impl Bootstrap {
    /// For a client that is to be made with this configuration, which from now on says that it has statistics.
    pub fn watch(config: &mut ClientConfig) -> Bootstrap {
        if config.get(STATISTICS).is_none() {
            config.set(STATISTICS, EVERY);
        }
        let servers = ["bootstrap.servers", "metadata.broker.list"];
        let servers = servers.into_iter().find_map(|name| config.get(name));
        Bootstrap {
            servers: servers.and_then(|servers| CString::new(servers).ok()),
            is_lost: AtomicBool::new(false),
        }
    }

    /// Takes what the client's context gets as `stats_raw`.
    pub fn heard(&self, statistics: &[u8]) {
        // Of statistics in another form nothing follows.
        if let Ok(Statistics { brokers }) = serde_json::from_slice(statistics) {
            let knows_one = brokers
                .values()
                .any(|broker| ["learned", "configured"].contains(&broker.source.as_str()));
            self.is_lost.store(!knows_one, Ordering::Relaxed);
        }
    }

    /// Names the servers to its client again, if that knows none. For a loop that polls it.
    pub fn remind<C: ClientContext>(&self, client: &Client<C>) {
        if !self.is_lost.load(Ordering::Relaxed) {
            return;
        }
        self.is_lost.store(false, Ordering::Relaxed);
        let Some(servers) = &self.servers else {
            return;
        };
        tracing::warn!("librdkafka has forgotten every broker: it begins with {servers:?} again");
        // SAFETY: the client is alive, and copies the string, which ends with a zero byte.
        unsafe { rd_kafka_brokers_add(client.native_ptr(), servers.as_ptr()) };
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::none(r#"{ "name": "c", "brokers":{ }, "topics": {} }"#, true)]
    #[case::logical(
        r#"{ "brokers": { "GroupCoordinator": { "source":"logical" } } }"#,
        true
    )]
    #[case::internal(r#"{ "brokers": { ":0/internal": { "source":"internal" } } }"#, true)]
    #[case::learned(
        r#"{ "brokers": { "h:1/1": { "nodeid": 1, "source":"learned" } } }"#,
        false
    )]
    #[case::configured(
        r#"{ "brokers": { "h:1/bootstrap": { "source":"configured" } } }"#,
        false
    )]
    #[case::another_form(r#"{ "nodes": [] }"#, false)]
    fn statistics_say_whether_a_broker_is_known(#[case] statistics: &str, #[case] is_lost: bool) {
        let bootstrap = Bootstrap::default();
        bootstrap.heard(statistics.as_bytes());
        assert_eq!(bootstrap.is_lost.load(Ordering::Relaxed), is_lost);
    }

    #[test]
    fn who_has_statistics_keeps_them() {
        let mut config = ClientConfig::new();
        Bootstrap::watch(&mut config);
        assert_eq!(config.get(STATISTICS), Some(EVERY));
        config.set(STATISTICS, "100");
        Bootstrap::watch(&mut config);
        assert_eq!(config.get(STATISTICS), Some("100"));
    }
}
