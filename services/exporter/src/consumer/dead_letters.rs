//! Copies of what was refused, on a topic of their own: the original bytes, key and headers, and the reason.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rdkafka::ClientConfig;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Header;
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer, ProducerContext};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use settings::Bootstrap;

use super::context::log_beside_trouble;
use super::inbox::Incoming;
use crate::state::State;

/// How long a full queue may hold up the partition before a letter is given up and counted as lost.
const PATIENCE: Duration = Duration::from_secs(1);

/// Letters that wait for the broker, in kilobytes: a part of the documented bound on memory.
const QUEUE_KB: &str = "16384";

/// Writes to the dead-letter topic.
pub(super) struct DeadLetters {
    topic: String,
    producer: BaseProducer<Deliveries>,
    /// By partition: records before this offset were seen by an earlier owner, who has reported them.
    new_from: Mutex<BTreeMap<i32, i64>>,
}

impl DeadLetters {
    /// `config` is the consumer's: brokers and security are the same.
    pub(super) fn new(
        config: &ClientConfig,
        topic: &str,
        state: Arc<State>,
    ) -> Result<DeadLetters, KafkaError> {
        let mut config = config.clone();
        super::without_group(&mut config);
        config
            .set("client.id", "exporter-dead-letters")
            .set("enable.idempotence", "true")
            .set("queue.buffering.max.kbytes", QUEUE_KB);
        // What the topic of the metrics takes, this client must not refuse: a letter has headers on top. Whether the dead-letter topic
        // takes it is that topic's max.message.bytes.
        if config.get("message.max.bytes").is_none() {
            config.set("message.max.bytes", "100000000");
        }
        let bootstrap = Bootstrap::of(&config);
        let producer = config.create_with_context(Deliveries { bootstrap, state })?;
        Ok(DeadLetters {
            topic: topic.to_owned(),
            producer,
            new_from: Mutex::default(),
        })
    }

    /// Looks up from where on records of newly assigned partitions were not seen yet: a replay must not
    /// write its letters a second time.
    pub(super) fn assigned<C: ConsumerContext>(
        &self,
        consumer: &BaseConsumer<C>,
        partitions: &TopicPartitionList,
    ) {
        let committed = match consumer.committed_offsets(partitions.clone(), Duration::from_secs(5))
        {
            Ok(committed) => committed,
            Err(error) => {
                tracing::warn!(%error, "cannot look up committed offsets; dead letters may come twice");
                return;
            }
        };
        let mut new_from = self.new_from.lock();
        for element in committed.elements() {
            let offset = match element.offset() {
                Offset::Offset(offset) => offset,
                _ => 0,
            };
            new_from.insert(element.partition(), offset);
        }
    }

    /// Writes a letter, if the record is new to the group.
    pub(super) fn write(&self, topic: &str, message: Incoming<'_>, reasons: &str, why: &str) {
        let seen = self
            .new_from
            .lock()
            .get(&message.partition())
            .copied()
            .unwrap_or(0);
        if message.offset() < seen {
            return;
        }
        let mut headers = message.headers();
        let partition = message.partition().to_string();
        let offset = message.offset().to_string();
        let about = [
            ("exporter.reason", reasons),
            ("exporter.error", why),
            ("exporter.topic", topic),
            ("exporter.partition", &partition),
            ("exporter.offset", &offset),
        ];
        for (key, value) in about {
            headers = headers.insert(Header {
                key,
                value: Some(value),
            });
        }
        let mut record: BaseRecord<'_, [u8], [u8]> = BaseRecord::to(&self.topic).headers(headers);
        record.key = message.key();
        record.payload = message.payload();
        self.send(record);
        self.producer.poll(Duration::ZERO);
    }

    fn send(&self, record: BaseRecord<'_, [u8], [u8]>) {
        let error = match self.producer.send(record) {
            Ok(()) => return,
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), record)) => {
                self.producer.poll(PATIENCE);
                match self.producer.send(record) {
                    Ok(()) => return,
                    Err((error, _)) => error,
                }
            }
            Err((error, _)) => error,
        };
        self.producer.context().lost(&error);
    }

    /// Serves the outcome of earlier letters.
    pub(super) fn poll(&self) {
        self.producer.poll(Duration::ZERO);
        let is_waiting = self.producer.in_flight_count() > 0;
        let bootstrap = &self.producer.context().bootstrap;
        bootstrap.look(self.producer.client(), is_waiting);
    }

    /// Waits a moment for letters that are on their way.
    pub(super) fn flush(&self) {
        if let Err(error) = self.producer.flush(Duration::from_millis(500)) {
            tracing::warn!(waiting = self.producer.in_flight_count(), %error, "dead letters were not acknowledged");
        }
    }
}

struct Deliveries {
    bootstrap: Bootstrap,
    state: Arc<State>,
}

impl Deliveries {
    fn lost(&self, error: &KafkaError) {
        self.state.telemetry().dead_letter(false);
        tracing::error!(%error, "a dead letter was not written");
    }
}

impl ClientContext for Deliveries {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        // The consumer starts beside this client, and tells of brokers that are not there.
        if self.state.has_joined() {
            settings::rdkafka_log(level, facility, text);
        } else {
            log_beside_trouble(level, facility, text);
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        settings::rdkafka_error(&error, reason);
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        match result {
            Ok(_) => {
                self.bootstrap.answered();
                self.state.telemetry().dead_letter(true);
            }
            Err((error, _)) => self.lost(error),
        }
    }
}
