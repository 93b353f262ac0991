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
        Self::on(MultiProgress::new(), std::io::stderr().is_terminal())
    }

    /// The bars draw where `bars` says, and only there: lines that stay are printed above them.
    fn on(bars: MultiProgress, terminal: bool) -> Self {
        Self {
            transfer: bars.add(ProgressBar::no_length()),
            current: bars.add(ProgressBar::no_length()),
            bars,
            terminal,
        }
    }

    /// What goes on right now; on a terminal only.
    pub fn doing(&self, text: &str) {
        if self.terminal {
            self.current.set_style(
                ProgressStyle::with_template("{spinner} {wide_msg}  {elapsed}")
                    .unwrap_or_else(|_| ProgressStyle::default_spinner()),
            );
            // One that is done is not drawn any more.
            self.current.reset();
            self.current.set_message(text.to_owned());
            self.current.enable_steady_tick(Duration::from_millis(200));
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

impl Drop for Shown {
    fn drop(&mut self) {
        // What is said after an interrupt is not said above a bar that stands still.
        self.current.finish_and_clear();
        self.transfer.finish_and_clear();
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

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex, PoisonError};

    use indicatif::{ProgressDrawTarget, TermLike};

    use super::*;

    /// What a user sees. That of indicatif itself is a feature which programs would have as well as tests.
    #[derive(Clone)]
    struct Screen(Arc<Mutex<vt100::Parser>>);

    impl Screen {
        fn contents(&self) -> String {
            let parser = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            // indicatif fills lines up with spaces, and lets the terminal break them.
            let rows: Vec<_> = parser.screen().rows(0, 80).collect();
            let rows: Vec<_> = rows.iter().map(|row| row.trim_end()).collect();
            rows.join("\n").trim_end().to_owned()
        }
    }

    impl std::fmt::Debug for Screen {
        fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            formatter.write_str(&self.contents())
        }
    }

    impl TermLike for Screen {
        fn width(&self) -> u16 {
            80
        }

        fn move_cursor_up(&self, n: usize) -> io::Result<()> {
            (0..n).try_for_each(|_| self.write_str("\x1b[A"))
        }

        fn move_cursor_down(&self, n: usize) -> io::Result<()> {
            (0..n).try_for_each(|_| self.write_str("\x1b[B"))
        }

        fn move_cursor_right(&self, n: usize) -> io::Result<()> {
            (0..n).try_for_each(|_| self.write_str("\x1b[C"))
        }

        fn move_cursor_left(&self, n: usize) -> io::Result<()> {
            (0..n).try_for_each(|_| self.write_str("\x1b[D"))
        }

        fn write_line(&self, text: &str) -> io::Result<()> {
            self.write_str(&format!("{text}\r\n"))
        }

        fn write_str(&self, text: &str) -> io::Result<()> {
            let mut parser = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            parser.write_all(text.as_bytes())
        }

        fn clear_line(&self) -> io::Result<()> {
            self.write_str("\r\x1b[2K")
        }

        fn flush(&self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Bars that drew beside the others left stale copies, and wiped lines that were to stay.
    #[test]
    fn lines_stay_above_one_bar() {
        let terminal = Screen(Arc::new(Mutex::new(vt100::Parser::new(24, 80, 0))));
        let target = ProgressDrawTarget::term_like(Box::new(terminal.clone()));
        let shown = Shown::on(MultiProgress::with_draw_target(target), true);
        shown.start(1000);
        shown.advance(1000, "a.jar");
        for step in ["insert", "delete", "truncate"] {
            shown.doing(step);
            // Long enough for the bar to be drawn again.
            std::thread::sleep(Duration::from_millis(250));
            shown.line(&format!("done: {step}"));
            std::thread::sleep(Duration::from_millis(250));
        }
        let contents = terminal.contents();
        let seen: Vec<_> = contents.lines().collect();
        let [first, second, third, bar] = seen[..] else {
            panic!("{seen:#?}");
        };
        assert_eq!(
            [first, second, third],
            ["done: insert", "done: delete", "done: truncate"]
        );
        assert!(bar.contains(" truncate"), "{bar}");

        shown.done();
        shown.line("the end");
        assert!(terminal.contents().ends_with("done: truncate\nthe end"));
    }
}
