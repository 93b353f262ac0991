//! How an experiment is run, and what is kept of it from the first measurement on: an interrupt drops the work, not this.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::arguments::{Form, Row};
use super::outcome::Sample;
use super::search::Found;

/// What to do with the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Measure them in the short form: `lab run`.
    Short,
    /// Measure them in full: `lab tune`.
    Full,
    /// Look for better settings: `lab tune --search`.
    Search,
}

/// Who is told what goes on.
pub(crate) trait Told: Send + Sync {
    /// A line that stays.
    fn line(&self, text: &str);
    /// What goes on right now.
    fn doing(&self, text: &str);
}

/// Nobody.
struct NoOne;

impl Told for NoOne {
    fn line(&self, _: &str) {}
    fn doing(&self, _: &str) {}
}

/// The same row as it is, again, and slowed down: what is found between the first two is chance.
#[derive(Debug, Clone)]
pub(crate) struct Calibrate {
    /// Which row; the last one when nobody says it.
    pub row: Option<String>,
    /// The share of the time in which everything stands still: 0 to 1.
    pub slow_down: f64,
}

impl Calibrate {
    /// Names of the two that do not differ.
    pub(crate) const SAME: [&str; 2] = ["A", "A again"];
    /// The name of the one that is slowed down.
    pub(crate) const SLOW: &str = "A slowed down";
}

/// What is known so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct Record {
    /// What is read, in words.
    pub source: String,
    /// The rows, in the order in which they are measured.
    pub rows: Vec<Row>,
    /// How much is measured.
    pub form: Option<Form>,
    /// Rounds that are to be measured.
    pub rounds_planned: usize,
    /// What was measured.
    pub samples: Vec<Sample>,
    /// What a search has found.
    pub search: Option<Found>,
    /// Why it ended early.
    pub cut_short: Option<String>,
    /// Versions of what it runs on.
    pub versions: BTreeMap<String, String>,
}

/// How an experiment is run.
pub(crate) struct Session {
    /// What to do.
    pub mode: Mode,
    /// Rows instead of those of the file.
    pub rows: Option<Vec<Row>>,
    /// Measure one row of the file three times instead.
    pub calibrate: Option<Calibrate>,
    /// How long it may take, instead of what the file says.
    pub budget: Option<Duration>,
    /// Rounds, instead of what the file says.
    pub repeats: Option<usize>,
    /// A file that gets each measurement as a line of JSON when it is done.
    pub samples: Option<PathBuf>,
    /// The seed of a search.
    pub seed: u64,
    begun: Instant,
    told: Box<dyn Told>,
    record: Mutex<Record>,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Session")
            .field("mode", &self.mode)
            .finish()
    }
}

impl Default for Session {
    fn default() -> Self {
        Self::new(Mode::Short, Box::new(NoOne))
    }
}

impl Session {
    pub(crate) fn new(mode: Mode, told: Box<dyn Told>) -> Self {
        Self {
            mode,
            rows: None,
            calibrate: None,
            budget: None,
            repeats: None,
            samples: None,
            seed: 1,
            begun: Instant::now(),
            told,
            record: Mutex::default(),
        }
    }

    /// What is known so far.
    pub(crate) fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn line(&self, text: &str) {
        self.told.line(text);
    }

    pub(super) fn doing(&self, text: &str) {
        self.told.doing(text);
    }

    /// Since the beginning.
    pub(crate) fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Keeps a measurement.
    pub(super) fn keep(&self, sample: Sample) {
        self.write(&sample);
        self.record().samples.push(sample);
    }

    /// Writes a measurement to the file of samples, if there is one. What cannot be written is said.
    pub(super) fn write(&self, sample: &Sample) {
        if let Some(path) = &self.samples {
            let file = std::fs::File::options()
                .create(true)
                .append(true)
                // Into a file of this folder, and no other.
                .custom_flags(nix::libc::O_NOFOLLOW)
                .open(path);
            let written = file.and_then(|mut file| {
                let line = serde_json::to_string(sample)?;
                writeln!(file, "{line}")
            });
            if let Err(error) = written {
                self.line(&format!("cannot write {}: {error}", path.display()));
            }
        }
    }
}

/// Rows from JSON: what `lab tune --rows` reads, and `--search` writes.
///
/// # Errors
/// In words, when they are not what rows are.
pub(crate) fn rows(text: &str) -> Result<Vec<Row>, String> {
    let rows: Vec<Row> = serde_json::from_str(text).map_err(|error| {
        format!("{error}\n  what to do: give rows as an experiment has them, as in [{{ \"name\": \"a\", \"producer\": {{ \"linger.ms\": 5 }} }}]; `lab tune --search` writes such a file")
    })?;
    super::arguments::check_rows(&rows)?;
    Ok(rows)
}
