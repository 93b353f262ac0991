//! The last lines of a log, as errors show them.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;

const LINES: usize = 15;

/// More is not looked at: a log may have gigabytes.
const BYTES: u64 = 64 << 10;

/// Of a text.
pub fn of(text: &str) -> Vec<String> {
    let mut lines: Vec<_> = text.lines().rev().take(LINES).map(str::to_owned).collect();
    lines.reverse();
    lines
}

/// Of a file; none where there is no such file.
pub fn read(path: &Path) -> Vec<String> {
    let end = end(path).unwrap_or_default();
    of(&String::from_utf8_lossy(&end))
}

fn end(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let skipped = file.metadata()?.len().saturating_sub(BYTES);
    file.seek(SeekFrom::Start(skipped))?;
    let mut end = Vec::new();
    file.take(BYTES).read_to_end(&mut end)?;
    Ok(end)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn of_a_huge_log_the_end_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let file = File::create(&path).unwrap();
        // A hole, which would be read as so many bytes.
        file.set_len(1 << 40).unwrap();
        drop(file);
        std::io::Write::write_all(
            &mut File::options().append(true).open(&path).unwrap(),
            b"\nthe last but one\nthe last\n",
        )
        .unwrap();
        let lines = read(&path);
        assert_eq!(lines[lines.len() - 2..], ["the last but one", "the last"]);
    }

    #[test]
    fn of_a_long_log_the_last_lines_are_shown() {
        let text: Vec<_> = (1..=100).map(|number| format!("line {number}")).collect();
        assert_eq!(of(&text.join("\n")), text[85..]);
    }
}
