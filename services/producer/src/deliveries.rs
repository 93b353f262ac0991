//! What became of each message, as librdkafka reports it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{DeliveryResult, ProducerContext};
use rdkafka::{ClientConfig, ClientContext};
use settings::{Bootstrap, rdkafka_error, rdkafka_log};

use crate::summary::Tally;

/// The context of a client: its copies are for others, and count into the same tally.
#[derive(Clone)]
pub(crate) struct Deliveries {
    pub(crate) bootstrap: Bootstrap,
    started: Instant,
    tally: Arc<Mutex<Tally>>,
    brokers: Arc<Brokers>,
}

/// What is known of the way to the brokers.
#[derive(Default)]
struct Brokers {
    /// Each of them was tried, and none was there.
    failed: AtomicBool,
    /// They were given up.
    given_up: AtomicBool,
}

impl Deliveries {
    pub(crate) fn new(config: &ClientConfig, started: Instant) -> Deliveries {
        Deliveries {
            bootstrap: Bootstrap::of(config),
            started,
            tally: Arc::new(Mutex::new(Tally::new())),
            brokers: Arc::default(),
        }
    }

    pub(crate) fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Since the start.
    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Whether all brokers were tried in vain at least once.
    pub(crate) fn brokers_failed(&self) -> bool {
        self.brokers.failed.load(Ordering::Relaxed)
    }

    /// What is not delivered from now on is so for want of a broker.
    pub(crate) fn give_up_brokers(&self) {
        self.brokers.given_up.store(true, Ordering::Relaxed);
    }

    /// From the start until `now`.
    pub(crate) fn nanoseconds(&self, now: Instant) -> usize {
        let since = now.saturating_duration_since(self.started);
        usize::try_from(since.as_nanos()).unwrap_or(usize::MAX)
    }

    /// All reports that come of `take` came now: a clock for each costs more than the rest of counting it.
    pub(crate) fn at_once(&self, take: impl FnOnce()) {
        self.tally().taken = Some(self.nanoseconds(Instant::now()));
        take();
        self.tally().taken = None;
    }

    pub(crate) fn failed(&self, error: &KafkaError) {
        let name = match error.rdkafka_error_code() {
            Some(code @ RDKafkaErrorCode::PurgeQueue)
                if self.brokers.given_up.load(Ordering::Relaxed) =>
            {
                format!("no broker could be reached ({code})")
            }
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
        if error.rdkafka_error_code() == Some(RDKafkaErrorCode::AllBrokersDown) {
            self.brokers.failed.store(true, Ordering::Relaxed);
        }
        rdkafka_error(&error, reason);
    }
}

impl ProducerContext for Deliveries {
    /// When the message was handed over, in nanoseconds since the start.
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, handed_over: usize) {
        let (Ok(message) | Err((_, message))) = result;
        let mut tally = self.tally();
        tally.reported(message.payload_len());
        match result {
            Ok(message) => {
                self.bootstrap.answered();
                let taken = tally.taken;
                let taken = taken.unwrap_or_else(|| self.nanoseconds(Instant::now()));
                let latency = Duration::from_nanos(taken.saturating_sub(handed_over) as u64);
                tally.delivered(message.payload_len(), latency);
            }
            Err((error, _)) => {
                drop(tally);
                self.failed(error);
            }
        }
    }
}
