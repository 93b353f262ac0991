//! Runs whose directories are gone. What they left on a cluster is still known as that of a run of this machine that is over.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use super::began;

/// Older ones are taken for dead by their age, wherever they were.
const KEPT: Duration = Duration::from_secs(3 * 24 * 3600);

/// A file with an id a line.
const FILE: &str = "over";
/// Above so many bytes, older ones are dropped.
const BYTES: u64 = 64 << 10;

/// Those of the last days.
pub(super) fn read(state: &Path) -> Vec<String> {
    let text = fs::read_to_string(state.join(FILE)).unwrap_or_default();
    text.lines()
        .filter(|id| {
            let age = began(id).and_then(|began| began.elapsed().ok());
            age.is_some_and(|age| age < KEPT)
        })
        .map(str::to_owned)
        .collect()
}

/// Adds some. Where they cannot be written down, what they left waits until it is old.
pub(super) fn add(state: &Path, ids: &[&str]) {
    if ids.is_empty() {
        return;
    }
    let path = state.join(FILE);
    let mut text: String = ids.iter().map(|id| format!("{id}\n")).collect();
    let is_long = path.metadata().is_ok_and(|about| about.len() > BYTES);
    if is_long {
        text.insert_str(0, &(read(state).join("\n") + "\n"));
    }
    let file = OpenOptions::new()
        .create(true)
        .append(!is_long)
        .write(true)
        .truncate(is_long)
        .open(path);
    let _ = file.and_then(|mut file| file.write_all(text.as_bytes()));
}
