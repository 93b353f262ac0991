//! What came of scenarios; what reports are made from.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::Serialize;

use super::chart::Chart;
use super::step::Grid;

/// How something ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase", tag = "outcome")]
pub enum Outcome {
    /// It held.
    Passed,
    /// It did not.
    Failed,
    /// It was not tried.
    Skipped {
        /// Why.
        reason: String,
    },
}

/// One step of an instance.
#[derive(Debug, Clone, Serialize)]
pub struct StepOutcome {
    /// Place in the scenario, from 1.
    pub number: usize,
    /// Its name, or its key and the first words of its arguments.
    pub title: String,
    /// Whether the title is the name that the file gives it.
    pub named: bool,
    /// The key that names the action or check.
    pub key: String,
    /// `action` or `check`.
    pub role: scenario::Role,
    /// `file:line:column`.
    pub place: String,
    /// How it stands there.
    pub written: String,
    /// How it ended.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// Seconds from the scenario's begin to its own.
    pub start: f64,
    /// Seconds it took.
    pub seconds: f64,
    /// How often it was tried.
    pub attempts: u32,
    /// What it saw when it held, or saw last.
    pub observed: String,
    /// What it expected, when it did not hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// The end of the log of the service concerned, when it did not hold.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub log_tail: Vec<String>,
    /// Which service that is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// A table of what it saw.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grid: Option<Grid>,
    /// Numbers that it sampled, whether it held or not.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub charts: Vec<Chart>,
}

/// One instance of a scenario.
#[derive(Debug, Clone, Serialize)]
pub struct ScenarioOutcome {
    /// `area/name`, with the axes of its matrix.
    pub id: String,
    /// The file.
    pub path: PathBuf,
    /// What is checked, in a sentence.
    pub summary: String,
    /// The header comment.
    pub doc: String,
    /// Versions of what its stack was made of, by component; none when it did not run.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub versions: BTreeMap<String, String>,
    /// How it ended.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// Seconds it took.
    pub seconds: f64,
    /// Its steps, as far as it came.
    pub steps: Vec<StepOutcome>,
    /// Why it passed or failed, where its steps do not say it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// What was left behind, and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clean_up: Option<String>,
}

/// Everything that one command ran.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Suite {
    /// Id of the run.
    pub run: String,
    /// When it began, RFC 3339 in UTC.
    pub began: String,
    /// Seconds it took.
    pub seconds: f64,
    /// Seed of the order in which scenarios were started, when it was not that of their paths.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// Versions of what ran, by component; a component that ran in several versions is there with each.
    pub versions: BTreeSet<(String, String)>,
    /// Where everything was.
    pub endpoints: Vec<(String, String)>,
    /// What the run left on a cluster of somebody else, and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left: Option<String>,
    /// What ran.
    pub scenarios: Vec<ScenarioOutcome>,
}

impl Suite {
    /// Whether nothing failed, and nothing was left that should have gone.
    pub fn held(&self) -> bool {
        self.left.is_none()
            && self
                .scenarios
                .iter()
                .all(|scenario| scenario.outcome != Outcome::Failed)
    }

    /// Numbers of those that passed, failed, and were skipped.
    pub fn counts(&self) -> (usize, usize, usize) {
        let count = |wanted: fn(&Outcome) -> bool| {
            self.scenarios
                .iter()
                .filter(|one| wanted(&one.outcome))
                .count()
        };
        (
            count(|outcome| *outcome == Outcome::Passed),
            count(|outcome| *outcome == Outcome::Failed),
            count(|outcome| matches!(outcome, Outcome::Skipped { .. })),
        )
    }
}
