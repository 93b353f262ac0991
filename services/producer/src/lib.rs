//! Produces JSON metrics to a Kafka topic: a load for tests and benchmarks, and exact lines from a file.
//!
//! Messages are keyed by their source, so that all of a source's messages go to one partition in order.

mod faults;
mod generator;
mod pace;
mod replay;
mod run;
mod settings;
mod summary;

pub use faults::{FaultCounter, Faults, Faulty, Shares};
pub use generator::{Generator, Names, Shape};
pub use pace::Pace;
pub use replay::{Replay, ReplayError};
pub use run::{RunError, Target, run};
pub use settings::Settings;
pub use summary::{Latency, Summary};

/// One message, ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// The record's key: the source of the metrics.
    pub key: String,
    /// The record's value.
    pub payload: Vec<u8>,
    /// Whether a round ends with this message: the next one waits for `--interval`.
    pub ends_round: bool,
}
