//! A file a command.

pub mod bench;
pub mod doctor;
pub mod down;
pub mod fetch;
pub mod lock;
pub mod logs;
pub mod status;
pub mod up;

use anyhow::Result;

use crate::Verdict;
use crate::cli::Command;

/// Runs a command.
pub async fn dispatch(command: Command) -> Result<Verdict> {
    match command {
        Command::Up(args) => up::run(args).await,
        Command::Down(args) => down::run(args),
        Command::Status(args) => status::run(args),
        Command::Logs(args) => logs::run(args).await,
        Command::Doctor(args) => doctor::run(args),
        Command::Fetch(args) => fetch::run(args),
        Command::Lock(args) => lock::run(args),
        Command::Bench(bench) => bench::run(bench).await,
    }
}
