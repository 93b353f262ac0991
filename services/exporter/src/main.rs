//! The `exporter` binary: settings in, status out.

use std::io::Write as _;
use std::process::ExitCode;

use exporter::Settings;
use settings::EXIT_USAGE;

fn main() -> ExitCode {
    let settings: Settings = match settings::parse_or_exit() {
        Ok(settings) => settings,
        Err(status) => return status,
    };
    let log = settings.log.install();
    settings::warn_of_misspelt::<Settings>(std::env::vars_os());
    match exporter::run(&settings, std::env::vars_os(), log) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let usage = error.is_usage();
            // Nobody may be there to read it.
            let _ = writeln!(std::io::stderr(), "error: {:#}", anyhow::Error::from(error));
            if usage {
                ExitCode::from(EXIT_USAGE)
            } else {
                ExitCode::FAILURE
            }
        }
    }
}
