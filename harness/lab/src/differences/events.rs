//! What a connector wrote: its topics, each with its events in order, without what differs from run to run.

use std::collections::BTreeMap;
use std::sync::PoisonError;
use std::time::Duration;

use anyhow::{Context as _, Result};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use serde_json::{Map, Value, json};

use crate::runner::{Context, Record};

/// Events by topic, the prefix of the run put as `PREFIX`.
pub type Topics = BTreeMap<String, Vec<String>>;

const ASK: Duration = Duration::from_secs(5);

/// Fields that every run has other values of: times, positions in the log, and what counts on.
const VOLATILE: [&str; 14] = [
    "ts_ms",
    "ts_us",
    "ts_ns",
    "lsn",
    "lsn_proc",
    "lsn_commit",
    "sequence",
    "txId",
    "xmin",
    "schema_version",
    "version",
    "db",
    "name",
    "transaction_id",
];
/// Names of topics that carry nothing of the workload.
const BESIDE: &str = "__debezium-heartbeat.";

/// Everything on topics that begin with the prefix.
///
/// # Errors
/// When the broker does not answer.
pub fn read(context: &mut Context, prefix: &str) -> Result<Topics> {
    let consumer: BaseConsumer = context
        .kafka_client()?
        .create()
        .context("cannot make a Kafka client")?;
    let metadata = consumer
        .fetch_metadata(None, ASK)
        .context("Kafka does not return metadata")?;
    let mut topics = Topics::new();
    for topic in metadata.topics() {
        let name = topic.name();
        if !name.contains(prefix) || name.starts_with(BESIDE) {
            continue;
        }
        let reader = context.new_reader(name)?;
        let mut reader = reader.lock().unwrap_or_else(PoisonError::into_inner);
        let events = reader.whole()?.iter().map(|record| event(record, prefix));
        topics.insert(name.replace(prefix, "PREFIX"), events.collect());
    }
    Ok(topics)
}

/// One line: key, value, and the names of the headers.
fn event(record: &Record, prefix: &str) -> String {
    let value = if record.tombstone {
        "tombstone".to_owned()
    } else {
        stable(&record.value).to_string()
    };
    let names: Vec<_> = record.headers.keys().map(String::as_str).collect();
    let headers = match names.is_empty() {
        true => String::new(),
        false => format!("  headers {}", names.join(", ")),
    };
    format!("{} → {value}{headers}", record.key).replace(prefix, "PREFIX")
}

/// A value without what differs from run to run.
fn stable(value: &Value) -> Value {
    match value {
        // Of an envelope: the rest of `source` says where it comes from, which is the workload's own.
        Value::Object(object) => {
            let is_source = object.contains_key("connector") && object.contains_key("snapshot");
            let kept = object.iter().filter(|(key, _)| {
                !(VOLATILE.contains(&key.as_str()) && (is_source || key.starts_with("ts_")))
            });
            kept.map(|(key, value)| (key.clone(), stable(value)))
                .collect::<Map<_, _>>()
                .into()
        }
        Value::Array(items) => items.iter().map(stable).collect(),
        other => json!(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_from_run_to_run_is_left_out() {
        let value = json!({
            "op": "c", "ts_ms": 1, "after": {"id": 1, "name": "Ada", "version": 3},
            "source": {"connector": "postgresql", "snapshot": "false", "table": "customers", "lsn": 7, "name": "p", "version": "3"}
        });
        let expected = json!({
            "op": "c", "after": {"id": 1, "name": "Ada", "version": 3},
            "source": {"connector": "postgresql", "snapshot": "false", "table": "customers"}
        });
        assert_eq!(stable(&value), expected);
    }
}
