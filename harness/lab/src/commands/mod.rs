//! A file a command.

pub mod arrivals;
pub mod bench;
pub mod clean;
pub mod definitions;
pub mod demo;
pub mod diff_versions;
pub mod doctor;
pub mod down;
pub mod fetch;
pub mod lint;
pub mod list;
pub mod lock;
pub mod logs;
pub mod run;
pub mod sbom;
pub mod schema;
pub mod soak;
pub mod status;
pub mod test;
pub mod tune;
pub mod up;
pub mod validate;

use anyhow::Result;

use crate::Verdict;
use crate::cli::Command;

/// Runs a command.
pub async fn dispatch(command: Command) -> Result<Verdict> {
    match command {
        Command::Demo(args) => demo::run(args).await,
        Command::Run(args) => run::run(args).await,
        Command::Tune(args) => tune::run(args).await,
        Command::List(args) => list::run(args),
        Command::Validate(args) => validate::run(args),
        Command::Schema(args) => schema::run(args),
        Command::Test(args) => test::run(args).await,
        Command::Soak(args) => soak::run(args).await,
        Command::Up(args) => up::run(args).await,
        Command::Clean(args) => clean::run(args).await,
        Command::Down(args) => down::run(args),
        Command::Status(args) => status::run(args),
        Command::Logs(args) => logs::run(args).await,
        Command::Lint(args) => lint::run(args).await,
        Command::DiffVersions(args) => diff_versions::run(args).await,
        Command::Arrivals(args) => arrivals::run(args),
        Command::Definitions(args) => definitions::run(args).await,
        Command::Doctor(args) => doctor::run(args),
        Command::Fetch(args) => fetch::run(args),
        Command::Lock(args) => lock::run(args),
        Command::Sbom(args) => sbom::run(args),
        Command::Bench(bench) => bench::run(bench).await,
    }
}
