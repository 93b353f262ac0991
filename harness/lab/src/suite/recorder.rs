//! Remembers what was done, for the report of a run that does not come to its end.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::{Reporter, now};
use crate::runner::{Listener, ScenarioOutcome, Selected, StepOutcome, Suite};

/// Passes on what it is told, and keeps it.
pub(crate) struct Recorder<'a> {
    inner: &'a dyn Reporter,
    began: String,
    begun: Instant,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    ended: Vec<ScenarioOutcome>,
    /// Steps of scenarios that have not ended.
    steps: BTreeMap<String, Vec<StepOutcome>>,
}

impl<'a> Recorder<'a> {
    pub(crate) fn new(inner: &'a dyn Reporter) -> Self {
        Self {
            inner,
            began: now(),
            begun: Instant::now(),
            seen: Mutex::default(),
        }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What there is to report of a run that was to be all of these; none when not a step was done.
    pub(crate) fn unfinished(&self, all: Vec<Selected>, why: &str) -> Option<Suite> {
        let mut seen = std::mem::take(&mut *self.seen());
        if seen.ended.is_empty() && seen.steps.is_empty() {
            return None;
        }
        for one in all {
            let id = one.id();
            if seen.ended.iter().any(|ended| ended.id == id) {
                continue;
            }
            let outcome = match seen.steps.remove(&id) {
                Some(steps) => one.interrupted(format!("it was under way: {why}"), steps),
                None => one.skipped(format!("it had not begun: {why}")),
            };
            seen.ended.push(outcome);
        }
        let versions = seen.ended.iter().flat_map(|one| one.versions.clone());
        Some(Suite {
            began: self.began.clone(),
            seconds: self.begun.elapsed().as_secs_f64(),
            versions: versions.collect(),
            scenarios: seen.ended,
            ..Suite::default()
        })
    }
}

impl Listener for Recorder<'_> {
    fn begins(&self, id: &str, title: &str, within: Option<Duration>) {
        self.inner.begins(id, title, within);
    }

    fn step(&self, id: &str, step: &StepOutcome) {
        let mut seen = self.seen();
        seen.steps
            .entry(id.to_owned())
            .or_default()
            .push(step.clone());
        drop(seen);
        self.inner.step(id, step);
    }
}

impl Reporter for Recorder<'_> {
    fn ended(&self, outcome: &ScenarioOutcome) {
        let mut seen = self.seen();
        seen.steps.remove(&outcome.id);
        seen.ended.push(outcome.clone());
        drop(seen);
        self.inner.ended(outcome);
    }
}
