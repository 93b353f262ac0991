//! `lab logs`

use std::fs::File;
use std::io::{IsTerminal as _, Read, Write};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use stack::runs::RunDir;

use crate::{Verdict, stacks};

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  lab logs               which logs there are
  lab logs connect       of the stack that runs, or of the last that ended
  lab logs connect -f    go on as it grows
  lab logs guard         what started and ended the services")]
pub struct Args {
    /// Whose log; `guard` for the lab's own. Without it, the names of all that there are.
    service: Option<String>,
    /// Go on as it grows.
    #[arg(short, long, requires = "service")]
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
    stacks::can_be_found()?;
    let run = find(args.run.as_deref(), args.service.as_deref())?;
    let Some(service) = &args.service else {
        println!("{}", names(&run)?.join("\n"));
        return Ok(Verdict::Held);
    };
    let path = run.log(service);
    if !path.exists() {
        bail!(
            "run {} has no log of `{service}`; it has {}",
            run.id(),
            names(&run)?.join(", ")
        );
    }
    if !run.is_held() && std::io::stderr().is_terminal() {
        eprintln!("lab: run {} has ended: {}", run.id(), stacks::what(&run));
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

/// The logs that a run has.
fn names(run: &RunDir) -> Result<Vec<String>> {
    let folder = run.path().join("log");
    let entries =
        std::fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut names: Vec<_> = entries
        .flatten()
        .filter_map(|entry| Some(entry.path().file_stem()?.to_str()?.to_owned()))
        .collect();
    names.sort();
    Ok(names)
}

/// The run that is meant. Of those that have ended, the last one with a log of the service: one that failed to start may have ended
/// later.
fn find(id: Option<&str>, service: Option<&str>) -> Result<RunDir> {
    let (living, ended) = (RunDir::living(), RunDir::ended());
    let Some(id) = id else {
        if living.is_empty() {
            let has_it = |run: &&RunDir| service.is_none_or(|service| run.log(service).exists());
            let last = ended.iter().rev().find(has_it).or(ended.last());
            return last
                .cloned()
                .context("there is no run, and no log of one that ended");
        }
        return stacks::living(None).map(|guard| guard.run().clone());
    };
    let all: Vec<_> = ended.into_iter().chain(living).collect();
    match all.iter().find(|run| run.id() == id) {
        Some(run) => Ok(run.clone()),
        None if all.is_empty() => bail!("there is no run {id}, nor any other"),
        None => bail!(
            "there is no run {id}; those that live, or whose logs are kept:{}",
            stacks::list(&all)
        ),
    }
}
