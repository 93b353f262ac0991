//! `lab`: brings Kafka Connect stacks up and runs scenarios on them.

use std::process::ExitCode;

fn main() -> ExitCode {
    // Before anything starts a thread: the guard must have one only.
    if let Some(directory) = lab::guard_directory() {
        return match stack::guard::main(&directory) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("lab guard of {}: {error}", directory.display());
                ExitCode::FAILURE
            }
        };
    }
    lab::main()
}
