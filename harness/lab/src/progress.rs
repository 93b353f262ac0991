//! Progress on a terminal, quiet lines elsewhere; always on standard error, so that standard output is for results.

use std::io::{IsTerminal, Write as _};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use stack::ServiceName;
use stack::components::Progress;
use stack::native::Observer;

/// Tells the user what goes on.
pub struct Shown {
    bars: MultiProgress,
    transfer: ProgressBar,
    current: ProgressBar,
    terminal: bool,
}

impl Shown {
    pub fn new() -> Self {
        let bars = MultiProgress::new();
        Self {
            transfer: bars.add(ProgressBar::hidden()),
            current: bars.add(ProgressBar::hidden()),
            bars,
            terminal: std::io::stderr().is_terminal(),
        }
    }

    /// What goes on right now; on a terminal only.
    pub fn doing(&self, text: &str) {
        if self.terminal {
            self.current.set_style(
                ProgressStyle::with_template("{spinner} {wide_msg}  {elapsed}")
                    .unwrap_or_else(|_| ProgressStyle::default_spinner()),
            );
            self.current
                .set_draw_target(indicatif::ProgressDrawTarget::stderr());
            self.current.enable_steady_tick(Duration::from_millis(200));
            self.current.reset_elapsed();
            self.current.set_message(text.to_owned());
        }
    }

    /// Nothing goes on any more.
    pub fn done(&self) {
        self.current.finish_and_clear();
    }

    /// Prints on standard output what has lines of its own.
    pub fn output(&self, text: &[u8]) -> std::io::Result<()> {
        let print = || {
            let mut output = std::io::stdout().lock();
            output.write_all(text).and_then(|()| output.flush())
        };
        if self.terminal {
            self.bars.suspend(print)
        } else {
            print()
        }
    }

    /// A line that stays.
    pub fn line(&self, text: &str) {
        if self.terminal {
            // A terminal that is gone has no one who would miss the line.
            let _ = self.bars.println(text);
        } else {
            eprintln!("{text}");
        }
    }
}

impl Progress for Shown {
    fn start(&self, total_bytes: u64) {
        if self.terminal {
            let style = ProgressStyle::with_template(
                "{bar:30} {bytes}/{total_bytes}, {eta} left  {wide_msg}",
            );
            self.transfer
                .set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            self.transfer
                .set_draw_target(indicatif::ProgressDrawTarget::stderr());
        } else {
            eprintln!("fetching {}", indicatif::HumanBytes(total_bytes));
        }
        self.transfer.reset();
        self.transfer.set_length(total_bytes);
    }

    fn advance(&self, bytes: u64, what: &str) {
        let before = self.transfer.position();
        self.transfer.inc(bytes);
        self.transfer.set_message(what.to_owned());
        let (now, all) = (
            self.transfer.position(),
            self.transfer.length().unwrap_or(0).max(1),
        );
        if now >= all {
            self.transfer.finish_and_clear();
        }
        // Every tenth, so that a log of a fetch has ten lines and not a thousand.
        if !self.terminal && (before * 10 / all) != (now * 10 / all) {
            eprintln!(
                "  {} of {}",
                indicatif::HumanBytes(now),
                indicatif::HumanBytes(all)
            );
        }
    }

    fn note(&self, text: &str) {
        self.line(text);
    }

    fn cancelled(&self) -> bool {
        crate::stacks::signalled().is_some()
    }
}

impl Observer for Shown {
    fn ready(&self, service: ServiceName, after: Duration) {
        self.line(&format!(
            "  {service:<11} ready after {:.1} s",
            after.as_secs_f64()
        ));
    }
}
