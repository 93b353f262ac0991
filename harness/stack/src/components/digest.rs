//! SHA-256 in the form of Subresource Integrity, which lock.json and Nix share.

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

/// A SHA-256 digest, written `sha256-<base64>` (W3C Subresource Integrity; Nix calls it an SRI hash).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sri([u8; 32]);

impl Sri {
    /// The digest of some bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Sri(Sha256::digest(bytes).into())
    }

    /// The digest of everything that `reader` still gives, and how many bytes that was.
    pub fn of_reader(reader: &mut impl Read) -> io::Result<(Self, u64)> {
        let mut hasher = Hasher::default();
        copy(reader, &mut hasher)?;
        Ok(hasher.finish())
    }

    /// The digest and the size in bytes of a file. Links are followed.
    pub fn of_file(path: &Path) -> io::Result<(Self, u64)> {
        Self::of_reader(&mut File::open(path)?)
    }

    /// Reads the form `sha256-<base64>`.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = STANDARD.decode(text.strip_prefix("sha256-")?).ok()?;
        Some(Sri(bytes.try_into().ok()?))
    }

    /// In hexadecimal.
    pub fn hex(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The first eight bytes in hexadecimal, for names of directories.
    pub fn short_hex(&self) -> String {
        self.hex().chars().take(16).collect()
    }
}

impl fmt::Display for Sri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256-{}", STANDARD.encode(self.0))
    }
}

impl fmt::Debug for Sri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Sri {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Sri {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Sri::parse(&text).ok_or_else(|| {
            serde::de::Error::custom(format!(
                "{text:?} is not of the form sha256-<base64 of 32 bytes>"
            ))
        })
    }
}

/// A sink that hashes and counts what is written to it.
#[derive(Default)]
pub(crate) struct Hasher {
    state: Sha256,
    bytes: u64,
}

impl Hasher {
    /// Digest and number of bytes so far.
    pub(crate) fn finish(self) -> (Sri, u64) {
        (Sri(self.state.finalize().into()), self.bytes)
    }
}

impl Write for Hasher {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.state.update(buf);
        self.bytes += buf.len() as u64;
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Copies everything, in pieces that are large enough for the cost of a system call not to matter.
pub(crate) fn copy(reader: &mut impl Read, writer: &mut impl Write) -> io::Result<()> {
    let mut buffer = vec![0; 128 * 1024];
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => writer.write_all(buffer.get(..count).unwrap_or_default())?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Copies everything to `writer`, and gives digest and size of exactly the bytes that were written.
pub(crate) fn copy_hashed(
    reader: &mut impl Read,
    writer: &mut impl Write,
) -> io::Result<(Sri, u64)> {
    struct Tee<'a, W>(&'a mut W, Hasher);
    impl<W: Write> Write for Tee<'_, W> {
        fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
            self.0.write_all(buf)?;
            self.1.write(buf)
        }
        fn flush(&mut self) -> io::Result<()> {
            self.0.flush()
        }
    }
    let mut tee = Tee(writer, Hasher::default());
    copy(reader, &mut tee)?;
    tee.flush()?;
    Ok(tee.1.finish())
}

/// Runs `work` over all items on all cores, and gives the results in the order of the items.
///
/// Items are handed out one by one, so put the largest first.
pub(crate) fn on_all_cores<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let workers = thread::available_parallelism()
        .map_or(1, |cores| cores.get())
        .min(items.len());
    if workers <= 1 {
        return items.iter().map(work).collect();
    }
    let next = AtomicUsize::new(0);
    let mut results: Vec<(usize, R)> = thread::scope(|scope| {
        let run = || {
            let mut mine = Vec::new();
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(item) = items.get(index) else {
                    return mine;
                };
                mine.push((index, work(item)));
            }
        };
        let threads: Vec<_> = (0..workers).map(|_| scope.spawn(run)).collect();
        threads
            .into_iter()
            .flat_map(|thread| {
                thread
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            })
            .collect()
    });
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// FIPS 180-2, appendix B.1.
    const ABC: &str = "sha256-ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=";

    #[test]
    fn the_form_is_that_of_subresource_integrity() {
        assert_eq!(Sri::of(b"abc").to_string(), ABC);
        assert_eq!(Sri::parse(ABC), Some(Sri::of(b"abc")));
        assert_eq!(Sri::of(b"abc").short_hex(), "ba7816bf8f01cfea");
    }

    #[rstest::rstest]
    #[case::no_prefix("ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=")]
    #[case::other_algorithm("sha512-ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=")]
    #[case::too_short("sha256-ungWv48=")]
    #[case::hexadecimal("sha256-ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")]
    fn other_forms_are_refused(#[case] text: &str) {
        assert_eq!(Sri::parse(text), None);
    }

    #[test]
    fn copying_hashes_the_bytes_that_are_written() {
        let input = vec![7; 300_000];
        let mut output = Vec::new();
        let (sri, size) = copy_hashed(&mut input.as_slice(), &mut output).unwrap();
        assert_eq!((sri, size), (Sri::of(&input), 300_000));
        assert_eq!(output, input);
    }

    #[test]
    fn results_keep_the_order_of_the_items() {
        let items: Vec<usize> = (0..1000).collect();
        assert_eq!(
            on_all_cores(&items, |item| item * 2),
            items.iter().map(|item| item * 2).collect::<Vec<_>>()
        );
    }
}
