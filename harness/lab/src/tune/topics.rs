//! The topics that a measured connector wrote.

use std::time::Duration;

use anyhow::{Context as _, Result};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};

use crate::runner::Context;

const ASK: Duration = Duration::from_secs(5);

/// Names of the topics that begin with a prefix.
fn named(consumer: &BaseConsumer, prefix: &str) -> Result<Vec<(String, i32)>> {
    let metadata = consumer
        .fetch_metadata(None, ASK)
        .context("Kafka does not return metadata")?;
    Ok(metadata
        .topics()
        .iter()
        .filter(|topic| topic.name().starts_with(prefix))
        .map(|topic| {
            (
                topic.name().to_owned(),
                i32::try_from(topic.partitions().len()).unwrap_or(0),
            )
        })
        .collect())
}

fn consumer(context: &Context) -> Result<BaseConsumer> {
    ClientConfig::new()
        .set("bootstrap.servers", context.endpoint("kafka", "bootstrap")?)
        .set("log_level", "0")
        .create()
        .context("cannot make a Kafka client")
}

/// Records on all topics that begin with a prefix.
pub(super) async fn records(context: &Context, prefix: &str) -> Result<i64> {
    tokio::task::block_in_place(|| {
        let consumer = consumer(context)?;
        let mut records = 0;
        for (topic, partitions) in named(&consumer, prefix)? {
            for partition in 0..partitions {
                let (low, high) = consumer.fetch_watermarks(&topic, partition, ASK)?;
                records += high - low;
            }
        }
        Ok(records)
    })
}

/// Deletes all topics that begin with a prefix: the next measurement gets its disk and its page cache.
pub(super) async fn delete(context: &Context, prefix: &str) -> Result<()> {
    let topics = tokio::task::block_in_place(|| named(&consumer(context)?, prefix))?;
    let admin: AdminClient<DefaultClientContext> = ClientConfig::new()
        .set("bootstrap.servers", context.endpoint("kafka", "bootstrap")?)
        .set("log_level", "0")
        .create()
        .context("cannot make a Kafka client")?;
    let names: Vec<_> = topics.iter().map(|(name, _)| name.as_str()).collect();
    if !names.is_empty() {
        for answer in admin.delete_topics(&names, &AdminOptions::new()).await? {
            answer.map_err(|(name, code)| anyhow::anyhow!("cannot delete topic {name}: {code}"))?;
        }
    }
    Ok(())
}
