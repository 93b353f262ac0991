//! Whether a service is ready, asked by its own protocol. One attempt at a time; the caller repeats it.

mod connect;
mod exporter;
mod http;
mod kafka;
mod postgres;
mod producer;
mod prometheus;
mod zookeeper;

use std::time::{Duration, Instant};

pub use zookeeper::four_letters;

use crate::endpoints::Endpoints;
use crate::services::ServiceName;

/// Between two looks whether a place is free.
const POLL: Duration = Duration::from_millis(25);

/// How long one attempt may take, after this long a wait. Short at first: a broker that has just begun to listen answers
/// some requests never, and a client's own back-off after those is longer than a new attempt.
fn attempt_limit(waited: Duration) -> Duration {
    (waited / 4).clamp(Duration::from_millis(400), Duration::from_secs(2))
}

/// What is waited for, in words for an error message.
pub fn condition(service: ServiceName) -> &'static str {
    match service.kind() {
        ServiceName::Zookeeper => "ZooKeeper to answer `srvr`",
        ServiceName::Kafka => "Kafka to return metadata in which every topic of ours has a leader",
        ServiceName::Connect => "Connect to list the needed plugins and to call itself healthy",
        ServiceName::Postgres => "Postgres to answer SQL",
        ServiceName::Prometheus => "Prometheus to have every target `up`",
        ServiceName::Exporter => "the exporter's /ready to answer 200",
        _ => "the producer's first message to be on its topic",
    }
}

/// Waits until the place of a service that ran before is free for its next process. Whether it ever is, the service says better
/// than we: it is started in the end.
pub async fn vacant(service: ServiceName, endpoints: &Endpoints, limit: Duration) {
    let (ServiceName::Kafka, id) = service.instance() else {
        return;
    };
    let begun = Instant::now();
    while zookeeper::no_broker(endpoints, id).await.is_err() && begun.elapsed() < limit {
        tokio::time::sleep(POLL).await;
    }
}

/// Asks once; `waited` is how long it has been asked for already.
///
/// # Errors
/// What was seen instead.
pub async fn probe(
    service: ServiceName,
    endpoints: &Endpoints,
    members: &[ServiceName],
    waited: Duration,
) -> Result<(), String> {
    let limit = attempt_limit(waited);
    let attempt = async {
        match service.kind() {
            ServiceName::Zookeeper => zookeeper::probe(endpoints).await,
            ServiceName::Kafka => kafka::probe(service, endpoints, members).await,
            ServiceName::Connect => connect::probe(service, endpoints).await,
            ServiceName::Postgres => postgres::probe(endpoints).await,
            ServiceName::Prometheus => prometheus::probe(endpoints, members).await,
            ServiceName::Exporter => exporter::probe(endpoints).await,
            _ => producer::probe(endpoints).await,
        }
    };
    tokio::time::timeout(limit, attempt)
        .await
        .unwrap_or_else(|_| Err(format!("no answer within {limit:?}")))
}

/// How long a service that somebody else runs may take to answer.
const REACH: Duration = Duration::from_secs(10);

/// What [`reach`] asks, in words for an error message.
pub fn question(service: ServiceName) -> &'static str {
    match service.kind() {
        ServiceName::Zookeeper => "the four letter word `srvr`",
        ServiceName::Kafka => "a request for metadata",
        ServiceName::Connect => "GET /connectors",
        ServiceName::Postgres => "SELECT 1",
        ServiceName::Prometheus => "GET /-/ready",
        ServiceName::Exporter => "GET /ready",
        _ => "nothing: it listens nowhere",
    }
}

/// Asks once whether a service is there, and makes nothing on it: for one that somebody else runs.
///
/// # Errors
/// What was seen instead.
pub async fn reach(service: ServiceName, endpoints: &Endpoints) -> Result<(), String> {
    let attempt = async {
        match service.kind() {
            ServiceName::Zookeeper => zookeeper::probe(endpoints).await,
            ServiceName::Kafka => kafka::reach(endpoints, REACH).await,
            ServiceName::Connect => connect::reach(endpoints).await,
            ServiceName::Postgres => postgres::reach(endpoints).await,
            ServiceName::Prometheus => prometheus::probe(endpoints, &[]).await,
            ServiceName::Exporter => exporter::probe(endpoints).await,
            _ => Ok(()),
        }
    };
    tokio::time::timeout(REACH, attempt)
        .await
        .unwrap_or_else(|_| Err(format!("no answer within {REACH:?}")))
}

/// The words of an error and of all its causes.
fn words(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let more = cause.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        source = cause.source();
    }
    text
}
