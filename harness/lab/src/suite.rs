//! Runs a selection of scenarios: brings up what they need, shares it among those that can share, and gives the others a
//! stack of their own.

use std::collections::BTreeSet;
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use futures::StreamExt;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use scenario::Jvm;
use stack::native::{Native, StackSpec};
use stack::services::JvmMode;
use stack::{Flavour, Profile, Security, ServiceName, Size};

use crate::groups::{self, Group, Sharing};
use crate::progress::Shown;
use crate::runner::{
    Listener, Outcome, ScenarioOutcome, Selected, Suite, Surroundings, run_instance,
};
use crate::stacks;
use crate::tune::Session;
use crate::words::without_password;

mod recorder;

pub(crate) use recorder::Recorder;

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
    /// The profile of scenarios that do not say it.
    pub profile: Profile,
    /// Brokers and workers of scenarios that do not say it.
    pub size: Size,
    /// Whether the stacks of scenarios are secure that do not say it.
    pub security: Security,
    /// Who shares a stack.
    pub sharing: Sharing,
    /// Services that are started in any case.
    pub also: Vec<ServiceName>,
    /// How long each service may take until it is ready.
    pub ready_within: Duration,
    /// How experiments are run, when not in their short form.
    pub(crate) tuning: Option<Arc<Session>>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            jobs: 1,
            repeat: 1,
            shuffle: None,
            fail_fast: false,
            keep: false,
            profile: Profile::default(),
            size: Size::default(),
            security: Security::default(),
            sharing: Sharing::default(),
            also: Vec::new(),
            ready_within: Duration::from_secs(90),
            tuning: None,
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
    let usual = Flavour {
        size: options.size,
        security: options.security,
        ..Flavour::of(options.profile)
    };
    let plan = groups::plan(all, &usual, options.sharing)?;
    let mut suite = Suite {
        began: now(),
        seed: options.shuffle,
        versions: [("lab".to_owned(), env!("CARGO_PKG_VERSION").to_owned())].into(),
        ..Suite::default()
    };
    for (one, reason) in plan.skipped {
        skip([one], &reason, &mut suite, reporter);
    }
    let mut kept = None;
    let mut stopped = false;
    for group in plan.groups {
        if stopped {
            skip(group.selected, FAIL_FAST, &mut suite, reporter);
            continue;
        }
        let native = bring_up(&group, options, shown).await?;
        describe(&mut suite, &native);
        let outcomes = if group.shared {
            on_shared(&native, group.selected, options, shown, reporter).await
        } else {
            on_own(&native, group.selected, options, reporter).await
        };
        if options.keep {
            kept = Some(native);
        } else {
            end(native, shown).await;
        }
        let outcomes = outcomes?;
        stopped = outcomes.iter().any(has_failed) && options.fail_fast;
        suite.scenarios.extend(outcomes);
    }
    suite.seconds = begun.elapsed().as_secs_f64();
    Ok((suite, kept))
}

/// Why what is left is not run after a failure.
const FAIL_FAST: &str = "an earlier scenario failed, and --fail-fast was given";

/// Everything as often as it runs, one round after the other.
pub(crate) fn in_rounds(selected: &[Selected], repeat: usize) -> Vec<Selected> {
    let round = |round| {
        selected.iter().map(move |one| Selected {
            round,
            ..one.clone()
        })
    };
    (1..=repeat).flat_map(round).collect()
}

/// Everything as often as it runs, in the order in which it begins.
pub(crate) fn in_order(selected: &[Selected], options: &Options, shown: &Shown) -> Vec<Selected> {
    let mut all = in_rounds(selected, options.repeat);
    if let Some(seed) = options.shuffle {
        shown.line(&format!("in the order of --shuffle={seed}"));
        all.shuffle(&mut StdRng::seed_from_u64(seed));
    }
    all
}

/// A stack that does not end in order does not take the report with it.
pub(crate) async fn end(native: Native, shown: &Shown) {
    if let Err(error) = native.shut_down().await {
        shown.line(&format!("the stack did not end as it should: {error}"));
    }
}

fn skip(
    left: impl IntoIterator<Item = Selected>,
    reason: &str,
    suite: &mut Suite,
    reporter: &dyn Reporter,
) {
    for one in left {
        let outcome = one.skipped(reason.to_owned());
        reporter.ended(&outcome);
        suite.scenarios.push(outcome);
    }
}

pub(crate) fn has_failed(outcome: &ScenarioOutcome) -> bool {
    outcome.outcome == Outcome::Failed
}

/// Services, or links with a proxy, that scenarios need, by their steps.
fn needs<T: FromStr>(selected: &[Selected]) -> Vec<T> {
    let names: BTreeSet<&str> = selected
        .iter()
        .flat_map(|one| one.scenario.needs.keys().map(String::as_str))
        .collect();
    names
        .into_iter()
        .filter_map(|name| name.parse().ok())
        .collect()
}

async fn bring_up(group: &Group, options: &Options, shown: &Shown) -> Result<Native> {
    let profile = group.flavour.profile;
    let also = options.also.iter().copied();
    let wanted = needs::<ServiceName>(&group.selected)
        .into_iter()
        .chain(also.filter(|service| profile.has(*service)));
    // All that share a stack begin in the mode of the first.
    let jvm = modes(&group.selected)
        .first()
        .copied()
        .unwrap_or(JvmMode::Quick);
    let spec = StackSpec {
        flavour: group.flavour.clone(),
        jvm,
        ready_within: options.ready_within,
        links: needs(&group.selected),
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

pub(crate) fn surroundings(native: &Native, options: &Options) -> Surroundings {
    let control = Arc::clone(native.control());
    Surroundings {
        endpoints: control.endpoints().clone(),
        guard: control.guard().clone(),
        versions: control.versions(),
        control: Some(control),
        own: true,
        tuning: options.tuning.clone(),
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

/// One after the other, each in the mode that the stack was started in.
pub(crate) async fn on_own(
    native: &Native,
    selected: Vec<Selected>,
    options: &Options,
    reporter: &dyn Reporter,
) -> Result<Vec<ScenarioOutcome>> {
    let surroundings = surroundings(native, options);
    let mut outcomes = Vec::new();
    for one in selected {
        let outcome = stacks::guarded(native, async {
            Ok(run_instance(&one, &surroundings, options.keep, reporter).await)
        })
        .await?;
        reporter.ended(&outcome);
        outcomes.push(outcome);
    }
    Ok(outcomes)
}

async fn on_shared(
    native: &Native,
    selected: Vec<Selected>,
    options: &Options,
    shown: &Shown,
    reporter: &dyn Reporter,
) -> Result<Vec<ScenarioOutcome>> {
    let surroundings = surroundings(native, options);
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
                    return leave_out(one, reporter);
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

/// What is left after a failure.
pub(crate) fn left_out(left: Vec<&Selected>, reporter: &dyn Reporter) -> Vec<ScenarioOutcome> {
    left.into_iter()
        .map(|one| leave_out(one, reporter))
        .collect()
}

fn leave_out(one: &Selected, reporter: &dyn Reporter) -> ScenarioOutcome {
    let outcome = one.skipped(FAIL_FAST.to_owned());
    reporter.ended(&outcome);
    outcome
}

pub(crate) fn describe(suite: &mut Suite, native: &Native) {
    native
        .control()
        .guard()
        .run()
        .id()
        .clone_into(&mut suite.run);
    suite.versions.extend(native.control().versions());
    suite.endpoints = native
        .control()
        .endpoints()
        .iter()
        .map(|(service, key, address)| (format!("{service} {key}"), without_password(address)))
        .collect();
}

pub(crate) fn now() -> String {
    humantime::format_rfc3339_seconds(std::time::SystemTime::now()).to_string()
}
