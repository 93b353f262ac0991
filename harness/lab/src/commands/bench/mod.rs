//! `lab bench`

mod startup;

use anyhow::Result;
use clap::Subcommand;

use crate::Verdict;

#[derive(Debug, Subcommand)]
pub enum Bench {
    /// How long a stack takes until it is ready, against the same components started one after another.
    Startup(startup::Args),
}

pub async fn run(bench: Bench) -> Result<Verdict> {
    match bench {
        Bench::Startup(args) => startup::run(args).await,
    }
}
