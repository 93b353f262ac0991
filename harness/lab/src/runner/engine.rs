//! Runs the steps of one instance of a scenario.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use scenario::{Bound, ExpectFailure, Instance, Role, Scenario, Vars};

use super::outcome::{Outcome, ScenarioOutcome, StepOutcome};
use super::step::{AnyStep, Observed, StepError};
use super::{Context, Surroundings};

/// Between two attempts at the most; the pause grows from `poll` up to this.
const LONGEST_PAUSE: Duration = Duration::from_millis(500);
/// An attempt gets this long at least, even when `within` is nearly over: checks that hang are told apart from those that do
/// not hold.
const SHORTEST_ATTEMPT: Duration = Duration::from_secs(2);

/// An instance of a scenario to run.
#[derive(Debug, Clone)]
pub struct Selected {
    /// The scenario.
    pub scenario: Arc<Scenario<AnyStep>>,
    /// Which of its instances.
    pub index: usize,
    /// How many times it begins with this one, from 1: `--repeat` tells the rounds apart.
    pub round: usize,
}

impl Selected {
    /// The instance.
    pub fn instance(&self) -> &Instance {
        &self.scenario.instances[self.index]
    }

    /// What reports call it.
    pub fn id(&self) -> String {
        let id = &self.instance().id;
        match self.round {
            0 | 1 => id.clone(),
            round => format!("{id}#{round}"),
        }
    }

    /// What is told of it when it was interrupted, as far as it came.
    pub fn interrupted(&self, reason: String, steps: Vec<StepOutcome>) -> ScenarioOutcome {
        let took = steps.last().map_or(0.0, |step| step.start + step.seconds);
        let took = Duration::try_from_secs_f64(took).unwrap_or_default();
        self.outcome(Outcome::Skipped { reason }, took, steps)
    }

    /// What is told of it when it does not run.
    pub fn skipped(&self, reason: String) -> ScenarioOutcome {
        self.outcome(Outcome::Skipped { reason }, Duration::ZERO, Vec::new())
    }

    fn outcome(
        &self,
        outcome: Outcome,
        took: Duration,
        steps: Vec<StepOutcome>,
    ) -> ScenarioOutcome {
        ScenarioOutcome {
            id: self.id(),
            path: self.scenario.path.clone(),
            summary: self.scenario.summary.clone(),
            doc: self.scenario.doc.clone(),
            versions: BTreeMap::new(),
            outcome,
            seconds: took.as_secs_f64(),
            steps,
            note: None,
            clean_up: None,
        }
    }
}

/// Who is told as steps end.
pub trait Listener: Send + Sync {
    /// A step of an instance ended.
    fn step(&self, id: &str, step: &StepOutcome);
    /// A step of an instance begins; `within`: how long it may take.
    fn begins(&self, id: &str, title: &str, within: Option<Duration>);
}

/// Runs an instance on a stack: its steps up to the first that fails, then the clean-up unless `keep`.
pub async fn run_instance(
    selected: &Selected,
    surroundings: &Surroundings,
    keep: bool,
    listener: &dyn Listener,
) -> ScenarioOutcome {
    let begun = Instant::now();
    let instance = selected.instance();
    let mut context = match Context::new(surroundings, &instance.id) {
        Ok(context) => context,
        Err(error) => {
            let mut outcome = selected.outcome(Outcome::Failed, begun.elapsed(), Vec::new());
            outcome.note = Some(format!("{error:#}"));
            return outcome;
        }
    };
    let mut vars = instance.vars();
    context.set_variables(&mut vars);
    let redactor = vars.redactor();

    let id = selected.id();
    let mut steps = Vec::new();
    let mut note = None;
    let mut failed = None;
    for step in selected.scenario.steps(instance) {
        let outcome = run_step(step, begun, &mut vars, &mut context, &id, listener).await;
        listener.step(&id, &outcome);
        let ended = outcome.outcome == Outcome::Failed;
        steps.push(outcome);
        if ended {
            failed = Some(step.name().map_or_else(|| step.title(), str::to_owned));
            break;
        }
    }
    let outcome = verdict(
        instance.expect_failure.as_ref(),
        failed.as_deref(),
        &mut note,
    );
    let mut result = selected.outcome(outcome, Duration::ZERO, steps);
    result.versions.clone_from(&surroundings.versions);
    result.note = note;
    if keep {
        result.clean_up = Some("kept".to_owned());
    } else if let Err(error) = context.clean_up().await {
        result.clean_up = Some(redactor.redact(&format!("{error:#}")));
    }
    result.seconds = begun.elapsed().as_secs_f64();
    result
}

/// A known defect is what has to happen.
fn verdict(
    expected: Option<&ExpectFailure>,
    failed: Option<&str>,
    note: &mut Option<String>,
) -> Outcome {
    match (expected, failed) {
        (None, None) => Outcome::Passed,
        (None, Some(_)) => Outcome::Failed,
        (Some(defect), Some(step))
            if defect.step.as_deref().is_none_or(|wanted| wanted == step) =>
        {
            *note = Some(format!("fails at {step:?} as {} says", defect.issue));
            Outcome::Passed
        }
        (Some(defect), Some(step)) => {
            *note = Some(format!(
                "{} makes it fail at {:?}, but it failed at {step:?}",
                defect.issue,
                defect.step.as_deref().unwrap_or_default()
            ));
            Outcome::Failed
        }
        (Some(defect), None) => {
            *note = Some(format!(
                "it was to fail because of {}, but everything held: if the defect is gone, remove [expect_failure]",
                defect.issue
            ));
            Outcome::Failed
        }
    }
}

async fn run_step(
    step: &scenario::Step<AnyStep>,
    scenario_begun: Instant,
    vars: &mut Vars,
    context: &mut Context,
    id: &str,
    listener: &dyn Listener,
) -> StepOutcome {
    let begun = Instant::now();
    let mut result = StepOutcome {
        number: step.number,
        title: vars.redactor().redact(&step.title()),
        named: step.name().is_some(),
        key: step.key.to_owned(),
        role: step.role,
        place: step.position.to_string(),
        written: vars.redactor().redact(step.written()),
        outcome: Outcome::Failed,
        start: begun.duration_since(scenario_begun).as_secs_f64(),
        seconds: 0.0,
        attempts: 0,
        observed: String::new(),
        expected: None,
        log_tail: Vec::new(),
        service: None,
        grid: None,
        charts: Vec::new(),
    };
    let bound = match step.bind(vars) {
        Ok(bound) => bound,
        Err(problems) => {
            result.observed = problems.to_string();
            result.seconds = begun.elapsed().as_secs_f64();
            return result;
        }
    };
    result.title.clone_from(&bound.title);
    listener.begins(id, &result.title, bound.within.map(scenario::Duration::get));
    let ended = match step.role {
        Role::Action => act(&bound, context, &mut result.attempts).await,
        Role::Check => check(&bound, context, begun, &mut result.attempts).await,
    };
    let ended = ended.and_then(|observed| match died(context, None) {
        Some(error) => Err(error),
        None => capture(&bound, &observed, vars).map(|()| observed),
    });
    // After the capture, which may have taken a secret.
    let known = vars.redactor();
    let redact = |text: &str| known.redact(&bound.redactor.redact(text));
    result.written = redact(&result.written);
    let charts = context.take_charts().into_iter();
    result.charts = charts.map(|chart| chart.redacted(&redact)).collect();
    match ended {
        Ok(observed) => {
            result.outcome = Outcome::Passed;
            result.observed = redact(&observed.text);
            result.grid = observed.grid.map(|grid| grid.redacted(&redact));
        }
        Err(error) => {
            let log = match error.service() {
                Some(service) => context.log_tail(service).await,
                None => Vec::new(),
            };
            tell(&mut result, &error, &log, &redact);
        }
    }
    result.seconds = begun.elapsed().as_secs_f64();
    result
}

fn tell(
    result: &mut StepOutcome,
    error: &StepError,
    log: &[String],
    redact: &dyn Fn(&str) -> String,
) {
    match error {
        StepError::Mismatch {
            expected, observed, ..
        } => {
            result.expected = Some(redact(expected));
            result.observed = redact(observed);
        }
        StepError::Broken { source, .. } => result.observed = redact(&format!("{source:#}")),
    }
    if let Some(service) = error.service() {
        result.service = Some(service.to_owned());
        result.log_tail = log.iter().map(|line| redact(line)).collect();
    }
}

async fn act(
    bound: &Bound<AnyStep>,
    context: &mut Context,
    attempts: &mut u32,
) -> Result<Observed, StepError> {
    *attempts = 1;
    let Some(within) = bound.within else {
        return bound.step.attempt(context).await;
    };
    match tokio::time::timeout(within.get(), bound.step.attempt(context)).await {
        Ok(result) => result,
        Err(_) => Err(StepError::Mismatch {
            expected: format!("to be done within {within}"),
            observed: "it was not done".to_owned(),
            service: None,
        }),
    }
}

/// Looks until it holds and has held for as long as it has to, or until the time is over.
async fn check(
    bound: &Bound<AnyStep>,
    context: &mut Context,
    begun: Instant,
    attempts: &mut u32,
) -> Result<Observed, StepError> {
    let within = bound.within.map_or(Duration::MAX, scenario::Duration::get);
    let mut pause = bound.poll.get();
    loop {
        let left = within.saturating_sub(begun.elapsed());
        let error = match look(bound, context, left, attempts).await {
            Ok(observed) if bound.hold.get().is_zero() => return Ok(observed),
            // Once it held, it has to go on: a later miss ends the step whatever time is left.
            Ok(observed) => return hold(bound, context, observed, attempts).await,
            Err(error) => error,
        };
        if let Some(died) = died(context, Some(&error)) {
            return Err(died);
        }
        let left = within.saturating_sub(begun.elapsed());
        if matches!(error, StepError::Broken { .. }) || left.is_zero() {
            return Err(error);
        }
        // The last look is when the time is over, not before.
        tokio::time::sleep(pause.min(left)).await;
        pause = (pause * 3 / 2).min(LONGEST_PAUSE.max(bound.poll.get()));
    }
}

async fn hold(
    bound: &Bound<AnyStep>,
    context: &mut Context,
    mut observed: Observed,
    attempts: &mut u32,
) -> Result<Observed, StepError> {
    let held = Instant::now();
    while held.elapsed() < bound.hold.get() {
        tokio::time::sleep(
            bound
                .poll
                .get()
                .min(bound.hold.get().saturating_sub(held.elapsed())),
        )
        .await;
        observed = match look(bound, context, SHORTEST_ATTEMPT, attempts).await {
            Ok(observed) => observed,
            Err(StepError::Mismatch {
                expected,
                observed,
                service,
            }) => {
                return Err(StepError::Mismatch {
                    expected: format!("{expected}, for {}", bound.hold),
                    observed: format!(
                        "{observed} (it had held for {:.1} s)",
                        held.elapsed().as_secs_f64()
                    ),
                    service,
                });
            }
            Err(error) => return Err(error),
        };
        if let Some(died) = died(context, None) {
            return Err(died);
        }
    }
    context.settle(&observed);
    Ok(observed)
}

/// A process in the background that has died is why a check does not hold, and is wrong where everything else is right.
fn died(context: &Context, beside: Option<&StepError>) -> Option<StepError> {
    let (name, how) = context.death()?;
    let beside = match beside {
        Some(StepError::Mismatch {
            expected, observed, ..
        }) => format!("\nmeanwhile the check expected {expected}, and saw {observed}"),
        Some(StepError::Broken { source, .. }) => {
            format!("\nmeanwhile the check could not look: {source:#}")
        }
        None => String::new(),
    };
    Some(StepError::mismatch(
        &*name,
        format!("{name} to run until a step stops or kills it"),
        format!("{name} {how}{beside}"),
    ))
}

async fn look(
    bound: &Bound<AnyStep>,
    context: &mut Context,
    left: Duration,
    attempts: &mut u32,
) -> Result<Observed, StepError> {
    *attempts += 1;
    context.take_charts();
    let limit = left.max(SHORTEST_ATTEMPT);
    let observed = tokio::time::timeout(limit, bound.step.attempt(context))
        .await
        .unwrap_or_else(|_| {
            Err(StepError::Mismatch {
                expected: "an answer".to_owned(),
                observed: format!("none within {:.1} s", limit.as_secs_f64()),
                service: None,
            })
        })?;
    if bound.hold.get().is_zero() {
        context.settle(&observed);
    }
    Ok(observed)
}

fn capture(bound: &Bound<AnyStep>, observed: &Observed, vars: &mut Vars) -> Result<(), StepError> {
    for (name, path) in &bound.captures {
        let value = path
            .one(&observed.value)
            .map_err(|error| StepError::Broken {
                source: anyhow::anyhow!("cannot capture {name}: {error} in {}", observed.value),
                service: None,
            })?;
        vars.set(name.clone(), value.clone());
    }
    Ok(())
}
