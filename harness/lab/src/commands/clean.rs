//! `lab clean`

use std::collections::BTreeSet;
use std::io::{BufRead, IsTerminal};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use indicatif::HumanBytes;
use serde::Serialize;
use stack::components::{Cache, Lock};
use stack::runs::{RunDir, began};
use stack::{Profile, ServiceName};

use crate::attach;
use crate::leftovers::{Cluster, Databases, Leftover};
use crate::words::count;
use crate::{Verdict, stacks};

/// A run that this machine does not know may go on elsewhere: this long at the most.
const ELSEWHERE: Duration = Duration::from_secs(24 * 60 * 60);

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  lab clean                              what dead runs and fetches left here
  lab clean --older-than 7d --yes        only of runs that began longer ago
  lab clean --endpoints e.json --dry-run what killed runs left on a cluster
  lab clean --endpoints e.json --yes     remove it

On a cluster, only names with the mark of a run are looked at (kclab_RUN_INSTANCE_CHECKSUM_…). What a run of this \
machine made that is still alive is left alone. Of a run that this machine does not know, nobody here can say whether \
it goes on elsewhere: it is left alone until it is a day old, or as old as --older-than says.")]
pub struct Args {
    /// Remove what runs left on the cluster that this file names.
    #[arg(long, value_name = "FILE")]
    endpoints: Option<PathBuf>,
    /// Only of runs that began longer ago than this, such as 2h or 7d.
    #[arg(long, value_name = "TIME", value_parser = crate::words::length_of_time)]
    older_than: Option<Duration>,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
    /// Only list.
    #[arg(long, conflicts_with = "yes")]
    dry_run: bool,
    /// Print what was found and what became of it as JSON.
    #[arg(long)]
    json: bool,
}

/// Exit status 1 when something could not be removed.
pub async fn run(args: Args) -> Result<Verdict> {
    let work = async {
        match &args.endpoints {
            Some(file) => on_cluster(&args, file).await,
            None => stacks::can_be_found().and_then(|()| on_this_machine(&args)),
        }
    };
    stacks::interruptible(work).await
}

/// One thing that was found.
#[derive(Debug, Serialize)]
struct Found<T> {
    #[serde(flatten)]
    what: T,
    /// Why it stays.
    #[serde(skip_serializing_if = "Option::is_none")]
    left_alone: Option<String>,
    removed: bool,
    /// Why it could not be removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl<T> Found<T> {
    fn new(what: T, left_alone: Option<String>) -> Self {
        Self {
            what,
            left_alone,
            removed: false,
            error: None,
        }
    }

    fn ended(&mut self, result: Result<()>) {
        match result {
            Ok(()) => self.removed = true,
            Err(error) => self.error = Some(format!("{error:#}")),
        }
    }
}

async fn on_cluster(args: &Args, file: &Path) -> Result<Verdict> {
    let endpoints = attach::read(file)?;
    let services: Vec<_> = [
        ServiceName::Connect,
        ServiceName::Postgres,
        ServiceName::Kafka,
    ]
    .into_iter()
    .filter(|service| {
        let (key, _) = service.service().ports(Profile::default())[0];
        endpoints.endpoint("lab", service.as_str(), key).is_ok()
    })
    .map(|service| (service, Vec::new()))
    .collect();
    if services.is_empty() {
        bail!(
            "{} names none of connect.rest, postgres.sql and kafka.bootstrap: runs leave nothing elsewhere",
            file.display()
        );
    }
    attach::reach(&services, &endpoints, file).await?;
    let cluster = Cluster::new(&endpoints)?;
    let living: BTreeSet<String> = ids(RunDir::living());
    let dead: BTreeSet<String> = RunDir::over().into_iter().collect();
    let found = cluster.find(&|_| true, &Databases::All).await?;
    let mut found: Vec<_> = found
        .into_iter()
        .map(|what| {
            let why = left_alone(&what.run, &living, &dead, args.older_than);
            Found::new(what, why)
        })
        .collect();
    let line = |what: &Leftover| {
        format!(
            "{:<12} {}  (run {}, {})",
            what.kind.to_string(),
            what.name,
            what.run,
            age(&what.run)
        )
    };
    if !agreed(args, &found, line)? {
        return finish(args, &found);
    }
    for one in found.iter_mut().filter(|one| one.left_alone.is_none()) {
        let result = cluster.remove(&one.what).await;
        one.ended(result);
    }
    finish(args, &found)
}

/// The directory of a run, or what killed processes left in the cache.
#[derive(Debug, Serialize)]
struct Directory {
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<String>,
    path: PathBuf,
    bytes: u64,
}

fn on_this_machine(args: &Args) -> Result<Verdict> {
    let runs = RunDir::dead();
    let mut found: Vec<_> = runs
        .iter()
        .map(|run| {
            let directory = Directory {
                run: Some(run.id().to_owned()),
                path: run.path().to_owned(),
                bytes: run.size(),
            };
            Found::new(directory, too_young(run.id(), args.older_than))
        })
        .collect();
    // Where nothing says where a cache would be, there is none.
    let cache = Cache::open(Lock::embedded()?).ok();
    if let Some((path, bytes)) = cache.as_ref().and_then(Cache::leftovers) {
        let run = None;
        found.push(Found::new(Directory { run, path, bytes }, None));
    }
    let line = |what: &Directory| {
        let of = match &what.run {
            Some(run) => format!("run {run}, {}", age(run)),
            None => "unfinished fetches".to_owned(),
        };
        format!("{of}  {}  {}", HumanBytes(what.bytes), what.path.display())
    };
    if agreed(args, &found, line)? {
        for (run, one) in runs.iter().zip(&mut found) {
            if one.left_alone.is_none() {
                let removed = run
                    .remove()
                    .with_context(|| format!("cannot remove {}", run.path().display()));
                one.ended(removed);
            }
        }
        // Only where there are any, after the runs.
        for (one, cache) in found.iter_mut().skip(runs.len()).zip(&cache) {
            match cache.remove_leftovers() {
                Ok(false) => one.left_alone = Some("another process fetches just now".to_owned()),
                removed => one.ended(removed.map(drop).map_err(Into::into)),
            }
        }
        let freed = found
            .iter()
            .filter(|one| one.removed)
            .map(|one| one.what.bytes)
            .sum();
        if !args.json {
            println!("{} freed", HumanBytes(freed));
        }
    }
    finish(args, &found)
}

fn ids(runs: Vec<RunDir>) -> BTreeSet<String> {
    runs.iter().map(|run| run.id().to_owned()).collect()
}

fn left_alone(
    run: &str,
    living: &BTreeSet<String>,
    dead: &BTreeSet<String>,
    older_than: Option<Duration>,
) -> Option<String> {
    if living.contains(run) {
        return Some("the run is alive".to_owned());
    }
    if dead.contains(run) {
        return too_young(run, older_than);
    }
    too_young(run, Some(older_than.unwrap_or(ELSEWHERE)))
        .map(|why| format!("{why}, and it may be alive on another machine: see --older-than"))
}

fn too_young(run: &str, older_than: Option<Duration>) -> Option<String> {
    let limit = older_than?;
    // A clock that went back makes it as young as can be.
    let age = began(run)?.elapsed().unwrap_or_default();
    (age < limit).then(|| {
        format!(
            "it began less than {} ago",
            humantime::format_duration(limit)
        )
    })
}

fn age(run: &str) -> String {
    let age = began(run).and_then(|began| began.elapsed().ok());
    age.map_or_else(
        || "begun at an unknown time".to_owned(),
        |age| {
            let seconds = Duration::from_secs(age.as_secs());
            format!("begun {} ago", humantime::format_duration(seconds))
        },
    )
}

/// Lists, and asks unless the answer was given.
fn agreed<T>(args: &Args, found: &[Found<T>], line: impl Fn(&T) -> String) -> Result<bool> {
    if !args.json {
        for one in found {
            match &one.left_alone {
                Some(why) => println!("  {}: left alone, {why}", line(&one.what)),
                None => println!("  {}", line(&one.what)),
            }
        }
    }
    let concerned = found.iter().filter(|one| one.left_alone.is_none()).count();
    if concerned == 0 || args.dry_run {
        return Ok(false);
    }
    if args.yes {
        return Ok(true);
    }
    if !std::io::stdin().is_terminal() {
        bail!("nobody is there to be asked: --yes removes this, --dry-run only lists it");
    }
    eprint!("remove {}? [y/N] ", count(concerned, "thing"));
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(["y", "yes"].contains(&answer.trim().to_lowercase().as_str()))
}

fn finish<T: Serialize>(args: &Args, found: &[Found<T>]) -> Result<Verdict> {
    let failed: Vec<_> = found.iter().filter_map(|one| one.error.as_ref()).collect();
    if args.json {
        println!("{:#}", serde_json::json!({ "found": found }));
        return Ok(Verdict::from(failed.is_empty()));
    }
    let removed = found.iter().filter(|one| one.removed).count();
    for error in &failed {
        eprintln!("error: {error}");
    }
    match (found.is_empty(), removed) {
        (true, _) => println!("nothing is left of dead runs"),
        (false, 0) => println!("nothing was removed"),
        (false, number) => println!("{} removed", count(number, "thing")),
    }
    Ok(Verdict::from(failed.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    /// Of September 2025.
    const OLD: &str = "mf3q0000a1";

    fn set(id: &str) -> BTreeSet<String> {
        BTreeSet::from([id.to_owned()])
    }

    #[rstest]
    #[case::alive(OLD, "", None, Some("alive"))]
    #[case::dead("", OLD, None, None)]
    #[case::dead_and_young_enough("", OLD, Some(Duration::from_secs(u32::MAX.into())), Some("less than"))]
    #[case::unknown_and_old("", "", None, None)]
    #[case::unknown_and_young("", "", Some(Duration::from_secs(u32::MAX.into())), Some("another machine"))]
    fn what_may_be_alive_is_left_alone(
        #[case] living: &str,
        #[case] dead: &str,
        #[case] older_than: Option<Duration>,
        #[case] why: Option<&str>,
    ) {
        let said = left_alone(OLD, &set(living), &set(dead), older_than);
        match why {
            Some(why) => assert!(
                said.as_ref().is_some_and(|said| said.contains(why)),
                "{said:?}"
            ),
            None => assert_eq!(said, None),
        }
    }
}
