//! Whether there is room, asked before anything is made and before each measurement.

use anyhow::{Result, bail};
use indicatif::HumanBytes;
use stack::runs::state_dir;

use super::super::arguments::{Columns, Form, Source};
use crate::runner::Context;

/// What has to stay free for a measurement's topic: some seconds of the fastest source.
const TOPIC: u64 = 2 << 30;
/// Less than this, and the next measurement may end in the middle.
const LEAST: u64 = 1 << 30;
/// Bytes of a row in Postgres beside its texts: header, key, other columns.
const ROW: u64 = 80;

/// Free bytes where the run's data are.
fn free() -> Option<u64> {
    let state = state_dir();
    let there = state.ancestors().find(|path| path.exists())?;
    let stat = rustix::fs::statvfs(there).ok()?;
    Some(stat.f_bavail * stat.f_frsize)
}

/// Bytes that what is read takes.
fn size(source: &Source, records: u64) -> u64 {
    let row = |columns: &Columns| ROW + (columns.texts * columns.text_bytes) as u64;
    match source {
        // The table and its write-ahead log.
        Source::Snapshot(table) => 2 * records * row(&table.columns),
        Source::Changes(changes) => 2 * records * row(&changes.columns),
        Source::Lines(lines) => records * (lines.bytes as u64 + 1),
        Source::Own(_) => 0,
    }
}

/// # Errors
/// When the source and a measurement's topic do not fit. On a cluster that exists only the lab's own file is counted.
pub(crate) fn room_for(context: &Context, source: &Source, form: &Form) -> Result<()> {
    let prepared = size(source, form.records.unwrap_or(0));
    let wanted = match (context.is_attached(), source) {
        (true, Source::Lines(_)) => prepared,
        (true, _) => return Ok(()),
        (false, _) => prepared + TOPIC,
    };
    room(wanted, free())
}

fn room(wanted: u64, free: Option<u64>) -> Result<()> {
    match free {
        Some(free) if free < wanted => bail!(
            "the experiment takes about {} of disk, and {} are free in {}\n  what to do: give fewer `records`, make room, or set LAB_STATE_DIR to a larger disk; nothing was made",
            HumanBytes(wanted),
            HumanBytes(free),
            state_dir().display()
        ),
        _ => Ok(()),
    }
}

/// # Errors
/// When next to nothing is left.
pub(crate) fn enough_left(context: &Context) -> Result<()> {
    match free() {
        Some(free) if free < LEAST && !context.is_attached() => bail!(
            "only {} of disk are left in {}, too little for a measurement's topic\n  what to do: make room, or set LAB_STATE_DIR to a larger disk",
            HumanBytes(free),
            state_dir().display()
        ),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn what_does_not_fit_is_said_before_it_is_made() {
        room(10, Some(10)).unwrap();
        room(10, None).unwrap();
        let words = room(3 << 30, Some(1 << 30)).unwrap_err().to_string();
        assert!(words.contains("3.00 GiB"), "{words}");
        assert!(words.contains("fewer `records`"), "{words}");
    }

    #[test]
    fn a_table_counts_twice_for_its_log() {
        let table = super::super::super::arguments::Table {
            records: 1,
            columns: Columns::default(),
        };
        assert_eq!(size(&Source::Snapshot(table), 1000), 2 * 1000 * (80 + 37));
    }
}
