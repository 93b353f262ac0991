//! Reads a topic to its end with librdkafka and does nothing with it: the limit of what an exporter on it can reach.
//!
//! A crate of its own because `lab` is not optimised, and a consumer's loop is compiled where it is used.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::ClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext, Rebalance};
use rdkafka::error::KafkaError;
use serde::{Deserialize, Serialize};

const WAIT: Duration = Duration::from_millis(100);
const PATIENCE: Duration = Duration::from_secs(60);

/// What reading to the end of a topic came to.
#[derive(Debug, Serialize, Deserialize)]
pub struct Consumed {
    /// From the assignment to the last record before the end of the partition.
    pub seconds: f64,
    /// Records.
    pub messages: u64,
}

/// Why a topic was not read to its end.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// librdkafka's.
    #[error(transparent)]
    Kafka(#[from] KafkaError),
    /// Nothing came for a minute.
    #[error("the topic {0} does not answer")]
    NoAnswer(String),
    /// The topic is empty, or was assigned behind our back.
    #[error("no record came after an assignment")]
    NoRecord,
}

/// Remembers when partitions were assigned.
#[derive(Default)]
struct Assigned(OnceLock<Instant>);

impl ClientContext for Assigned {}

impl ConsumerContext for Assigned {
    fn pre_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if let Rebalance::Assign(_) = rebalance {
            let _ = self.0.set(Instant::now());
        }
    }
}

/// Reads a topic of one partition as a member of a group, from the earliest record.
///
/// # Errors
/// [`Error`].
pub fn to_end(mut config: ClientConfig, topic: &str) -> Result<Consumed, Error> {
    config
        .set("auto.offset.reset", "earliest")
        .set("enable.partition.eof", "true");
    let consumer: BaseConsumer<Assigned> = config.create_with_context(Assigned::default())?;
    consumer.subscribe(&[topic])?;
    let mut messages = 0;
    // The end is told of after an empty answer, for which the broker waits: that is not the time of reading.
    let mut last = Instant::now();
    loop {
        match consumer.poll(WAIT) {
            Some(Ok(_)) => {
                messages += 1;
                last = Instant::now();
            }
            Some(Err(KafkaError::PartitionEOF(_))) => break,
            Some(Err(error)) => return Err(error.into()),
            // Also after a rebalance.
            None if last.elapsed() < PATIENCE => {}
            None => return Err(Error::NoAnswer(topic.to_owned())),
        }
    }
    let assigned = consumer.context().0.get();
    let took = assigned.and_then(|assigned| last.checked_duration_since(*assigned));
    match took {
        Some(took) if messages > 0 => Ok(Consumed {
            seconds: took.as_secs_f64(),
            messages,
        }),
        _ => Err(Error::NoRecord),
    }
}
