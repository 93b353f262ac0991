//! `lab demo`

use std::path::PathBuf;

use anyhow::Result;
use console::style;
use stack::Profile;

use crate::Verdict;
use crate::catalogue::Selection;
use crate::profile::{ProfileArgs, SecurityArgs};
use crate::progress::Shown;
use crate::report::{self, Terminal, summary, table};
use crate::runner::{Grid, Outcome, ScenarioOutcome, Suite};
use crate::stacks;
use crate::suite::{self, Options};

/// Scenarios with this tag are the demo.
const TAG: &str = "demo";

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  lab demo                    the three jobs, and where the report is
  lab demo --profile kraft    on Kafka 4.3 without ZooKeeper")]
pub struct Args {
    #[command(flatten)]
    profile: ProfileArgs,
    #[command(flatten)]
    security: SecurityArgs,
    /// Where the report goes.
    #[arg(long, value_name = "DIR", default_value = "lab-report")]
    report: PathBuf,
    /// Leave the stack up afterwards; Ctrl-C or `lab down` ends it.
    #[arg(long)]
    keep: bool,
    /// Print the outcome as JSON.
    #[arg(long)]
    json: bool,
    /// The folder with the scenarios; found from the working directory upwards when not given.
    #[arg(long, env = "LAB_SCENARIOS", value_name = "DIR")]
    scenarios: Option<PathBuf>,
}

pub async fn run(args: Args) -> Result<Verdict> {
    let selection = Selection {
        tags: vec![TAG.to_owned()],
        scenarios: args.scenarios.clone(),
        ..Selection::default()
    };
    let selected = selection.instances()?;
    report::prepare(&args.report)?;
    let shown = Shown::new();
    let profile = args.profile.profile;
    let kafka = match profile {
        Profile::Zookeeper => "ZooKeeper, Kafka",
        Profile::Kraft => "Kafka without ZooKeeper",
    };
    shown.line(&format!("{kafka}, Connect with Debezium, Postgres, Prometheus, exporter and producer, on this machine:"));
    let options = Options {
        keep: args.keep,
        profile,
        security: args.security.into(),
        also: profile.services(),
        ..Options::default()
    };
    let (suite, kept) = suite::run(&selected, &options, &shown, &Terminal::new(&shown, 1)).await?;
    let page = report::write(&suite, &args.report)?;
    if args.json {
        println!("{:#}", serde_json::to_value(&suite)?);
    } else {
        print(&suite, kept.is_some());
        println!(
            "\nreport: {}",
            std::path::absolute(&page).unwrap_or(page).display()
        );
        println!("{}", summary(&suite));
    }
    if let Some(native) = kept {
        stacks::hold(native, &shown).await?;
    }
    Ok(Verdict::from(suite.held()))
}

/// What each job saw, as tables; steps that saw things of one form share one.
fn print(suite: &Suite, is_up: bool) {
    for scenario in &suite.scenarios {
        println!("\n{}  {}", style(&scenario.id).bold(), scenario.summary);
        for grid in grids(scenario) {
            println!("{}", table(&grid));
        }
    }
    let until = if is_up {
        ""
    } else {
        ", until the end of the demo (`--keep` leaves the stack up)"
    };
    println!("\nendpoints{until}:");
    for (name, address) in &suite.endpoints {
        println!("  {name:<18} {address}");
    }
}

fn grids(scenario: &ScenarioOutcome) -> Vec<Grid> {
    let mut grids: Vec<Grid> = Vec::new();
    let passed = scenario
        .steps
        .iter()
        .filter(|step| step.outcome == Outcome::Passed);
    for (step, grid) in passed.filter_map(|step| Some((step, step.grid.as_ref()?))) {
        let mut header = vec![String::new()];
        header.extend(grid.header.iter().cloned());
        if grids.last().is_none_or(|last| last.header != header) {
            grids.push(Grid {
                header,
                rows: Vec::new(),
            });
        }
        let Some(shared) = grids.last_mut() else {
            continue;
        };
        for (number, row) in grid.rows.iter().enumerate() {
            // Said once for the rows of one step.
            let mut cells = vec![if number == 0 {
                step.title.clone()
            } else {
                String::new()
            }];
            cells.extend(row.iter().cloned());
            shared.rows.push(cells);
        }
    }
    grids
}
