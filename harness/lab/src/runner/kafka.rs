//! Reading a topic from its start, with a place that moves on as checks look at it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{BorrowedMessage, Headers, Message};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use serde::Serialize;
use serde_json::Value;

/// How long one look at a topic may take when records keep coming.
const LOOK: Duration = Duration::from_millis(500);
/// How long all of a topic may take.
const WHOLE: Duration = Duration::from_secs(10);
const ASK: Duration = Duration::from_secs(2);

/// A record as checks see it.
#[derive(Debug, Clone, Serialize)]
pub struct Record {
    /// Partition.
    pub partition: i32,
    /// Offset.
    pub offset: i64,
    /// Key: JSON where it is JSON, its schema taken off; text otherwise; null where there is none.
    pub key: Value,
    /// Value, likewise.
    pub value: Value,
    /// Whether it has no value at all: that is what compaction removes a key for. An envelope whose payload is null is none.
    pub tombstone: bool,
    /// Headers as text by name.
    pub headers: BTreeMap<String, String>,
}

/// Reads a topic once, keeps the records, and remembers how far the scenario has looked.
pub struct TopicReader {
    client: ClientConfig,
    consumer: BaseConsumer,
    topic: String,
    assigned: usize,
    /// Where it was read to, by partition.
    places: BTreeMap<i32, i64>,
    records: Vec<Record>,
    looked_at: usize,
}

impl TopicReader {
    /// A reader at the start of a topic, which need not exist yet.
    ///
    /// # Errors
    /// When no consumer can be made.
    pub fn new(mut client: ClientConfig, topic: &str) -> Result<Self> {
        client
            .set("group.id", "lab-checks")
            .set("enable.auto.commit", "false")
            .set("auto.offset.reset", "earliest")
            .set("isolation.level", "read_committed")
            .set("fetch.wait.max.ms", "50");
        Ok(Self {
            consumer: consumer(&client)?,
            client,
            topic: topic.to_owned(),
            assigned: 0,
            places: BTreeMap::new(),
            records: Vec::new(),
            looked_at: 0,
        })
    }

    /// Records that no check has settled yet, after reading what has arrived by now.
    ///
    /// # Errors
    /// When the broker does not answer.
    pub fn unsettled(&mut self) -> Result<&[Record]> {
        self.read_on()?;
        Ok(&self.records[self.looked_at..])
    }

    /// All records from the start of the topic.
    ///
    /// # Errors
    /// When the broker does not answer.
    pub fn all(&mut self) -> Result<&[Record]> {
        self.read_on()?;
        Ok(&self.records)
    }

    /// All records that were there when it was called, however long they take: what is missing afterwards is not on the topic.
    ///
    /// # Errors
    /// When the broker does not answer.
    pub fn whole(&mut self) -> Result<&[Record]> {
        let begun = Instant::now();
        while !self.read_on()? {
            if begun.elapsed() > WHOLE {
                bail!("the topic was not read to its end within {WHOLE:?}");
            }
        }
        Ok(&self.records)
    }

    /// How many records lie behind the scenario.
    pub fn settled(&self) -> usize {
        self.looked_at
    }

    /// A check has held that looked at this many records from the start of the topic: the next check begins after them.
    pub fn settle(&mut self, position: usize) {
        self.looked_at = position.min(self.records.len());
    }

    /// Whether everything that was there when it began has been read.
    fn read_on(&mut self) -> Result<bool> {
        let metadata = match self.consumer.fetch_metadata(Some(&self.topic), ASK) {
            Ok(metadata) => metadata,
            Err(error) => {
                self.begin_anew()?;
                return Err(error).context("Kafka does not return metadata");
            }
        };
        if metadata.brokers().is_empty() {
            bail!("Kafka knows of no broker yet");
        }
        let partitions = metadata
            .topics()
            .first()
            .map_or(0, |topic| topic.partitions().len());
        if partitions == 0 {
            // Another topic may get its name.
            self.places.clear();
        }
        if partitions != self.assigned {
            self.assign(partitions)?;
        }
        let mut missing = Vec::new();
        for partition in 0..i32::try_from(partitions).unwrap_or(i32::MAX) {
            let (low, high) = self
                .consumer
                .fetch_watermarks(&self.topic, partition, ASK)?;
            if self.places.get(&partition).is_some_and(|at| *at > high) {
                // Another topic has its name.
                self.places.remove(&partition);
                self.assign(partitions)?;
            }
            if low < high {
                missing.push((partition, high));
            }
        }
        let begun = Instant::now();
        // A position and not a count of records: markers of transactions take offsets too.
        while begun.elapsed() < LOOK && self.is_behind(&missing)? {
            if let Some(message) = self.consumer.poll(Duration::from_millis(20)) {
                let record = record(&message?);
                self.places.insert(record.partition, record.offset + 1);
                self.records.push(record);
            }
        }
        Ok(!self.is_behind(&missing)?)
    }

    /// Another consumer that goes on where this one is: one whose broker was restarted may never find it again
    /// (<https://github.com/confluentinc/librdkafka/issues/5301>).
    fn begin_anew(&mut self) -> Result<()> {
        self.consumer = consumer(&self.client)?;
        self.assign(self.assigned)
    }

    /// Assigns so many partitions, each from where it was read to.
    fn assign(&mut self, partitions: usize) -> Result<()> {
        let mut list = TopicPartitionList::new();
        for partition in 0..i32::try_from(partitions).unwrap_or(i32::MAX) {
            let place = self.places.get(&partition);
            let offset = place.map_or(Offset::Beginning, |place| Offset::Offset(*place));
            list.add_partition_offset(&self.topic, partition, offset)?;
        }
        self.consumer.assign(&list)?;
        self.assigned = partitions;
        Ok(())
    }

    fn is_behind(&self, ends: &[(i32, i64)]) -> Result<bool> {
        let position = self.consumer.position()?;
        Ok(ends.iter().any(|(partition, end)| {
            // A consumer has no position in a partition of which it has not read anything yet.
            let element = position.find_partition(&self.topic, *partition);
            let at = match element.map(|element| element.offset()) {
                Some(Offset::Offset(at)) => Some(at),
                _ => self.places.get(partition).copied(),
            };
            at.is_none_or(|at| at < *end)
        }))
    }
}

fn consumer(client: &ClientConfig) -> Result<BaseConsumer> {
    client.create().context("cannot make a consumer")
}

fn record(message: &BorrowedMessage<'_>) -> Record {
    let headers = message
        .headers()
        .into_iter()
        .flat_map(|headers| headers.iter());
    Record {
        partition: message.partition(),
        offset: message.offset(),
        key: decode(message.key()),
        value: decode(message.payload()),
        tombstone: message.payload().is_none(),
        headers: headers
            .map(|header| {
                let value = header
                    .value
                    .map(String::from_utf8_lossy)
                    .unwrap_or_default();
                (header.key.to_owned(), value.into_owned())
            })
            .collect(),
    }
}

/// JSON as it is, without the schema that Connect's JsonConverter wraps it in; anything else as text.
fn decode(bytes: Option<&[u8]>) -> Value {
    let Some(bytes) = bytes else {
        return Value::Null;
    };
    match serde_json::from_slice(bytes) {
        Ok(Value::Object(mut object))
            if object.len() == 2
                && object.contains_key("schema")
                && object.contains_key("payload") =>
        {
            object.remove("payload").unwrap_or_default()
        }
        Ok(value) => value,
        Err(_) => Value::String(String::from_utf8_lossy(bytes).into_owned()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use futures::executor::block_on;
    use rdkafka::admin::{AdminClient, AdminOptions};
    use rdkafka::client::DefaultClientContext;
    use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
    use rstest::rstest;
    use serde_json::json;

    /// A topic whose name begins so, of three records that were read, on the broker that `LAB_BOOTSTRAP` names; and the settings of
    /// its clients.
    fn three_records(name: &str) -> Option<(ClientConfig, String, TopicReader)> {
        let Ok(servers) = std::env::var("LAB_BOOTSTRAP") else {
            println!("skipped: needs a Kafka broker; LAB_BOOTSTRAP=host:port names one");
            return None;
        };
        let mut client = ClientConfig::new();
        client.set("bootstrap.servers", servers);
        let topic = format!("{name}-{}", std::process::id());
        write(&client, &topic, 3);
        let mut reader = TopicReader::new(client.clone(), &topic).unwrap();
        assert_eq!(reader.whole().unwrap().len(), 3);
        Some((client, topic, reader))
    }

    /// The broker makes the topic where there is none.
    fn write(client: &ClientConfig, topic: &str, number: usize) {
        let producer: BaseProducer = client.create().unwrap();
        for _ in 0..number {
            let record = BaseRecord::<(), str>::to(topic).payload("{}");
            producer.send(record).unwrap();
        }
        producer.flush(Duration::from_secs(30)).unwrap();
    }

    /// A topic that was deleted, and one of its name made.
    #[test]
    fn another_topic_of_the_name_is_read_from_its_start() {
        let Some((client, topic, mut reader)) = three_records("made-again") else {
            return;
        };

        let admin: AdminClient<DefaultClientContext> = client.create().unwrap();
        let options = AdminOptions::new();
        let deleted = admin.delete_topics(&[&topic], &options);
        block_on(deleted).unwrap()[0].as_ref().unwrap();
        // Until it is gone; asking makes none.
        let begun = Instant::now();
        while reader.assigned > 0 {
            assert!(begun.elapsed() < Duration::from_secs(30));
            let _ = reader.whole();
        }
        write(&client, &topic, 1);
        let begun = Instant::now();
        while reader.whole().map_or(0, <[Record]>::len) < 4 {
            assert!(begun.elapsed() < Duration::from_secs(30));
        }
    }

    /// `lab soak --seed 1 --round 47`: Kafka was restarted, and the consumer never found it again.
    #[test]
    fn another_consumer_goes_on_where_the_first_one_was() {
        let Some((client, topic, mut reader)) = three_records("begun-anew") else {
            return;
        };
        for _ in 0..2 {
            reader.begin_anew().unwrap();
            assert_eq!(reader.whole().unwrap().len(), 3);
        }
        write(&client, &topic, 2);
        assert_eq!(reader.whole().unwrap().len(), 5);
    }

    #[rstest]
    #[case::none(None, Value::Null)]
    #[case::json(Some(r#"{"a":1}"#), json!({"a": 1}))]
    #[case::with_schema(Some(r#"{"schema":{"type":"struct"},"payload":{"id":1}}"#), json!({"id": 1}))]
    #[case::schema_of_a_null(Some(r#"{"schema":null,"payload":null}"#), Value::Null)]
    #[case::a_field_named_schema(Some(r#"{"schema":1,"other":2}"#), json!({"schema": 1, "other": 2}))]
    #[case::text(Some("hello"), json!("hello"))]
    fn keys_and_values_are_decoded(#[case] bytes: Option<&str>, #[case] expected: Value) {
        assert_eq!(decode(bytes.map(str::as_bytes)), expected);
    }
}
