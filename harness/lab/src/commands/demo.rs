//! `lab demo`

use std::path::PathBuf;

use anyhow::Result;
use console::style;
use stack::ServiceName;

use crate::Verdict;
use crate::catalogue::Selection;
use crate::progress::Shown;
use crate::report::{self, Terminal, summary, table};
use crate::runner::{Outcome, Suite};
use crate::stacks;
use crate::suite::{self, Options};

/// Scenarios with this tag are the demo.
const TAG: &str = "demo";

#[derive(Debug, clap::Args)]
pub struct Args {
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
    let shown = Shown::new();
    shown.line("ZooKeeper, Kafka, Connect with Debezium, Postgres, Prometheus, exporter and producer, on this machine:");
    let options = Options {
        keep: args.keep,
        also: ServiceName::ALL.to_vec(),
        ..Options::default()
    };
    let (suite, kept) = suite::run(&selected, &options, &shown, &Terminal::new(&shown, 1)).await?;
    let page = report::write(&suite, &args.report)?;
    if args.json {
        println!("{:#}", serde_json::to_value(&suite)?);
    } else {
        print(&suite);
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

/// What each job saw, as tables.
fn print(suite: &Suite) {
    for scenario in &suite.scenarios {
        println!("\n{}  {}", style(&scenario.id).bold(), scenario.summary);
        let with_grid = scenario
            .steps
            .iter()
            .filter(|step| step.outcome == Outcome::Passed);
        for (step, grid) in with_grid.filter_map(|step| Some((step, step.grid.as_ref()?))) {
            println!("  {}:", step.title);
            match grid.rows.is_empty() {
                true => println!("    nothing"),
                false => table(grid).lines().for_each(|line| println!("    {line}")),
            }
        }
    }
    println!(
        "\nendpoints{}",
        if suite.endpoints.is_empty() { "" } else { ":" }
    );
    for (name, address) in &suite.endpoints {
        println!("  {name:<18} {address}");
    }
}
