//! `lab schema`

use anyhow::Result;

use crate::registry::registry;
use crate::{Verdict, manual};

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  lab schema > scenario.schema.json                     for editors
  lab schema --markdown > docs/actions-and-checks.md    for people")]
pub struct Args {
    /// The page of all actions and checks, instead of the JSON Schema.
    #[arg(long)]
    markdown: bool,
}

pub fn run(args: Args) -> Result<Verdict> {
    if args.markdown {
        print!("{}", manual::page()?);
    } else {
        println!("{}", text()?);
    }
    Ok(Verdict::Held)
}

/// The JSON Schema of scenario files, for editors.
pub fn text() -> Result<String> {
    Ok(format!(
        "{:#}",
        serde_json::to_value(scenario::schema(&registry()?))?
    ))
}
