//! The runner: commands, the actions and checks of scenarios, and reports.

mod actions;
mod attach;
mod catalogue;
mod checks;
mod cli;
mod commands;
mod connect;
mod differences;
mod failure;
#[cfg(fuzzing)]
pub mod fuzzing;
mod groups;
mod leftovers;
mod lint;
mod machine;
mod manual;
mod marks;
mod output;
mod profile;
mod progress;
mod prometheus;
#[cfg(test)]
mod reference;
mod registry;
mod report;
mod runner;
mod sbom;
mod soak;
mod stacks;
mod statistics;
mod suite;
#[cfg(test)]
mod testing;
mod tune;
mod whole;
mod words;
#[cfg(test)]
mod wrong;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

pub use failure::Verdict;

/// The directory of the run to guard, when this process was started as a guard (`lab guard DIRECTORY`).
pub fn guard_directory() -> Option<PathBuf> {
    let mut args = std::env::args_os().skip(1);
    (args.next()? == "guard").then(|| args.next().map(PathBuf::from))?
}

/// Parses the command line and does what it says.
///
/// Exit status: 0 all held, 1 something did not hold, 2 the input or the machine is wrong.
pub fn main() -> ExitCode {
    output::end_quietly_when_nobody_reads();
    let cli = cli::Cli::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .and_then(|runtime| {
            let signals = runtime.block_on(async { stacks::Signals::new() })?;
            runtime.spawn(signals.follow());
            Ok(runtime)
        });
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: cannot start: {error}");
            return ExitCode::from(2);
        }
    };
    let result = runtime.block_on(commands::dispatch(cli.command));
    // Blocking tasks (a metadata request to a broker that is gone) must not hold the end up.
    runtime.shutdown_background();
    match result {
        Ok(verdict) => verdict.into(),
        Err(error) => failure::report(&error),
    }
}
