//! `lab down`

use anyhow::{Result, bail};
use stack::guard::Guard;
use stack::runs::RunDir;

use crate::{Verdict, stacks};

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  lab down             the stack of `lab up` or `lab run --keep`
  lab down --run ID    one of several: `lab status` names them
  lab down --all       every one")]
pub struct Args {
    /// The run to end. Without it: the only one alive, if it stays for its user; one that works (lab run, test, soak, bench) has
    /// to be named, or gets Ctrl-C where it runs.
    #[arg(long)]
    run: Option<String>,
    /// End every run.
    #[arg(long, conflicts_with = "run")]
    all: bool,
}

pub fn run(args: Args) -> Result<Verdict> {
    stacks::can_be_found()?;
    if args.run.is_none() && RunDir::living().is_empty() {
        println!("{}", stacks::NOTHING);
        return Ok(Verdict::Held);
    }
    let guards = if args.all {
        RunDir::living().into_iter().map(Guard::of).collect()
    } else {
        let guard = stacks::living(args.run.as_deref())?;
        let about = guard.run().about();
        if args.run.is_none() && about.is_some_and(|about| !about.stays) {
            bail!(
                "the only run that is alive is at work:{}\n  what to do: Ctrl-C where it runs, or `lab down --run {}`",
                stacks::list(std::slice::from_ref(guard.run())),
                guard.run().id()
            );
        }
        vec![guard]
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
