//! Runs a selection of scenarios: brings up what they need, shares it among those that can share, and gives the others a
//! stack of their own.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use futures::StreamExt;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use scenario::Jvm;
use stack::ServiceName;
use stack::native::{Native, StackSpec};
use stack::services::JvmMode;

use crate::progress::Shown;
use crate::runner::{
    CONTROL, Listener, Outcome, ScenarioOutcome, Selected, Suite, Surroundings, run_instance,
};
use crate::stacks;
use crate::words::without_password;

/// How to run.
#[derive(Debug, Clone)]
pub struct Options {
    /// Scenarios at the same time on the shared stack.
    pub jobs: usize,
    /// How often each runs.
    pub repeat: usize,
    /// Seed of the order; as they are selected without one.
    pub shuffle: Option<u64>,
    /// Start nothing new after the first failure.
    pub fail_fast: bool,
    /// Leave the stack and what the scenarios made.
    pub keep: bool,
    /// Services that are started in any case.
    pub also: Vec<ServiceName>,
    /// How long each service may take until it is ready.
    pub ready_within: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            jobs: 1,
            repeat: 1,
            shuffle: None,
            fail_fast: false,
            keep: false,
            also: Vec::new(),
            ready_within: Duration::from_secs(90),
        }
    }
}

/// Who is told as scenarios end.
pub trait Reporter: Listener {
    /// A scenario ended.
    fn ended(&self, outcome: &ScenarioOutcome);
}

/// Runs everything. With `keep`, the last stack is handed back alive.
///
/// # Errors
/// When a stack does not come up, or a service of the shared one dies.
pub async fn run(
    selected: &[Selected],
    options: &Options,
    shown: &Shown,
    reporter: &dyn Reporter,
) -> Result<(Suite, Option<Native>)> {
    let begun = Instant::now();
    let all = in_order(selected, options, shown);
    let (shared, alone): (Vec<_>, Vec<_>) = all.into_iter().partition(|one| !wants_own_stack(one));
    let mut suite = Suite {
        began: now(),
        seed: options.shuffle,
        versions: versions()?,
        ..Suite::default()
    };
    let mut kept = None;
    if !shared.is_empty() || alone.is_empty() {
        let native = bring_up(&shared, options, shown).await?;
        describe(&mut suite, &native);
        let outcomes = on_shared(&native, shared, options, shown, reporter).await;
        let failed = outcomes
            .as_ref()
            .map_or(true, |outcomes| outcomes.iter().any(has_failed));
        if options.keep {
            kept = Some(native);
        } else {
            end(native, shown).await;
        }
        suite.scenarios.extend(outcomes?);
        if failed && options.fail_fast {
            skip(alone, &mut suite, reporter);
            suite.seconds = begun.elapsed().as_secs_f64();
            return Ok((suite, kept));
        }
    }
    let mut stopped = false;
    for one in alone {
        if stopped {
            skip([one], &mut suite, reporter);
            continue;
        }
        let native = bring_up(std::slice::from_ref(&one), options, shown).await?;
        describe(&mut suite, &native);
        let surroundings = surroundings(&native);
        let outcome = stacks::guarded(&native, async {
            Ok(run_instance(&one, &surroundings, options.keep, reporter).await)
        })
        .await;
        if options.keep {
            kept = Some(native);
        } else {
            end(native, shown).await;
        }
        let outcome = outcome?;
        reporter.ended(&outcome);
        stopped = has_failed(&outcome) && options.fail_fast;
        suite.scenarios.push(outcome);
    }
    suite.seconds = begun.elapsed().as_secs_f64();
    Ok((suite, kept))
}

/// Everything as often as it runs, in the order in which it begins.
pub(crate) fn in_order(selected: &[Selected], options: &Options, shown: &Shown) -> Vec<Selected> {
    let mut all: Vec<Selected> = (0..options.repeat)
        .flat_map(|_| selected.iter().cloned())
        .collect();
    if let Some(seed) = options.shuffle {
        shown.line(&format!("in the order of --shuffle={seed}"));
        all.shuffle(&mut StdRng::seed_from_u64(seed));
    }
    all
}

/// A stack that does not end in order does not take the report with it.
async fn end(native: Native, shown: &Shown) {
    if let Err(error) = native.shut_down().await {
        shown.line(&format!("the stack did not end as it should: {error}"));
    }
}

fn skip(left: impl IntoIterator<Item = Selected>, suite: &mut Suite, reporter: &dyn Reporter) {
    for one in left {
        let outcome =
            one.skipped("an earlier scenario failed, and --fail-fast was given".to_owned());
        reporter.ended(&outcome);
        suite.scenarios.push(outcome);
    }
}

fn has_failed(outcome: &ScenarioOutcome) -> bool {
    outcome.outcome == Outcome::Failed
}

/// Whoever hurts services cannot share them.
fn wants_own_stack(selected: &Selected) -> bool {
    selected.scenario.exclusive || selected.scenario.needs.contains_key(CONTROL)
}

/// Services that scenarios need, by their steps.
pub fn services<'a>(selected: impl IntoIterator<Item = &'a Selected>) -> Vec<ServiceName> {
    let names: BTreeSet<&str> = selected
        .into_iter()
        .flat_map(|one| one.scenario.needs.keys().map(String::as_str))
        .collect();
    ServiceName::closure(names.into_iter().filter_map(|name| name.parse().ok()))
}

async fn bring_up(selected: &[Selected], options: &Options, shown: &Shown) -> Result<Native> {
    let mut wanted = services(selected);
    wanted.extend(&options.also);
    // All that share a stack begin in the mode of the first.
    let jvm = modes(selected).first().copied().unwrap_or(JvmMode::Quick);
    let spec = StackSpec {
        jvm,
        ready_within: options.ready_within,
        ..StackSpec::of(wanted)
    };
    let begun = Instant::now();
    let native = stacks::interruptible(async { Ok(Native::start(&spec, shown).await?) }).await?;
    shown.line(&format!(
        "stack ready after {:.1} s",
        begun.elapsed().as_secs_f64()
    ));
    Ok(native)
}

fn surroundings(native: &Native) -> Surroundings {
    let control = Arc::clone(native.control());
    Surroundings {
        endpoints: control.endpoints().clone(),
        guard: control.guard().clone(),
        control: Some(control),
    }
}

fn mode(selected: &Selected) -> JvmMode {
    match selected.instance().stack.jvm {
        Jvm::Quick => JvmMode::Quick,
        Jvm::Server => JvmMode::Server,
    }
}

/// Modes in the order in which they are gone through: quick first.
fn modes(selected: &[Selected]) -> Vec<JvmMode> {
    [JvmMode::Quick, JvmMode::Server]
        .into_iter()
        .filter(|wanted| selected.iter().any(|one| mode(one) == *wanted))
        .collect()
}

async fn on_shared(
    native: &Native,
    selected: Vec<Selected>,
    options: &Options,
    shown: &Shown,
    reporter: &dyn Reporter,
) -> Result<Vec<ScenarioOutcome>> {
    let surroundings = surroundings(native);
    let mut outcomes = Vec::new();
    for (number, wanted) in modes(&selected).into_iter().enumerate() {
        if number > 0 {
            shown.line("restarting Kafka and Connect for throughput");
            stacks::guarded(native, async {
                Ok(native.control().change_jvm(wanted, shown).await?)
            })
            .await?;
        }
        let batch: Vec<_> = selected.iter().filter(|one| mode(one) == wanted).collect();
        // Throughput is measured by one at a time.
        let jobs = if wanted == JvmMode::Server {
            1
        } else {
            options.jobs
        };
        let runs = side_by_side(batch, jobs, &surroundings, options, reporter);
        let work = async {
            tokio::select! {
                outcomes = runs => Ok(outcomes),
                died = stacks::first_death(native) => match died? {},
            }
        };
        outcomes.extend(stacks::guarded(native, work).await?);
    }
    Ok(outcomes)
}

/// Runs a batch, so many at the same time, up to the first failure where that is asked for.
pub(crate) async fn side_by_side(
    batch: Vec<&Selected>,
    jobs: usize,
    surroundings: &Surroundings,
    options: &Options,
    reporter: &dyn Reporter,
) -> Vec<ScenarioOutcome> {
    let stop = std::sync::atomic::AtomicBool::new(false);
    futures::stream::iter(batch)
        .map(|one| {
            let stop = &stop;
            async move {
                if stop.load(std::sync::atomic::Ordering::Relaxed) {
                    let outcome = one.skipped(
                        "an earlier scenario failed, and --fail-fast was given".to_owned(),
                    );
                    reporter.ended(&outcome);
                    return outcome;
                }
                let outcome = run_instance(one, surroundings, options.keep, reporter).await;
                reporter.ended(&outcome);
                if options.fail_fast && has_failed(&outcome) {
                    stop.store(true, std::sync::atomic::Ordering::Relaxed);
                }
                outcome
            }
        })
        .buffer_unordered(jobs.max(1))
        .collect()
        .await
}

fn describe(suite: &mut Suite, native: &Native) {
    native
        .control()
        .guard()
        .run()
        .id()
        .clone_into(&mut suite.run);
    suite.endpoints = native
        .control()
        .endpoints()
        .iter()
        .map(|(service, key, address)| (format!("{service} {key}"), without_password(address)))
        .collect();
}

fn versions() -> Result<Vec<(String, String)>> {
    let pinned = stack::native::requirements(&ServiceName::ALL).context("the lock")?;
    let mut versions: Vec<_> = pinned
        .values()
        .map(|id| (id.name().to_owned(), id.version().to_owned()))
        .collect();
    versions.push(("lab".to_owned(), env!("CARGO_PKG_VERSION").to_owned()));
    Ok(versions)
}

pub(crate) fn now() -> String {
    humantime::format_rfc3339_seconds(std::time::SystemTime::now()).to_string()
}
