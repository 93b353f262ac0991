//! `lag`

use anyhow::Context as _;
use async_trait::async_trait;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::number::Expected;
use crate::runner::{Context, Observed, Step, StepError, Topic};
use crate::words::count;

const ASK: std::time::Duration = std::time::Duration::from_secs(2);

/// How many records a consumer group has not committed, over all partitions of a topic. A partition without a committed
/// offset counts whole.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Lag {
    /// The group.
    group: String,
    /// The topic.
    topic: Topic,
    /// The number of records.
    records: Expected,
}

#[async_trait]
impl Step for Lag {
    async fn attempt(&self, context: &mut Context) -> Result<Observed, StepError> {
        let client = context.kafka_client()?;
        let lag = tokio::task::block_in_place(|| self.lag(client)).map_err(|error| {
            StepError::mismatch(
                "kafka",
                format!("a lag of {}", self.records),
                format!("{error:#}"),
            )
        })?;
        match self.records.holds(lag as f64) {
            true => Ok(Observed::value(
                count(lag, "record"),
                json!({ "records": lag }),
            )),
            false => Err(StepError::mismatch(
                "kafka",
                format!("a lag of {}", count(self.records, "record")),
                format!("{lag}"),
            )),
        }
    }
}

impl Lag {
    fn lag(&self, mut client: ClientConfig) -> anyhow::Result<i64> {
        // Not a member of the group: asking for its offsets does not disturb it.
        let consumer: BaseConsumer = client.set("group.id", &self.group).create()?;
        let metadata = consumer
            .fetch_metadata(Some(&*self.topic), ASK)
            .context("no metadata")?;
        let topic = metadata.topics().first().context("no such topic")?;
        let mut wanted = TopicPartitionList::new();
        for partition in topic.partitions() {
            wanted.add_partition(&self.topic, partition.id());
        }
        let committed = consumer
            .committed_offsets(wanted, ASK)
            .context("no committed offsets")?;
        let mut lag = 0;
        for element in committed.elements() {
            let (low, high) = consumer.fetch_watermarks(&self.topic, element.partition(), ASK)?;
            lag += match element.offset() {
                Offset::Offset(offset) => high - offset,
                _ => high - low,
            };
        }
        Ok(lag)
    }
}
