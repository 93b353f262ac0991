//! `lab soak`

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use scenario::parse_str;
use serde_json::json;
use stack::components::{Lock, NoProgress};
use stack::links::Link;
use stack::native::{Native, StackSpec};
use stack::{Flavour, ServiceName};

use crate::actions::connector_state::NOTHING_FAILED;
use crate::catalogue::inputs;
use crate::profile::ProfileArgs;
use crate::progress::Shown;
use crate::registry::registry;
use crate::report::{self, Terminal};
use crate::runner::{Outcome, Selected, StepOutcome, Suite};
use crate::soak::{Plan, Wrong};
use crate::suite::{self, Options, Recorder};
use crate::{Verdict, stacks};

/// The area of the rounds: a folder beside the report.
const AREA: &str = "soak";

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  lab soak --minutes 30 --seed 1 --report out   half an hour of faults
  lab soak --seed 1 --round 17                  one round of it again
  lab soak --minutes 2 --wrong sink             see that a wrong sink is found

Each round hurts the stack two to four times, at its seed's choice, while records, rows, updates, deletes and truncates go through it. Then nothing may be missing: what was produced was delivered once, increments are counted exactly, each series is shown by one exporter, tables are equal through the sink, and each row's changes are there in order.")]
pub struct Args {
    /// No round begins later than this.
    #[arg(long, default_value = "10", value_parser = clap::value_parser!(u32).range(1..=1440))]
    minutes: u32,
    /// What the rounds are made up from [default: random, shown at the end]
    #[arg(long)]
    seed: Option<u32>,
    /// Only this round.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    round: Option<u32>,
    #[command(flatten)]
    profile: ProfileArgs,
    /// Put something wrong into it, which then has to be found.
    #[arg(long, value_enum)]
    wrong: Option<Wrong>,
    /// Write report.html, report.json, junit.xml and the rounds as scenario files into this folder.
    #[arg(long, value_name = "DIR")]
    report: Option<PathBuf>,
    /// Print the outcome as JSON.
    #[arg(long)]
    json: bool,
}

pub async fn run(args: Args) -> Result<Verdict> {
    if let Some(folder) = &args.report {
        report::prepare(folder)?;
        let area = folder.join(AREA);
        if area.is_symlink() {
            bail!(
                "{} is a link: name another folder with --report",
                area.display()
            );
        }
        report::prepare(&area)?;
    }
    let shown = Shown::new();
    let seed = args.seed.unwrap_or_else(rand::random);
    let plan = Plan {
        seed: seed.into(),
        profile: args.profile.profile,
        wrong: args.wrong,
    };
    let spec = StackSpec {
        flavour: Flavour::of(plan.profile).with_jdbc(&Lock::embedded()?)?,
        links: Link::ALL.to_vec(),
        ..StackSpec::of([ServiceName::Connect, ServiceName::Postgres])
    };
    let begun = Instant::now();
    let native =
        stacks::interruptible(async { Ok(Native::start(&spec, &NoProgress).await?) }).await?;
    let mut suite = Suite {
        began: suite::now(),
        ..Suite::default()
    };
    suite::describe(&mut suite, &native);
    let mut done = Done::default();
    let ran = rounds(&args, plan, &native, &shown, &mut suite, &mut done).await;
    suite::end(native, &shown).await;
    suite.seconds = begun.elapsed().as_secs_f64();
    // What was seen before an interruption is kept.
    if let Some(folder) = &args.report {
        let page = report::write(&suite, folder)?;
        shown.line(&format!("report: {}", page.display()));
    }
    let failed: Vec<_> = suite
        .scenarios
        .iter()
        .filter(|one| suite::has_failed(one))
        .collect();
    if args.json {
        let result = json!({
            "seed": seed, "rounds": suite.scenarios.len(), "failed": failed.len(),
            "records": done.records, "checks": done.checks, "restarted": done.restarted, "faults": done.faults, "suite": suite,
        });
        println!("{result:#}");
    } else {
        let faults: u64 = done.faults.values().sum();
        let kinds: Vec<_> = done
            .faults
            .iter()
            .map(|(kind, times)| format!("{kind} {times}"))
            .collect();
        println!("{faults} faults: {}", kinds.join(", "));
        println!(
            "seed {seed}: {} rounds, {faults} faults, {} records, {} checks, {} restarts of failed tasks; {}",
            suite.scenarios.len(),
            done.records,
            done.checks,
            done.restarted,
            if ran.is_err() {
                "ended early".to_owned()
            } else if failed.is_empty() {
                "all held".to_owned()
            } else {
                format!("{} rounds failed", failed.len())
            }
        );
        for round in failed {
            let number = round.id.rsplit('-').next().unwrap_or_default();
            println!(
                "again: lab soak --seed {seed} --round {}",
                number.trim_start_matches('0')
            );
        }
    }
    ran?;
    Ok(Verdict::from(suite.held()))
}

/// What was done, over all rounds.
#[derive(Default)]
struct Done {
    faults: BTreeMap<String, u64>,
    records: u64,
    /// Checks that held.
    checks: usize,
    /// How often a connector or task had failed for good, and was restarted as an operator would.
    restarted: usize,
}

async fn rounds(
    args: &Args,
    plan: Plan,
    native: &Native,
    shown: &Shown,
    suite: &mut Suite,
    done: &mut Done,
) -> Result<()> {
    let registry = registry()?;
    let inputs = inputs(Path::new("."))?;
    let reporter = Terminal::new(shown, 1);
    let begun = Instant::now();
    let limit = Duration::from_secs(60 * u64::from(args.minutes));
    let numbers = args.round.map_or(1..=u32::MAX, |round| round..=round);
    for number in numbers {
        if begun.elapsed() >= limit {
            break;
        }
        let round = plan.round(number);
        let name = format!("round-{number:03}.toml");
        if let Some(folder) = &args.report {
            report::put(&folder.join(AREA), &name, &round.text)?;
        }
        let file = Path::new(AREA).join(name);
        shown.line(&round.title);
        let scenario = parse_str(&file, &round.text, &registry, &inputs)
            .with_context(|| format!("round {number} is no scenario"))?;
        let selected = Selected {
            scenario: Arc::new(scenario),
            index: 0,
            round: 1,
        };
        let recorder = Recorder::new(&reporter);
        let of_round = vec![selected];
        let ran = suite::on_own(native, of_round.clone(), &Options::default(), &recorder).await;
        // A round that was under way is in the report as far as it had come.
        if let Err(error) = &ran
            && let Some(unfinished) = recorder.unfinished(of_round, &format!("{error:#}"))
        {
            suite.scenarios.extend(unfinished.scenarios);
        }
        let outcomes = ran?;
        done.records += round.records;
        for fault in round.faults {
            *done.faults.entry(fault.kind()).or_default() += 1;
        }
        let steps = outcomes.iter().flat_map(|outcome| &outcome.steps);
        done.restarted += steps.clone().filter(|step| has_restarted(step)).count();
        done.checks += steps
            .filter(|step| step.role == scenario::Role::Check && step.outcome == Outcome::Passed)
            .count();
        let failed = outcomes.iter().any(suite::has_failed);
        suite.scenarios.extend(outcomes);
        if failed {
            // The stack may not be whole, and what failed is the first thing to look at.
            break;
        }
    }
    Ok(())
}

/// Whether a step found something that had failed, and restarted it.
fn has_restarted(step: &StepOutcome) -> bool {
    step.key == "restart_connector"
        && step.outcome == Outcome::Passed
        && step.observed != NOTHING_FAILED
}
