//! `lab status`

use anyhow::{Result, bail};
use comfy_table::{Table, presets};
use serde_json::{Value, json};
use stack::guard::{Guard, JobState, Status};
use stack::runs::RunDir;
use stack::services::metrics_topic;
use stack::{Endpoints, ServiceName};

use crate::{Verdict, stacks};

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  lab status                       what runs, for people
  lab status --json                for programs
  lab status --endpoints > e.json  for `lab run --endpoints e.json`")]
pub struct Args {
    /// The run. Without it, text shows all that are alive; `--json` and `--endpoints` want one, if there are several.
    #[arg(long)]
    run: Option<String>,
    /// One JSON object: {"run": …, "services": […]}; the empty list [] when nothing runs.
    #[arg(long)]
    json: bool,
    /// With --json: a list of such objects, of all that are alive, which may be none.
    #[arg(long, requires = "json", conflicts_with = "run")]
    all: bool,
    /// A file of endpoints, as `lab run --endpoints` takes it.
    #[arg(long, conflicts_with = "json")]
    endpoints: bool,
}

/// Exit status 1 when a service has failed.
pub fn run(args: Args) -> Result<Verdict> {
    stacks::can_be_found()?;
    if args.endpoints {
        let guard = stacks::living(args.run.as_deref())?;
        if guard.run().keys().is_some() {
            bail!(
                "run {} is secure, and a file of endpoints has no keys: `lab run --endpoints` could not get in\n  what to do: `lab run --secure` makes a stack of its own; docs/security.md has the settings for other clients",
                guard.run().id()
            );
        }
        let endpoints = endpoints(&guard)?;
        println!("{:#}", serde_json::to_value(endpoints)?);
        return Ok(Verdict::Held);
    }
    if args.all {
        let shown: Vec<_> = RunDir::living()
            .into_iter()
            // One that ends meanwhile is no longer alive.
            .filter_map(|run| Guard::of(run).status().ok())
            .map(|status| object(services(status)))
            .collect();
        println!("{:#}", Value::from(shown));
        return Ok(Verdict::Held);
    }
    if args.run.is_none() && RunDir::living().is_empty() {
        println!("{}", if args.json { "[]" } else { stacks::NOTHING });
        return Ok(Verdict::Held);
    }
    let guards: Vec<_> = if args.json || args.run.is_some() {
        // One object for programs: which of several is meant has to be said.
        vec![stacks::living(args.run.as_deref())?]
    } else {
        RunDir::living().into_iter().map(Guard::of).collect()
    };
    print(&guards, args.json)
}

/// Where everything of a run is. On a stack of our own, scenarios may write to the exporter's topic.
fn endpoints(guard: &Guard) -> Result<Endpoints> {
    let mut endpoints = Endpoints::default();
    for job in guard.status()?.services {
        // Not those of a scenario's own processes, which end with it.
        let keys = job.endpoints.into_iter().filter(|_| !job.hidden);
        for (key, address) in keys {
            endpoints.set(&job.name, key, address);
        }
        if job.name == ServiceName::Exporter.as_str() {
            endpoints.set("metrics", "topic", metrics_topic()?);
        }
    }
    // Scenarios that choose versions run where those are.
    let versions = guard.run().about().map(|about| about.versions);
    for (component, version) in versions.into_iter().flatten() {
        endpoints.set("versions", component, version);
    }
    Ok(endpoints)
}

/// Prints what runs.
pub fn print(guards: &[Guard], json: bool) -> Result<Verdict> {
    let mut failed = false;
    for guard in guards {
        let status = services(guard.status()?);
        failed |= status
            .services
            .iter()
            .any(|job| job.state == JobState::Failed);
        if json {
            println!("{:#}", object(status));
            continue;
        }
        let Status { run, services } = status;
        let mut table = Table::new();
        table
            .load_style(presets::NOTHING)
            .set_header(["service", "state", "pid", "endpoints"]);
        for job in services {
            let endpoints: Vec<_> = job
                .endpoints
                .iter()
                .map(|(key, address)| format!("{key} {address}"))
                .collect();
            table.add_row([
                job.name,
                job.ended.map_or_else(
                    || word(job.state).to_owned(),
                    |ended| format!("{} ({ended})", word(job.state)),
                ),
                job.pid.map(|pid| pid.to_string()).unwrap_or_default(),
                endpoints.join("\n"),
            ]);
        }
        let directory = guard.run();
        println!("run {run}: {}", stacks::what(directory));
        println!("{table}\nlogs: {}", directory.path().join("log").display());
        if let Some(keys) = directory.keys() {
            println!("keys: {}", keys.display());
        }
    }
    Ok(Verdict::from(!failed))
}

/// Without what scenarios run.
fn services(mut status: Status) -> Status {
    status.services.retain(|job| !job.hidden);
    status
}

fn object(Status { run, services }: Status) -> Value {
    json!({ "run": run, "services": services })
}

fn word(state: JobState) -> &'static str {
    match state {
        JobState::Starting => "starting",
        JobState::Ready => "ready",
        JobState::Paused => "paused",
        JobState::Stopped => "stopped",
        JobState::Failed => "failed",
    }
}
