//! The topics that a measured connector wrote.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{BorrowedMessage, Headers, Message};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use sha2::{Digest, Sha256};

use crate::runner::Context;

/// A broker on a busy machine takes its time.
const ASK: Duration = Duration::from_secs(20);
/// Records of a measurement that are compared with those of others.
const COMPARED: usize = 1000;
/// How long reading them may take.
const READ: Duration = Duration::from_secs(10);

/// The topics of one measurement: those whose names begin with the connector's.
pub(super) struct Topics {
    consumer: BaseConsumer,
    client: ClientConfig,
    prefix: String,
}

impl Topics {
    pub(super) fn of(context: &Context, connector: &str) -> Result<Self> {
        let client = context.kafka_client()?;
        let consumer = client
            .clone()
            .set("group.id", connector)
            .set("enable.auto.commit", "false")
            .create()
            .context("cannot make a Kafka client")?;
        Ok(Self {
            consumer,
            client,
            prefix: connector.to_owned(),
        })
    }

    /// Names, with their numbers of partitions.
    fn named(&self) -> Result<Vec<(String, i32)>> {
        let metadata = self
            .consumer
            .fetch_metadata(None, ASK)
            .context("Kafka does not return metadata")?;
        Ok(metadata
            .topics()
            .iter()
            .filter(|topic| topic.name().starts_with(&self.prefix))
            .map(|topic| {
                (
                    topic.name().to_owned(),
                    i32::try_from(topic.partitions().len()).unwrap_or(0),
                )
            })
            .collect())
    }

    /// Records on all of them.
    pub(super) fn records(&self) -> Result<i64> {
        tokio::task::block_in_place(|| {
            let mut records = 0;
            for (topic, partitions) in self.named()? {
                for partition in 0..partitions {
                    let (low, high) = self.consumer.fetch_watermarks(&topic, partition, ASK)?;
                    records += high - low;
                }
            }
            Ok(records)
        })
    }

    /// A digest over key, value and headers of the first records, with how many these are: equal where the records are, but for
    /// the connector's name and the moments at which they were made. `None` where there is no record.
    pub(super) fn fingerprint(&self) -> Result<Option<String>> {
        tokio::task::block_in_place(|| {
            let mut digest = Sha256::new();
            let mut read = 0;
            for (topic, _) in self.named()? {
                let (low, high) = self.consumer.fetch_watermarks(&topic, 0, ASK)?;
                let wanted = usize::try_from(high - low).unwrap_or(0).min(COMPARED);
                if wanted == 0 {
                    continue;
                }
                let mut from = TopicPartitionList::new();
                from.add_partition_offset(&topic, 0, Offset::Beginning)?;
                self.consumer.assign(&from)?;
                let (begun, mut seen) = (Instant::now(), 0);
                while seen < wanted && begun.elapsed() < READ {
                    if let Some(message) = self.consumer.poll(Duration::from_millis(100)) {
                        self.add(&mut digest, &message?);
                        seen += 1;
                    }
                }
                read += seen;
            }
            self.consumer.unassign()?;
            let text = digest
                .finalize()
                .iter()
                .take(8)
                .map(|byte| format!("{byte:02x}"))
                .collect::<String>();
            Ok((read > 0).then(|| format!("{read} records {text}")))
        })
    }

    fn add(&self, digest: &mut Sha256, message: &BorrowedMessage<'_>) {
        let mut part = |what: &str, bytes: Option<&[u8]>| {
            let bytes = bytes.map(|bytes| without_moments(bytes, self.prefix.as_bytes()));
            digest.update(what);
            digest.update(match &bytes {
                Some(bytes) => bytes.len().to_string(),
                None => "null".to_owned(),
            });
            digest.update(bytes.unwrap_or_default());
        };
        part("key", message.key());
        part("value", message.payload());
        for header in message.headers().into_iter().flat_map(Headers::iter) {
            part(header.key, header.value.filter(|_| header.key != RUN));
        }
    }

    /// Deletes them: the next measurement gets their disk and their page cache.
    pub(super) async fn delete(&self) -> Result<()> {
        let topics = tokio::task::block_in_place(|| self.named())?;
        let admin: AdminClient<DefaultClientContext> =
            self.client.create().context("cannot make a Kafka client")?;
        let names: Vec<_> = topics.iter().map(|(name, _)| name.as_str()).collect();
        if !names.is_empty() {
            for answer in admin.delete_topics(&names, &AdminOptions::new()).await? {
                answer.map_err(|(name, code)| {
                    anyhow::anyhow!("cannot delete topic {name}: {code}")
                })?;
            }
        }
        Ok(())
    }
}

/// What Debezium puts into each record that differs from one reading of the same table to the next.
const MOMENTS: [&str; 8] = [
    "ts_ms",
    "ts_us",
    "ts_ns",
    "lsn",
    "txId",
    "xmin",
    "sequence",
    "lsn_commit",
];

/// The header with an id that Debezium 3.7 draws anew for each start of a task (`DebeziumHeaderProducer`).
const RUN: &str = "__debezium.context.runId";

/// Bytes with every `name` replaced, and the values of Debezium's moments left out, in JSON.
fn without_moments(bytes: &[u8], name: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(first) = rest.first() {
        if !name.is_empty() && rest.starts_with(name) {
            out.extend_from_slice(b"{row}");
            rest = &rest[name.len()..];
            continue;
        }
        if *first == b'"'
            && let Some(key) = MOMENTS.iter().find_map(|key| {
                let after = rest[1..].strip_prefix(key.as_bytes())?;
                after.starts_with(b"\":").then_some(key.len() + 3)
            })
        {
            out.extend_from_slice(&rest[..key]);
            rest = &rest[key..];
            let end = value_end(rest);
            rest = &rest[end..];
            continue;
        }
        out.push(*first);
        rest = &rest[1..];
    }
    out
}

/// Where a JSON number, text or `null` ends.
fn value_end(bytes: &[u8]) -> usize {
    if bytes.first() != Some(&b'"') {
        let ends = |byte: &u8| matches!(byte, b',' | b'}' | b']');
        return bytes.iter().position(ends).unwrap_or(bytes.len());
    }
    let mut place = 1;
    while place < bytes.len() {
        match bytes[place] {
            b'\\' => place += 2,
            b'"' => return place + 1,
            _ => place += 1,
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::number(r#"{"ts_ms":12,"a":1}"#, r#"{"ts_ms":,"a":1}"#)]
    #[case::last(r#"{"a":1,"lsn":34}"#, r#"{"a":1,"lsn":}"#)]
    #[case::text(r#"{"sequence":"[\"1\",\"2\"]","a":1}"#, r#"{"sequence":,"a":1}"#)]
    #[case::null(r#"{"xmin":null}"#, r#"{"xmin":}"#)]
    #[case::schema(r#"{"field":"ts_ms"}"#, r#"{"field":"ts_ms"}"#)]
    #[case::column(r#"{"my_ts_ms":1}"#, r#"{"my_ts_ms":1}"#)]
    #[case::name(r#"{"name":"k_m1.public"}"#, r#"{"name":"{row}.public"}"#)]
    #[case::no_json("k_m1", "{row}")]
    #[case::broken(r#"{"sequence":"\"#, r#"{"sequence":"#)]
    fn records_of_two_measurements_differ_in_what_is_left_out(
        #[case] given: &str,
        #[case] expected: &str,
    ) {
        let left = without_moments(given.as_bytes(), b"k_m1");
        assert_eq!(String::from_utf8_lossy(&left), expected);
    }
}
