//! What the peers read: topics of messages that `producer` makes, a shape each.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use rdkafka::ClientConfig;
use rdkafka::Message as _;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use serde::Serialize;

use super::digest::{Digest, shown};
use super::peers::Place;

/// Messages of one kind.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Shape {
    /// What it is called on the command line.
    pub name: &'static str,
    /// What it is, in words.
    pub about: &'static str,
    /// Metrics in each message.
    pub metrics: u32,
    /// Series in all, before any is renamed.
    pub series: u32,
    /// Messages of a full run: some seconds' work for the exporter.
    pub messages: u32,
    /// Further settings of the producer.
    #[serde(skip)]
    pub options: &'static [&'static str],
}

/// Every value changes with every message in all of them.
pub(super) const SHAPES: [Shape; 7] = [
    Shape {
        name: "small",
        about: "2 metrics a message",
        metrics: 2,
        series: 10_000,
        messages: 1_500_000,
        options: &[],
    },
    Shape {
        name: "stable",
        about: "20 metrics a message, always in the same order",
        metrics: 20,
        series: 10_000,
        messages: 400_000,
        options: &[],
    },
    Shape {
        name: "shuffled",
        about: "20 metrics a message in an order of its own, one description of ten changed",
        metrics: 20,
        series: 10_000,
        messages: 200_000,
        options: &["--shuffled", "--described-anew=0.1"],
    },
    Shape {
        name: "described-anew",
        about: "20 metrics a message, one description of ten changed",
        metrics: 20,
        series: 10_000,
        messages: 200_000,
        options: &["--described-anew=0.1"],
    },
    Shape {
        name: "renamed",
        about: "20 metrics a message, one of ten a new series",
        metrics: 20,
        series: 10_000,
        messages: 60_000,
        options: &["--renamed=0.1"],
    },
    Shape {
        name: "wide",
        about: "200 metrics a message",
        metrics: 200,
        series: 10_000,
        messages: 40_000,
        options: &[],
    },
    Shape {
        name: "escaped",
        about: "20 metrics a message, names beyond ASCII as JSON escapes",
        metrics: 20,
        series: 10_000,
        messages: 150_000,
        options: &["--names=escaped"],
    },
];

/// How messages are sent, so that the topic is what a busy one is.
const SENT: [&str; 4] = [
    "compression.type=lz4",
    "linger.ms=50",
    "batch.size=1000000",
    "queue.buffering.max.messages=200000",
];

/// Makes a topic with one partition.
pub(super) async fn create(bootstrap: &str, topic: &str) -> Result<()> {
    let admin: AdminClient<DefaultClientContext> = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .create()
        .context("cannot make a Kafka client")?;
    let new = NewTopic::new(topic, 1, TopicReplication::Fixed(1));
    let options = AdminOptions::new().operation_timeout(Some(Duration::from_secs(30)));
    for made in admin.create_topics([&new], &options).await? {
        made.map_err(|(topic, code)| anyhow::anyhow!("cannot make the topic {topic}: {code}"))?;
    }
    Ok(())
}

/// Sends so many messages of a shape.
pub(super) async fn send(
    place: &Place<'_>,
    topic: &str,
    (shape, messages, seed): (&Shape, u32, u64),
) -> Result<()> {
    let mut command = place.producer(topic);
    command
        .arg(format!("--series={}", shape.series))
        .arg(format!("--metrics-per-message={}", shape.metrics))
        .arg(format!("--count={messages}"))
        .arg(format!("--seed={seed}"))
        .args(["--interval=0s", "--log-level=warn", "--json"])
        .args(SENT.map(|setting| format!("--kafka-config={setting}")))
        .args(shape.options);
    place.output(&command).await.map(drop)
}

/// The digest of what a topic says, read with nothing that a peer uses: the last value of each series.
pub(super) async fn digest(bootstrap: &str, topic: &str) -> Result<Digest> {
    let (bootstrap, topic) = (bootstrap.to_owned(), topic.to_owned());
    let read = tokio::task::spawn_blocking(move || last_values(&bootstrap, &topic));
    Ok(Digest::of(read.await??))
}

fn last_values(bootstrap: &str, topic: &str) -> Result<BTreeMap<String, f64>> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("group.id", "bench-digest")
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .create()?;
    let mut partitions = TopicPartitionList::new();
    partitions.add_partition_offset(topic, 0, Offset::Beginning)?;
    consumer.assign(&partitions)?;
    let mut values = BTreeMap::new();
    loop {
        match consumer.poll(Duration::from_secs(30)) {
            Some(Ok(record)) => {
                let message: serde_json::Value =
                    serde_json::from_slice(record.payload().unwrap_or_default())?;
                for metric in message.as_object().into_iter().flat_map(|all| all.values()) {
                    let name = metric["Name"].as_str().context("a metric without a name")?;
                    let value = metric["Value"]
                        .as_f64()
                        .context("a metric without a value")?;
                    values.insert(shown(name), value);
                }
            }
            Some(Err(KafkaError::PartitionEOF(_))) => return Ok(values),
            Some(Err(error)) => return Err(error.into()),
            None => bail!("the topic {topic} does not answer"),
        }
    }
}
