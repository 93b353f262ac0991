//! Lines of a file, read by Kafka's FileStreamSource: the ceiling of the framework, next to no work in the source.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng};
use serde_json::{Map, Value};

use super::super::arguments::Lines;
use super::super::session::Session;
use crate::runner::Context;

/// Lines between two words on how far it is.
const STEP: u64 = 1_000_000;
/// Of a line, what is its number.
const NUMBER: usize = 12;

fn path(context: &Context) -> Result<PathBuf> {
    Ok(context.directory()?.join("lines.txt"))
}

pub(super) fn prepare(
    context: &Context,
    lines: &Lines,
    records: u64,
    session: &Session,
) -> Result<()> {
    let path = path(context)?;
    let written = tokio::task::block_in_place(|| write(&path, lines, records, session));
    written.with_context(|| format!("cannot write {}", path.display()))
}

/// Letters without a pattern: they compress to three quarters, as text of a log does that is not all alike.
fn write(path: &Path, lines: &Lines, records: u64, session: &Session) -> std::io::Result<()> {
    let mut file = BufWriter::with_capacity(1 << 20, File::create(path)?);
    let mut random = SmallRng::seed_from_u64(1);
    let mut letters = vec![0_u8; lines.bytes.saturating_sub(NUMBER + 1)];
    for number in 0..records {
        for letter in &mut letters {
            *letter = b'a' + random.random_range(0..26_u8);
        }
        write!(file, "{number:0NUMBER$} ")?;
        file.write_all(&letters)?;
        file.write_all(b"\n")?;
        if number % STEP == 0 {
            session.doing(&format!("preparing the data: line {number} of {records}"));
        }
    }
    file.flush()
}

pub(super) fn connector(context: &Context, name: &str) -> Result<Map<String, Value>> {
    let settings = [
        (
            "connector.class",
            "org.apache.kafka.connect.file.FileStreamSourceConnector".to_owned(),
        ),
        ("tasks.max", "1".to_owned()),
        ("file", path(context)?.display().to_string()),
        ("topic", name.to_owned()),
    ];
    Ok(settings
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.into()))
        .collect())
}
