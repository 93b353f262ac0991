//! Runs scenarios: what a step is, what it sees, and what came of it.

mod chart;
mod context;
mod engine;
mod kafka;
mod names;
mod outcome;
pub(crate) mod postgres;
mod sound;
mod step;
mod topic;

pub use chart::{Chart, Series};
pub use context::{Context, Surroundings, VARIABLES};
pub use engine::{Listener, Selected, run_instance};
pub use kafka::Record;
pub use names::{
    CONTROL, Exporter, LOGS, LinkName, OwnExporter, OwnProducer, Process, Service, VERSIONS,
    controlled_service_of, exporter_of, is_own_process, link_of, logged_service_of, service_of,
};
pub use outcome::{Outcome, ScenarioOutcome, StepOutcome, Suite};
pub use sound::{Check, Sound};
pub use step::{AnyStep, Grid, Observed, Step, StepError};
pub use topic::Topic;
