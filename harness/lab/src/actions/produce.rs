//! `produce`

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context as _;
use async_trait::async_trait;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::runner::{Context, Observed, Step, StepError, Topic};
use crate::words::count;

/// Records to write to a topic, in this order, each acknowledged.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Produce {
    /// The topic.
    topic: Topic,
    /// The records.
    records: Vec<Outgoing>,
}

/// A record. Text is written as it is, anything else as JSON; what is missing is null.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Outgoing {
    /// Its key.
    #[serde(default)]
    key: Value,
    /// Its value; without one it is a tombstone.
    #[serde(default)]
    value: Value,
    /// Its headers.
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// The partition; by the key's hash when missing.
    partition: Option<u16>,
    /// Writes it so many times: `{i}` in key and value counts from 0, and text that is only `{i}` is a number.
    #[serde(default = "once")]
    repeat: u64,
}

fn once() -> u64 {
    1
}

/// Most records that may be on their way at once.
const IN_FLIGHT: usize = 10_000;

#[async_trait]
impl Step for Produce {
    async fn attempt(&self, context: &mut Context) -> Result<Observed, StepError> {
        context.own_topic(&self.topic)?;
        let producer: FutureProducer = context
            .kafka_client()?
            .set("enable.idempotence", "true")
            .create()
            .context("cannot make a producer")?;
        let mut written = 0_u64;
        let mut waiting = Vec::new();
        for record in &self.records {
            for number in 0..record.repeat {
                waiting.push(send(&producer, &self.topic, record, number));
                written += 1;
                if waiting.len() == IN_FLIGHT {
                    futures::future::try_join_all(std::mem::take(&mut waiting)).await?;
                }
            }
        }
        futures::future::try_join_all(waiting).await?;
        Ok(Observed::text(format!(
            "{} written",
            count(written, "record")
        )))
    }
}

async fn send(
    producer: &FutureProducer,
    topic: &str,
    record: &Outgoing,
    number: u64,
) -> Result<(), StepError> {
    let (key, value) = (
        bytes(&counted(&record.key, number)),
        bytes(&counted(&record.value, number)),
    );
    let mut headers = OwnedHeaders::new();
    for (key, value) in &record.headers {
        headers = headers.insert(Header {
            key,
            value: Some(value),
        });
    }
    let mut outgoing: FutureRecord<'_, [u8], [u8]> = FutureRecord::to(topic).headers(headers);
    outgoing.key = key.as_deref();
    outgoing.payload = value.as_deref();
    outgoing.partition = record.partition.map(i32::from);
    producer
        .send(outgoing, Duration::from_secs(30))
        .await
        .map(drop)
        .map_err(|(error, _)| StepError::broken("kafka", error))
}

fn counted(value: &Value, number: u64) -> Value {
    match value {
        Value::String(text) if text == "{i}" => number.into(),
        Value::String(text) => text.replace("{i}", &number.to_string()).into(),
        Value::Array(items) => items.iter().map(|item| counted(item, number)).collect(),
        Value::Object(object) => Value::Object(
            object
                .iter()
                .map(|(key, item)| (key.clone(), counted(item, number)))
                .collect(),
        ),
        other => other.clone(),
    }
}

fn bytes(value: &Value) -> Option<Vec<u8>> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone().into_bytes()),
        other => Some(other.to_string().into_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_template_counts() {
        assert_eq!(
            counted(&json!({"id": "{i}", "name": "n-{i}", "x": [1]}), 3),
            json!({"id": 3, "name": "n-3", "x": [1]})
        );
    }

    #[test]
    fn text_is_written_as_it_is_and_null_is_none() {
        assert_eq!(
            bytes(&json!("{not json")).as_deref(),
            Some(b"{not json".as_slice())
        );
        assert_eq!(bytes(&Value::Null), None);
        assert_eq!(
            bytes(&json!({"a": 1})).as_deref(),
            Some(br#"{"a":1}"#.as_slice())
        );
    }
}
