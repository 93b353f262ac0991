//! `lab diff-versions`

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use scenario::near_miss;
use serde_json::{Map, Value};
use stack::components::Lock;

use crate::Verdict;
use crate::differences::{Workload, compare, run as through};
use crate::groups::DEBEZIUM;
use crate::lint::{Case, Definitions, Document};
use crate::progress::Shown;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  lab diff-versions connector.json --from 2.7.4 --to 3.7.0
  lab diff-versions connector.json --from 2.7.4 --to 3.7.0 \\
    --tables tables.sql --workload writes.sql

Each version gets a stack of its own, with an empty database. Where the database is, the prefix of topics and the slot \
are the stack's, and so is the plugin `pgoutput` where none is named; everything else is the connector's own. Positions and times are left out of what is compared.

Exit status: 0 when the same arrives, 1 when not, 2 when the input is wrong.")]
pub struct Args {
    /// A Postgres connector's JSON file, in any form that `lab lint` takes.
    #[arg(value_name = "CONNECTOR.json")]
    file: PathBuf,
    /// The version of Debezium today.
    #[arg(long, value_name = "VERSION")]
    from: String,
    /// The version to go to.
    #[arg(long, value_name = "VERSION")]
    to: String,
    /// SQL that makes the tables, before the connector; with --workload. Without both: customers and orders, and each kind of
    /// change.
    #[arg(long, value_name = "FILE", requires = "workload")]
    tables: Option<PathBuf>,
    /// SQL that is run once the connector streams.
    #[arg(long, value_name = "FILE", requires = "tables")]
    workload: Option<PathBuf>,
    /// Print the outcome as JSON.
    #[arg(long)]
    json: bool,
}

pub async fn run(args: Args) -> Result<Verdict> {
    let text = std::fs::read_to_string(&args.file)
        .with_context(|| format!("cannot read {}", args.file.display()))?;
    let document = Document::parse(&args.file, &text).map_err(|problem| *problem)?;
    let (from, to) = (version(&args.from)?, version(&args.to)?);
    if !Case::new(&document, &Definitions::recorded(None)?)?.is_postgres() {
        bail!(
            "{} is no connector of Debezium for Postgres: there is nothing to compare",
            args.file.display()
        );
    }
    let config: Map<String, Value> = document
        .entries
        .iter()
        .map(|entry| (entry.key.clone(), entry.value.clone()))
        .collect();
    let read = |path: &PathBuf| {
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
    };
    let workload = match (&args.tables, &args.workload) {
        (Some(tables), Some(workload)) => Workload {
            before: read(tables)?,
            then: read(workload)?,
        },
        _ => Workload::default(),
    };
    let shown = Shown::new();
    if !config.contains_key("plugin.name") {
        shown.line("\"plugin.name\" is not given: pgoutput here, since the server of the stack has not what Debezium asks for without it, decoderbufs");
    }
    shown.line(&format!("Debezium {from}"));
    let old = through(&from, &config, &workload, &shown).await?;
    shown.line(&format!("Debezium {to}"));
    let new = through(&to, &config, &workload, &shown).await?;
    let compared = compare((&from, &old), (&to, &new));
    if args.json {
        println!("{:#}", serde_json::to_value(&compared)?);
    } else {
        print!("{}", compared.text());
    }
    Ok(Verdict::from(compared.is_same()))
}

/// A version that the lab can run, by its full name.
fn version(given: &str) -> Result<String> {
    let known = Lock::embedded()?.versions(DEBEZIUM);
    let full = format!("{given}.Final");
    if let Some(found) = known.iter().find(|one| **one == given || **one == full) {
        return Ok(found.clone());
    }
    let meant = near_miss(&full, known.iter().map(String::as_str));
    let meant = meant.map_or_else(String::new, |near| format!("; did you mean {near}?"));
    bail!(
        "there is no Debezium {given} to run: there are {}{meant}",
        known.join(" and ")
    )
}
