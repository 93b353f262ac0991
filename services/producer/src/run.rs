//! Sends messages and waits for what became of each.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{
    BaseProducer, BaseRecord, DeliveryResult, Producer, ProducerContext, PurgeConfig,
};
use settings::{rdkafka_error, rdkafka_log};

use crate::summary::Tally;
use crate::{Messages, Outgoing, Pace, Summary};

/// A run that could not begin.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// librdkafka would not start with these settings.
    #[error("cannot start the Kafka client with these settings (KAFKA_CONFIG_…, --kafka-config)")]
    Client(#[source] KafkaError),
}

/// Where and how a run sends.
pub struct Target<'a> {
    /// librdkafka's settings.
    pub config: &'a ClientConfig,
    /// The topic.
    pub topic: &'a str,
    /// How long to wait for acknowledgements once there is nothing left to send.
    pub flush_timeout: Duration,
}

/// How often a long wait looks whether to stop.
const GLANCE: Duration = Duration::from_millis(50);
const PROGRESS: Duration = Duration::from_secs(10);

/// Sends `messages` at their `pace` until they end or `stop` is set, then waits for the acknowledgements.
/// Whatever was not acknowledged in the end is in [`Summary::failed`].
///
/// # Errors
/// The client cannot be made. A broker that cannot be reached is not an error: messages wait for it.
pub fn run(
    target: &Target<'_>,
    mut messages: impl Messages,
    mut pace: Pace,
    seed: Option<u64>,
    stop: &AtomicBool,
) -> Result<Summary, RunError> {
    let started = Instant::now();
    let context = Deliveries {
        started,
        tally: Mutex::new(Tally::new()),
    };
    let producer: BaseProducer<Deliveries> = target
        .config
        .create_with_context(context)
        .map_err(RunError::Client)?;
    let stopped = || stop.load(Ordering::Relaxed);
    let mut sent = 0;
    let mut progress = started + PROGRESS;
    let mut outgoing = Outgoing::default();
    while messages.next_into(&mut outgoing) {
        wait(&producer, &pace, &stopped);
        if stopped() {
            break;
        }
        sent += u64::from(send(&producer, target.topic, &outgoing, &stopped));
        let now = Instant::now();
        pace.sent(outgoing.ends_round, now);
        if now >= progress {
            progress = now + PROGRESS;
            let tally = producer.context().tally();
            tracing::info!(
                sent,
                delivered = tally.delivered_so_far(),
                failed = tally.failed_so_far(),
                "producing"
            );
        }
    }
    finish(&producer, target.flush_timeout);
    let summary = producer
        .context()
        .tally()
        .summary(sent, started.elapsed(), seed);
    Ok(summary)
}

/// Waits until the next message is due, and takes acknowledgements meanwhile.
fn wait(producer: &BaseProducer<Deliveries>, pace: &Pace, stopped: &impl Fn() -> bool) {
    loop {
        let left = pace.wait(Instant::now());
        producer.poll(left.min(GLANCE));
        if left <= GLANCE || stopped() {
            // poll may come back a little early.
            std::thread::sleep(if stopped() {
                Duration::ZERO
            } else {
                pace.wait(Instant::now())
            });
            return;
        }
    }
}

/// Hands one message to the client, waiting while its queue is full. Says whether it counts as sent:
/// only one that never got in because of a stop does not.
fn send(
    producer: &BaseProducer<Deliveries>,
    topic: &str,
    outgoing: &Outgoing,
    stopped: &impl Fn() -> bool,
) -> bool {
    let handed_over = producer.context().nanoseconds();
    let mut record = BaseRecord::with_opaque_to(topic, handed_over)
        .key(&outgoing.key)
        .payload(&outgoing.payload);
    loop {
        match producer.send(record) {
            Ok(()) => return true,
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                if stopped() {
                    return false;
                }
                record = back;
                producer.poll(GLANCE);
            }
            Err((error, _)) => {
                producer.context().failed(&error);
                return true;
            }
        }
    }
}

fn finish(producer: &BaseProducer<Deliveries>, timeout: Duration) {
    if let Err(error) = producer.flush(timeout) {
        tracing::error!(waiting = producer.in_flight_count(), %error, "gave up waiting for acknowledgements");
        // Purged messages come back as failed deliveries, and so are counted.
        producer.purge(PurgeConfig::default().queue().inflight());
        if let Err(error) = producer.flush(Duration::from_secs(5)) {
            tracing::error!(%error, "some messages were never reported on");
        }
    }
}

struct Deliveries {
    started: Instant,
    tally: Mutex<Tally>,
}

impl Deliveries {
    fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn nanoseconds(&self) -> usize {
        usize::try_from(self.started.elapsed().as_nanos()).unwrap_or(usize::MAX)
    }

    fn failed(&self, error: &KafkaError) {
        let name = match error.rdkafka_error_code() {
            Some(code @ (RDKafkaErrorCode::PurgeQueue | RDKafkaErrorCode::PurgeInflight)) => {
                format!("no acknowledgement before the end of PRODUCER_FLUSH_TIMEOUT ({code})")
            }
            Some(code) => code.to_string(),
            None => error.to_string(),
        };
        // Each kind of failure is told once; how often it came is in the summary.
        if self.tally().failed(name) {
            tracing::error!(%error, "a message was not delivered");
        }
    }
}

impl ClientContext for Deliveries {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        rdkafka_log(level, facility, text);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        rdkafka_error(&error, reason);
    }
}

impl ProducerContext for Deliveries {
    /// When the message was handed over, in nanoseconds since the start.
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, handed_over: usize) {
        match result {
            Ok(message) => {
                let latency =
                    Duration::from_nanos(self.nanoseconds().saturating_sub(handed_over) as u64);
                self.tally().delivered(message.payload_len(), latency);
            }
            Err((error, _)) => self.failed(error),
        }
    }
}
