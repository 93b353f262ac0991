//! `lab down`

use anyhow::Result;
use stack::guard::Guard;
use stack::runs::RunDir;

use crate::{Verdict, stacks};

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  lab down             the one that runs
  lab down --run ID    one of several: `lab status` names them
  lab down --all       every one")]
pub struct Args {
    /// The run to end; needed only when several are alive.
    #[arg(long)]
    run: Option<String>,
    /// End every run.
    #[arg(long, conflicts_with = "run")]
    all: bool,
}

pub fn run(args: Args) -> Result<Verdict> {
    if args.run.is_none() && RunDir::living().is_empty() {
        println!("{}", stacks::NOTHING);
        return Ok(Verdict::Held);
    }
    let guards = if args.all {
        RunDir::living().into_iter().map(Guard::of).collect()
    } else {
        vec![stacks::living(args.run.as_deref())?]
    };
    for guard in guards {
        guard.shut_down()?;
        println!(
            "run {} has ended; its logs are in {}",
            guard.run().id(),
            guard.run().path().join("log").display()
        );
    }
    Ok(Verdict::Held)
}
