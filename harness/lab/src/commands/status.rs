//! `lab status`

use anyhow::Result;
use comfy_table::{Table, presets};
use stack::guard::{Guard, JobState, Status};
use stack::runs::RunDir;

use crate::{Verdict, stacks};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The run; with several alive, all are shown.
    #[arg(long)]
    run: Option<String>,
    /// One JSON object: {"run": …, "services": […]}.
    #[arg(long)]
    json: bool,
}

/// Exit status 1 when a service has failed.
pub fn run(args: Args) -> Result<Verdict> {
    let guards: Vec<_> = if args.json || args.run.is_some() {
        // One object for programs: which of several is meant has to be said.
        vec![stacks::living(args.run.as_deref())?]
    } else {
        RunDir::living().into_iter().map(Guard::of).collect()
    };
    if guards.is_empty() {
        println!("nothing runs: start a stack with `lab up`");
    }
    print(&guards, args.json)
}

/// Prints what runs.
pub fn print(guards: &[Guard], json: bool) -> Result<Verdict> {
    let mut failed = false;
    for guard in guards {
        let Status { run, mut services } = guard.status()?;
        services.retain(|job| !job.hidden);
        failed |= services.iter().any(|job| job.state == JobState::Failed);
        if json {
            println!(
                "{:#}",
                serde_json::json!({ "run": run, "services": services })
            );
            continue;
        }
        let mut table = Table::new();
        table.load_style(presets::NOTHING).set_header([
            "service",
            "state",
            "pid",
            "endpoints",
            "log",
        ]);
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
                job.log.display().to_string(),
            ]);
        }
        println!("run {run}\n{table}");
    }
    Ok(Verdict::from(!failed))
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
