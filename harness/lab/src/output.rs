//! What happens when nobody takes what is printed.

use std::io::Write as _;

use nix::sys::signal::{SigHandler, Signal, signal};

/// Into a pipe that is closed, as by `| head -1`: the process ends as other programs of a shell do, by SIGPIPE; the guard then
/// ends what it started. Into a file that cannot be written: words and exit status 2. Otherwise `println!` panics.
pub(crate) fn end_quietly_when_nobody_reads() {
    // SAFETY: no handler of ours is set, and no other thread runs yet. Sockets do not raise the signal: std, tokio and
    // librdkafka write to them with MSG_NOSIGNAL.
    // Without it the hook below says what happened.
    let _ = unsafe { signal(Signal::SIGPIPE, SigHandler::SigDfl) };
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let words = panic.payload().downcast_ref::<String>();
        let words = words.map_or("", String::as_str);
        if words.starts_with("failed printing to std") {
            let _ = writeln!(std::io::stderr(), "error: {words}");
            std::process::exit(2);
        }
        usual(panic);
    }));
}
