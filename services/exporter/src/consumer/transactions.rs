//! Transactions, one after the other, whatever became of the last one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::consumer::ConsumerGroupMetadata;
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer, ProducerContext};
use rdkafka::topic_partition_list::TopicPartitionList;
use settings::Bootstrap;

use super::context::Logged;

/// One request to Kafka may take this long.
const TIMEOUT: Duration = Duration::from_secs(10);
/// A request that is asked for again and again waits so long each time.
const SLICE: Duration = Duration::from_millis(100);
/// Times that offsets are sent to a transaction before it is given up.
const ATTEMPTS: u32 = 5;
/// A writer that was killed keeps its transaction open for so long at most; who restores waits for it.
const TRANSACTION_TIMEOUT_MS: &str = "10000";
/// Records that wait for the broker, in kilobytes: a part of the documented bound on memory.
const QUEUE_KB: &str = "16384";

/// What has to be done before a transaction can begin.
#[derive(Clone, Copy, PartialEq)]
enum Next {
    Initialise,
    Begin,
    /// The last one failed, and its end is not known.
    Abort,
}

/// A producer of transactions, with another one after each fatal error.
pub(super) struct Transactions {
    config: ClientConfig,
    bootstrap: Bootstrap,
    producer: BaseProducer<Logged>,
    next: Next,
    stop: Arc<AtomicBool>,
}

impl Transactions {
    /// `config` has brokers and security.
    pub(super) fn new(
        mut config: ClientConfig,
        transactional_id: &str,
        stop: Arc<AtomicBool>,
    ) -> KafkaResult<Transactions> {
        config
            .set("client.id", "exporter-state")
            .set("transactional.id", transactional_id)
            .set("transaction.timeout.ms", TRANSACTION_TIMEOUT_MS)
            .set("compression.type", "lz4")
            .set("linger.ms", "0")
            .set("queue.buffering.max.kbytes", QUEUE_KB)
            // Partitions that are added later are known within this time.
            .set("topic.metadata.refresh.interval.ms", "5000");
        Ok(Transactions {
            bootstrap: Bootstrap::of(&config),
            producer: config.create_with_context(Logged)?,
            config,
            next: Next::Initialise,
            stop,
        })
    }

    /// Gets ready for a transaction; then none of this producer, and of any other with its name, is open.
    ///
    /// # Errors
    /// What stands in the way. Asking again goes on where this ended.
    pub(super) fn prepare(&mut self) -> KafkaResult<()> {
        let prepared = self.try_prepare();
        self.heard(&prepared);
        prepared
    }

    fn try_prepare(&mut self) -> KafkaResult<()> {
        match self.next {
            Next::Begin => return Ok(()),
            Next::Abort => self.abort()?,
            Next::Initialise => {
                let initialised = self.producer.init_transactions(TIMEOUT);
                if initialised.as_ref().is_err_and(is_fatal) {
                    self.renew();
                }
                initialised?;
            }
        }
        self.next = Next::Begin;
        Ok(())
    }

    /// Writes what `send` sends, and the offsets, both or neither.
    ///
    /// # Errors
    /// Neither is written, or, after a fatal error, it is not known whether they are.
    pub(super) fn write(
        &mut self,
        send: impl FnOnce(&Self) -> KafkaResult<()>,
        offsets: &TopicPartitionList,
        group: &ConsumerGroupMetadata,
    ) -> KafkaResult<()> {
        self.prepare()?;
        let written = self.try_write(send, offsets, group);
        match &written {
            Ok(()) => {}
            // It is of this producer, not of the instance: the coordinator ends what takes too long, as when the process or the
            // broker slept, and refuses its producer from then on. Another instance of the same name does that, too; which of
            // the two is the member, the group decides: its generation goes with the offsets.
            Err(error) if is_fatal(error) => self.renew(),
            Err(_) => {
                self.next = Next::Abort;
                // Unfinished, it is gone on with before the next one.
                let _ = self.prepare();
            }
        }
        written
    }

    /// Sends a record of the transaction that `write` has begun.
    ///
    /// # Errors
    /// The client refuses it.
    pub(super) fn send(&self, mut record: BaseRecord<'_, [u8], [u8]>) -> KafkaResult<()> {
        while let Err((error, back)) = self.producer.send(record) {
            if error.rdkafka_error_code() != Some(RDKafkaErrorCode::QueueFull) {
                return Err(error);
            }
            self.producer.poll(SLICE);
            record = back;
        }
        Ok(())
    }

    fn try_write(
        &self,
        send: impl FnOnce(&Self) -> KafkaResult<()>,
        offsets: &TopicPartitionList,
        group: &ConsumerGroupMetadata,
    ) -> KafkaResult<()> {
        let producer = &self.producer;
        producer.begin_transaction()?;
        send(self)?;
        let mut attempts = 0;
        while let Err(error) = producer.send_offsets_to_transaction(offsets, group, TIMEOUT) {
            attempts += 1;
            if attempts == ATTEMPTS || !is_retriable(&error) {
                return Err(error);
            }
        }
        producer.flush(TIMEOUT)?;
        // Once asked for, a commit is not to be taken back: librdkafka takes no other call before it is known how it went.
        let mut stopped = None;
        loop {
            let committed = producer.commit_transaction(SLICE);
            self.heard(&committed);
            match committed {
                Err(error) if is_retriable(&error) => {
                    if self.stop.load(Ordering::Relaxed)
                        && stopped.get_or_insert_with(Instant::now).elapsed() > TIMEOUT
                    {
                        return Err(error);
                    }
                }
                result => return result,
            }
        }
    }

    /// Ends the transaction that failed.
    fn abort(&mut self) -> KafkaResult<()> {
        let begin = Instant::now();
        loop {
            // An abort waits for the delivery reports of what was sent and, other than `commit_transaction`, serves none.
            self.producer.poll(SLICE);
            let aborted = self.producer.abort_transaction(SLICE);
            self.heard(&aborted);
            match aborted {
                Err(error) if is_retriable(&error) => {
                    if begin.elapsed() > TIMEOUT {
                        return Err(error);
                    }
                }
                Err(error) if is_fatal(&error) => {
                    self.renew();
                    return Err(error);
                }
                // Such as that none had begun.
                Ok(()) | Err(_) => return Ok(()),
            }
        }
    }

    /// What came of a request tells whether anybody answers.
    fn heard(&self, result: &KafkaResult<()>) {
        if result.is_ok() {
            self.bootstrap.answered();
        }
        self.bootstrap.look(self.producer.client(), true);
    }

    fn renew(&mut self) {
        match self.config.create_with_context(Logged) {
            Ok(producer) => {
                self.producer = producer;
                self.next = Next::Initialise;
            }
            Err(error) => tracing::error!(%error, "cannot make another producer of transactions"),
        }
    }
}

impl ProducerContext for Logged {
    type DeliveryOpaque = ();

    // What was not delivered makes its transaction fail.
    fn delivery(&self, _: &DeliveryResult<'_>, (): ()) {}
}

/// Whether asking the same again is what librdkafka expects.
fn is_retriable(error: &KafkaError) -> bool {
    matches!(error, KafkaError::Transaction(error) if error.is_retriable())
}

fn is_fatal(error: &KafkaError) -> bool {
    matches!(error, KafkaError::Transaction(error) if error.is_fatal())
}
