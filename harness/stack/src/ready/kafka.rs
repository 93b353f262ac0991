//! Kafka returns metadata in which the topics of `services/kafka/settings.json` have leaders; it makes them first.

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::types::RDKafkaErrorCode;
use tokio::net::TcpStream;

use super::words;
use crate::endpoints::Endpoints;
use crate::security::{allow, rules_of, set_passwords};
use crate::services::ServiceName;
use crate::services::kafka::settings;

/// How long the broker may take to hear of its users, and again of their rules. An attempt is given up sooner.
const INTRODUCTION: Duration = Duration::from_secs(2);

pub(super) async fn probe(
    broker: ServiceName,
    endpoints: &Endpoints,
    members: &[ServiceName],
) -> Result<(), String> {
    let bootstrap = endpoints
        .endpoint("lab", broker.as_str(), "bootstrap")
        .map_err(|error| error.to_string())?;
    // That of the first has all of them.
    let bootstrap = bootstrap.split(',').next().unwrap_or_default().to_owned();
    let brokers = ServiceName::Kafka.among(members).count();
    // A refused connection is cheaper to see here than in a client with threads of its own.
    listening(&bootstrap).await?;
    introduce(broker, endpoints, members).await?;
    let settings = settings().map_err(|error| words(&error))?;
    let admin: AdminClient<DefaultClientContext> = endpoints
        .kafka_client(&bootstrap)
        .set("reconnect.backoff.max.ms", "200")
        .set("log_level", "0")
        .create()
        .map_err(|error| words(&error))?;
    let topics: Vec<_> = settings
        .topics
        .iter()
        .map(|(name, topic)| {
            NewTopic::new(
                name,
                topic.partitions,
                // As many as there are: one, or three.
                TopicReplication::Fixed(topic.replication_factor.max(brokers as i32)),
            )
        })
        .collect();
    let created = admin
        .create_topics(&topics, &AdminOptions::new())
        .await
        .map_err(|error| words(&error))?;
    for result in created {
        match result {
            Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((topic, code)) => return Err(format!("topic {topic} cannot be made: {code}")),
        }
    }
    let names: Vec<_> = settings.topics.into_keys().collect();
    tokio::task::spawn_blocking(move || with_leaders(&admin, &names))
        .await
        .map_err(|error| words(&error))?
}

/// Tells the broker of a secure stack who its users are and what they may do, by the listener that asks for certificates.
async fn introduce(
    broker: ServiceName,
    endpoints: &Endpoints,
    members: &[ServiceName],
) -> Result<(), String> {
    let Some(keys) = endpoints.keys().cloned() else {
        return Ok(());
    };
    let address = endpoints
        .endpoint("lab", broker.as_str(), "brokers")
        .map_err(|error| error.to_string())?;
    let mut client = ClientConfig::new();
    client
        .set("bootstrap.servers", address)
        .set("reconnect.backoff.max.ms", "200")
        .set("log_level", "0");
    keys.show_certificate(&mut client, "lab");
    let rules = rules_of(members).map_err(|error| words(&error))?;
    let work = move || {
        set_passwords(&client, &keys, INTRODUCTION)?;
        allow(&client, &rules, INTRODUCTION)
    };
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| words(&error))?
        .map_err(|error| words(&error))
}

fn with_leaders(
    admin: &AdminClient<DefaultClientContext>,
    topics: &[String],
) -> Result<(), String> {
    for name in topics {
        let metadata = admin
            .inner()
            .fetch_metadata(Some(name), Duration::from_secs(1))
            .map_err(|error| words(&error))?;
        let partitions = metadata
            .topics()
            .first()
            .map_or(&[][..], |topic| topic.partitions());
        if partitions.is_empty() || partitions.iter().any(|partition| partition.leader() < 0) {
            return Err(format!("topic {name} has no leader yet"));
        }
    }
    Ok(())
}

pub(super) async fn reach(endpoints: &Endpoints, limit: Duration) -> Result<(), String> {
    let bootstrap = endpoints
        .endpoint("lab", "kafka", "bootstrap")
        .map_err(|error| error.to_string())?
        .to_owned();
    listening(&bootstrap).await?;
    let mut client = endpoints.kafka_client(&bootstrap);
    let asked = tokio::task::spawn_blocking(move || {
        let admin: AdminClient<DefaultClientContext> = client.set("log_level", "0").create()?;
        let metadata = admin.inner().fetch_metadata(None, limit)?;
        Ok::<_, rdkafka::error::KafkaError>(metadata.brokers().len())
    });
    match asked
        .await
        .map_err(|error| words(&error))?
        .map_err(|error| words(&error))?
    {
        0 => Err("its metadata names no broker".to_owned()),
        _ => Ok(()),
    }
}

/// Whether one of these brokers listens. One is enough, and says more of why it is not there than a client that has all of them.
pub(super) async fn listening(bootstrap: &str) -> Result<(), String> {
    let mut seen = Vec::new();
    for address in bootstrap.split(',') {
        match TcpStream::connect(address.trim()).await {
            Ok(_) => return Ok(()),
            Err(error) => seen.push(format!("{address}: {error}")),
        }
    }
    Err(seen.join(", "))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// The producer's probe took the list for one name: no stack of three brokers with a producer got ready.
    #[tokio::test]
    async fn one_of_several_is_enough_and_each_that_is_silent_is_named() {
        let broker = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let there = broker.local_addr().unwrap().to_string();
        let away = "127.0.0.1:1";
        assert_eq!(listening(&format!("{away},{there}")).await, Ok(()));
        let seen = listening(&format!("{away}, {away}")).await.unwrap_err();
        assert_eq!(seen.matches("Connection refused").count(), 2, "{seen}");
    }
}
