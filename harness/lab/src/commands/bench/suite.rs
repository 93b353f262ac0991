//! `lab bench suite`

use std::path::PathBuf;

use anyhow::Result;

use super::samples::{Samples, keep};
use crate::Verdict;
use crate::catalogue::{FAULTS, LONG, Selection};
use crate::groups::Sharing;
use crate::profile::ProfileArgs;
use crate::progress::Shown;
use crate::report::{Terminal, summary};
use crate::runner::Selected;
use crate::suite::{self, Options};

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  lab bench suite                           ten shuffled runs, and one with a stack for each scenario
  lab bench suite --repeat 3 --fresh 3 --output samples.json

Exit status 1 when a scenario failed in any of the runs: that is a flake, or worse.")]
pub struct Args {
    #[command(flatten)]
    profile: ProfileArgs,
    /// Runs on shared stacks, each in an order of its own.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    repeat: u32,
    /// Runs with a fresh stack for each scenario, after as many of the others.
    #[arg(long, default_value_t = 1)]
    fresh: u32,
    /// Scenarios at the same time on a shared stack.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64))]
    jobs: u16,
    /// Where the raw samples go, as JSON.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

pub async fn run(args: Args) -> Result<Verdict> {
    let mut without_tags = LONG.map(str::to_owned).to_vec();
    without_tags.push(FAULTS.to_owned());
    let selected = Selection {
        without_tags,
        ..Selection::default()
    }
    .instances()?;
    let shown = Shown::new();
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let mut held = true;
    for round in 1..=args.repeat {
        let shared = Options {
            jobs: usize::from(args.jobs),
            shuffle: Some(u64::from(rand::random::<u32>())),
            profile: args.profile.profile,
            ..Options::default()
        };
        held &= measure(&selected, &shared, &shown, &mut ours).await?;
        if round <= args.fresh {
            let fresh = Options {
                jobs: 1,
                sharing: Sharing::Never,
                ..shared
            };
            held &= measure(&selected, &fresh, &shown, &mut theirs).await?;
        }
    }
    let mut kinds = vec![("shared stacks", ours)];
    if !theirs.is_empty() {
        kinds.push(("a stack each", theirs));
    }
    let samples = Samples { unit: "s", kinds };
    keep(args.output.as_deref(), &samples)?;
    samples.print(args.json);
    Ok(Verdict::from(held))
}

/// Wall time of a run, from the first stack's start to the last one's end; and whether everything held.
async fn measure(
    selected: &[Selected],
    options: &Options,
    shown: &Shown,
    seconds: &mut Vec<f64>,
) -> Result<bool> {
    let terminal = Terminal::new(shown, options.jobs);
    let (suite, _) = suite::run(selected, options, shown, &terminal).await?;
    shown.line(&summary(&suite));
    seconds.push(suite.seconds);
    Ok(suite.held())
}
