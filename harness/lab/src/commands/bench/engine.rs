//! `lab bench engine`

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use async_trait::async_trait;
use scenario::{Inputs, Kind, Registry, Scenario, parse_str};
use schemars::JsonSchema;
use serde::Deserialize;
use stack::Endpoints;
use stack::guard::Guard;
use stack::runs::{About, RunDir};

use super::samples::{Samples, keep};
use crate::Verdict;
use crate::runner::{
    AnyStep, Context, Listener, Observed, Outcome, Selected, Step, StepError, StepOutcome,
    Surroundings, VARIABLES, run_instance,
};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// How often the scenario runs.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    repeat: u32,
    /// Steps of the scenario.
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u16).range(1..=1000))]
    steps: u16,
    /// Where the raw samples go, as JSON.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

/// A check that asks nobody: what a step takes then is the engine's own.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Nothing {
    /// As the arguments of a real check: texts with variables in them.
    texts: Vec<String>,
}

#[async_trait]
impl Step for Nothing {
    async fn attempt(&self, _context: &mut Context) -> Result<Observed, StepError> {
        Ok(Observed::text(self.texts.join(" ")))
    }
}

struct NoOne;

impl Listener for NoOne {
    fn step(&self, _id: &str, _step: &StepOutcome) {}
    fn begins(&self, _id: &str, _title: &str, _within: Option<std::time::Duration>) {}
}

fn scenario(steps: u16) -> Result<Scenario<AnyStep>> {
    let step = r#"
[[step]]
name = "row ${row} of ${table}"
nothing.texts = ["${run.prefix}.public.customers", "a plain text", "${table}: ${row}"]
"#;
    let text = format!(
        "# What a step takes beside what it asks.\n[vars]\nrow = 7\ntable = \"${{run.prefix}}.orders\"\n{}",
        step.repeat(usize::from(steps))
    );
    let registry = Registry::new([Kind::check::<Nothing>("nothing", "Asks nobody.")])?;
    let inputs = Inputs::default().with_builtins(VARIABLES);
    parse_str(Path::new("bench/engine.toml"), &text, &registry, &inputs)
        .map_err(|problems| anyhow::anyhow!("{problems}"))
}

pub async fn run(args: Args) -> Result<Verdict> {
    let selected = Selected {
        scenario: Arc::new(scenario(args.steps)?),
        index: 0,
        round: 1,
    };
    let run =
        RunDir::create(&About::this_process()).context("cannot make a directory for the run")?;
    let directory = run.path().to_owned();
    let surroundings = Surroundings {
        endpoints: Endpoints::default(),
        guard: Guard::of(run),
        versions: BTreeMap::new(),
        control: None,
        own: false,
        tuning: None,
    };
    let mut samples = Vec::new();
    for _ in 0..args.repeat {
        let begun = Instant::now();
        let outcome = run_instance(&selected, &surroundings, false, &NoOne).await;
        let took = begun.elapsed().as_secs_f64();
        if outcome.outcome != Outcome::Passed {
            bail!("the scenario of the benchmark does not hold: {outcome:?}");
        }
        samples.push(1000.0 * took / f64::from(args.steps));
    }
    // Nothing ran in it; a later run would clear it away too.
    let _ = std::fs::remove_dir_all(directory);
    let samples = Samples {
        unit: "ms a step",
        kinds: vec![("engine", samples)],
    };
    keep(args.output.as_deref(), &samples)?;
    samples.print(args.json);
    Ok(Verdict::Held)
}
