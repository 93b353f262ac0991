//! The `exporter` binary: settings in, status out.

use std::io::Write as _;
use std::process::ExitCode;

use exporter::Settings;
use settings::EXIT_USAGE;

fn main() -> ExitCode {
    let settings = match settings::parse::<Settings>(std::env::args_os()) {
        Ok(settings) => settings,
        Err((text, 0)) => {
            print!("{text}");
            return ExitCode::SUCCESS;
        }
        Err((text, status)) => {
            eprint!("{text}");
            return ExitCode::from(status);
        }
    };
    let log = settings.log.install();
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
