//! Runs scenarios: what a step is, what it sees, and what came of it.

mod context;
mod engine;
mod kafka;
mod outcome;
pub(crate) mod postgres;
mod step;

pub use context::{Context, Surroundings, VARIABLES};
pub use engine::{Listener, Selected, run_instance};
pub use kafka::Record;
pub use outcome::{Outcome, ScenarioOutcome, StepOutcome, Suite};
pub use step::{AnyStep, Grid, Observed, Step, StepError};
