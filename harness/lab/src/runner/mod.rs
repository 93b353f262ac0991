//! Runs scenarios: what a step is, what it sees, and what came of it.

mod context;
mod engine;
mod kafka;
mod outcome;
mod step;

pub use context::Context;
pub use engine::{Selected, run_instance, select};
pub use kafka::{Record, TopicReader};
pub use outcome::{Outcome, ScenarioOutcome, StepOutcome, Suite};
pub use step::{Grid, Observed, Step, StepError};
