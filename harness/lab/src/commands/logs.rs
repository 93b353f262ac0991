//! `lab logs`

use std::fs::File;
use std::io::{Read, Write};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use stack::guard::Guard;
use stack::runs::RunDir;

use crate::{Verdict, stacks};

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  lab logs connect       of the stack that runs, or of the last that ended
  lab logs connect -f    go on as it grows
  lab logs guard         what started and ended the services")]
pub struct Args {
    /// Whose log; `guard` for the lab's own.
    service: String,
    /// Go on as it grows.
    #[arg(short, long)]
    follow: bool,
    /// The run; the only living one, or the last that ended, when not named.
    #[arg(long)]
    run: Option<String>,
}

pub async fn run(args: Args) -> Result<Verdict> {
    stacks::interruptible(show(args)).await.or_else(|error| {
        // Ctrl-C is how following ends.
        if error.is::<crate::failure::Interrupted>() {
            Ok(Verdict::Held)
        } else {
            Err(error)
        }
    })
}

async fn show(args: Args) -> Result<Verdict> {
    let run = find(args.run.as_deref())?;
    let path = run.log(&args.service);
    if !path.exists() {
        let mut known: Vec<_> = std::fs::read_dir(run.path().join("log"))?
            .flatten()
            .filter_map(|entry| Some(entry.path().file_stem()?.to_str()?.to_owned()))
            .collect();
        known.sort();
        bail!(
            "run {} has no log of `{}`; it has {}",
            run.id(),
            args.service,
            known.join(", ")
        );
    }
    let mut log = File::open(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut output = std::io::stdout().lock();
    loop {
        let mut text = Vec::new();
        log.read_to_end(&mut text)?;
        match output.write_all(&text).and_then(|()| output.flush()) {
            // `lab logs kafka | head` closes the pipe when it has enough.
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => {
                return Ok(Verdict::Held);
            }
            result => result?,
        }
        if !args.follow || (text.is_empty() && !run.is_held()) {
            return Ok(Verdict::Held);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn find(id: Option<&str>) -> Result<RunDir> {
    let living = RunDir::living();
    if id.is_none() && living.is_empty() {
        return RunDir::ended()
            .pop()
            .context("there is no run, and no log of one that ended");
    }
    if let Some(ended) = id.and_then(|id| RunDir::ended().into_iter().find(|run| run.id() == id)) {
        return Ok(ended);
    }
    stacks::living(id).map(|guard: Guard| guard.run().clone())
}
