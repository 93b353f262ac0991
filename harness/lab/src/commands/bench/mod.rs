//! `lab bench`

mod engine;
mod samples;
mod startup;

use anyhow::Result;
use clap::Subcommand;

use crate::Verdict;

#[derive(Debug, Subcommand)]
pub enum Bench {
    /// How long a stack takes until it is ready, against the same components started one after another.
    Startup(startup::Args),
    /// What the engine takes for a step, services aside.
    Engine(engine::Args),
}

pub async fn run(bench: Bench) -> Result<Verdict> {
    match bench {
        Bench::Startup(args) => startup::run(args).await,
        Bench::Engine(args) => engine::run(args).await,
    }
}
