//! `lab bench`

mod engine;
mod exporter;
mod samples;
mod startup;
mod suite;
mod tuning;

use anyhow::Result;
use clap::Subcommand;

use crate::Verdict;

#[derive(Debug, Subcommand)]
pub enum Bench {
    /// How long a stack takes until it is ready, against the same components started one after another.
    Startup(startup::Args),
    /// How fast the exporter reads and answers, against librdkafka alone and a peer in Go; how fast the producer sends.
    Exporter(exporter::Args),
    #[command(hide = true)]
    Consume(exporter::ConsumeArgs),
    /// What the engine takes for a step, services aside.
    Engine(engine::Args),
    /// How long the functional scenarios take on stacks that they share, against a fresh stack for each.
    Suite(suite::Args),
    /// Whether `lab tune` finds differences where there are some, and none where there are none.
    Tuning(tuning::Args),
}

pub async fn run(bench: Bench) -> Result<Verdict> {
    match bench {
        Bench::Startup(args) => startup::run(args).await,
        Bench::Exporter(args) => exporter::run(args).await,
        Bench::Consume(args) => tokio::task::block_in_place(|| exporter::consume(&args)),
        Bench::Engine(args) => engine::run(args).await,
        Bench::Suite(args) => suite::run(args).await,
        Bench::Tuning(args) => tuning::run(args).await,
    }
}
