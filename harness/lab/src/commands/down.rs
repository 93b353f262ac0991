//! `lab down`

use anyhow::Result;
use stack::guard::Guard;
use stack::runs::RunDir;

use crate::{Verdict, stacks};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The run to end; needed only when several are alive.
    #[arg(long)]
    run: Option<String>,
    /// End every run.
    #[arg(long, conflicts_with = "run")]
    all: bool,
}

pub fn run(args: Args) -> Result<Verdict> {
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
