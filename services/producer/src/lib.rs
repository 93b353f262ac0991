//! Produces JSON metrics to a Kafka topic: a load for tests and benchmarks, and exact lines from a file.
//!
//! Messages are keyed by their source, so that all of a source's messages go to one partition in order.

mod burst;
mod catalogue;
mod clients;
mod deliveries;
mod faults;
mod generator;
mod messages;
mod pace;
mod replay;
mod run;
mod series;
mod settings;
mod summary;
mod window;

pub use faults::{FaultCounter, Faults, Faulty, Shares};
pub use generator::{Generator, Names, Shape};
pub use messages::{Limited, Messages, Outgoing};
pub use pace::Pace;
pub use replay::{Replay, ReplayError};
pub use run::{RunError, Target, run};
pub use settings::Settings;
pub use summary::{Latency, Summary};
