//! Sends the lines of a file as they are.

use std::path::{Path, PathBuf};

use crate::{Messages, Outgoing};

/// The lines of a file, over and over. Lines end in LF or CR LF, which are not sent; empty lines are left out.
pub struct Replay {
    lines: Vec<Vec<u8>>,
    key: String,
    next: usize,
}

/// A file that cannot be replayed.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The file cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Nothing to send.
    #[error("{path} has no lines to send")]
    Empty {
        /// The file.
        path: PathBuf,
    },
}

impl Replay {
    /// Reads the file into memory.
    ///
    /// # Errors
    /// It cannot be read, or has no line.
    pub fn open(path: &Path, key: &str) -> Result<Replay, ReplayError> {
        let bytes = std::fs::read(path).map_err(|source| ReplayError::Read {
            path: path.to_owned(),
            source,
        })?;
        let lines: Vec<Vec<u8>> = bytes
            .split(|byte| *byte == b'\n')
            .map(|line| line.strip_suffix(b"\r").unwrap_or(line).to_vec())
            .filter(|line| !line.is_empty())
            .collect();
        if lines.is_empty() {
            return Err(ReplayError::Empty {
                path: path.to_owned(),
            });
        }
        Ok(Replay {
            lines,
            key: key.to_owned(),
            next: 0,
        })
    }

    /// Messages in one pass through the file.
    pub fn len(&self) -> u64 {
        self.lines.len() as u64
    }

    /// Never: a replay has at least one line.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }
}

impl Messages for Replay {
    fn next_into(&mut self, outgoing: &mut Outgoing) -> bool {
        let Some(line) = self.lines.get(self.next) else {
            return false;
        };
        self.next = (self.next + 1) % self.lines.len();
        outgoing.payload.clone_from(line);
        outgoing.key.clone_from(&self.key);
        outgoing.ends_round = self.next == 0;
        true
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::io::Write;

    use super::*;

    fn file(bytes: &[u8]) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    #[test]
    fn lines_go_out_byte_for_byte_and_start_over() {
        let file = file(b"{\"a\": 1}\r\n\n  not json \xff\nlast");
        let mut replay = Replay::open(file.path(), "k").unwrap();
        let payloads: Vec<_> = std::iter::from_fn(|| replay.next_owned())
            .take(4)
            .map(|m| m.payload)
            .collect();
        assert_eq!(
            payloads,
            [
                &b"{\"a\": 1}"[..],
                b"  not json \xff",
                b"last",
                b"{\"a\": 1}"
            ]
        );
    }

    #[test]
    fn a_file_without_lines_is_an_error() {
        let file = file(b"\n\n");
        assert!(matches!(
            Replay::open(file.path(), "k"),
            Err(ReplayError::Empty { .. })
        ));
        assert!(matches!(
            Replay::open(Path::new("/nowhere/x"), "k"),
            Err(ReplayError::Read { .. })
        ));
    }
}
