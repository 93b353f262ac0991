//! What an unpacked tree consists of, in a form whose hash stands in lock.json.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Component, Path, PathBuf};

use super::digest::{Sri, on_all_cores};
use super::error::{Error, Wrong};

/// Every directory, file and link of a tree, by its path below the root.
///
/// Written, it has one line an entry, sorted by path, with tabs between the parts: `dir PATH`, `file MODE SIZE HASH PATH`,
/// `link TARGET PATH`. The same tree always gives the same bytes. Times and owners are left out: nothing depends on them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Manifest(pub BTreeMap<String, Entry>);

/// One entry of a [`Manifest`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A directory.
    Dir,
    /// A regular file.
    File {
        /// Whether it may be executed: its mode is then 0755, otherwise 0644.
        executable: bool,
        /// Its size in bytes.
        size: u64,
        /// Its hash.
        sha256: Sri,
    },
    /// A symbolic link.
    Link {
        /// Where it leads, as it stands in the link.
        target: String,
    },
}

/// The mode of a regular file in a tree.
pub(crate) fn file_mode(executable: bool) -> u32 {
    if executable { 0o755 } else { 0o644 }
}

impl Manifest {
    /// The number of regular files.
    pub fn files(&self) -> usize {
        self.0
            .values()
            .filter(|entry| matches!(entry, Entry::File { .. }))
            .count()
    }

    /// The hash of the written form.
    pub fn sha256(&self) -> Sri {
        Sri::of(self.to_text().as_bytes())
    }

    /// The written form.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        for (path, entry) in &self.0 {
            // Writing to a String cannot fail.
            let _ = match entry {
                Entry::Dir => writeln!(text, "dir\t{path}"),
                Entry::File {
                    executable,
                    size,
                    sha256,
                } => {
                    writeln!(
                        text,
                        "file\t{:04o}\t{size}\t{sha256}\t{path}",
                        file_mode(*executable)
                    )
                }
                Entry::Link { target } => writeln!(text, "link\t{target}\t{path}"),
            };
        }
        text
    }

    /// Reads the written form; `None` if it is not one. A path that would lead out of the tree is none either.
    pub fn parse(text: &str) -> Option<Self> {
        let mut entries = BTreeMap::new();
        for line in text.lines() {
            let parts: Vec<&str> = line.split('\t').collect();
            let (path, entry) = match parts.as_slice() {
                ["dir", path] => (*path, Entry::Dir),
                ["file", mode @ ("0755" | "0644"), size, sha256, path] => {
                    let (size, sha256) = (size.parse().ok()?, Sri::parse(sha256)?);
                    (
                        *path,
                        Entry::File {
                            executable: *mode == "0755",
                            size,
                            sha256,
                        },
                    )
                }
                ["link", target, path] => (
                    *path,
                    Entry::Link {
                        target: (*target).into(),
                    },
                ),
                _ => return None,
            };
            plain_path(Path::new(path))?;
            entries.insert(path.to_owned(), entry);
        }
        let manifest = Manifest(entries);
        // Only the one written form of a manifest is one: sorted, nothing twice.
        (manifest.to_text() == text).then_some(manifest)
    }

    /// Looks at a tree as it is, and hashes every file of it.
    pub fn of_tree(root: &Path) -> Result<Self, Error> {
        let mut entries = Vec::new();
        for found in walkdir::WalkDir::new(root).min_depth(1).sort_by_file_name() {
            let found = found.map_err(|error| walk_error(root, error))?;
            let path = found.path();
            let inner = path
                .strip_prefix(root)
                .ok()
                .and_then(plain_path)
                .ok_or_else(|| Error::BadArchive {
                    archive: root.display().to_string(),
                    entry: path.display().to_string(),
                    problem: "has a name that is not plain text".into(),
                })?;
            entries.push((inner, path.to_owned(), found.file_type()));
        }
        let entries = on_all_cores(&entries, |(inner, path, kind)| {
            let read = |source| Error::io("read", path, source);
            let entry = if kind.is_dir() {
                Entry::Dir
            } else if kind.is_symlink() {
                let target = fs::read_link(path).map_err(read)?;
                Entry::Link {
                    target: target.to_string_lossy().into_owned(),
                }
            } else {
                let mode = fs::symlink_metadata(path)
                    .map_err(read)?
                    .permissions()
                    .mode();
                let (sha256, size) = Sri::of_file(path).map_err(read)?;
                Entry::File {
                    executable: mode & 0o100 != 0,
                    size,
                    sha256,
                }
            };
            Ok((inner.clone(), entry))
        });
        entries
            .into_iter()
            .collect::<Result<_, Error>>()
            .map(Manifest)
    }

    /// Everything in which the tree below `root` differs from this manifest, contents apart. The files whose content is
    /// still to be hashed are added to `to_hash`.
    pub(crate) fn compare(
        &self,
        root: &Path,
        to_hash: &mut Vec<(PathBuf, u64, Sri)>,
    ) -> Vec<(PathBuf, Wrong)> {
        let mut wrongs = Vec::new();
        let mut seen = 0;
        for found in walkdir::WalkDir::new(root).min_depth(1) {
            let found = match found {
                Ok(found) => found,
                Err(error) => {
                    let path = error.path().unwrap_or(root).to_owned();
                    wrongs.push((path, Wrong::Unreadable(error.to_string())));
                    continue;
                }
            };
            let path = found.path();
            let expected = path
                .strip_prefix(root)
                .ok()
                .and_then(plain_path)
                .and_then(|inner| self.0.get(&inner));
            let Some(expected) = expected else {
                wrongs.push((path.to_owned(), Wrong::Extra));
                continue;
            };
            seen += 1;
            match look(path, expected) {
                Ok(None) => {
                    if let Entry::File { size, sha256, .. } = expected {
                        to_hash.push((path.to_owned(), *size, *sha256));
                    }
                }
                Ok(Some(wrong)) => wrongs.push((path.to_owned(), wrong)),
                Err(error) => wrongs.push((path.to_owned(), Wrong::Unreadable(error.to_string()))),
            }
        }
        if seen < self.0.len() {
            let missing = self.0.keys().map(|inner| root.join(inner));
            wrongs.extend(
                missing
                    .filter(|path| fs::symlink_metadata(path).is_err())
                    .map(|path| (path, Wrong::Missing)),
            );
        }
        wrongs
    }
}

/// What is wrong with the entry at `path`, its content apart.
fn look(path: &Path, expected: &Entry) -> io::Result<Option<Wrong>> {
    let metadata = fs::symlink_metadata(path)?;
    Ok(match expected {
        Entry::Dir if metadata.is_dir() => None,
        Entry::File {
            executable, size, ..
        } if metadata.is_file() => {
            let (mode, found) = (
                file_mode(*executable),
                metadata.permissions().mode() & 0o7777,
            );
            if mode != found {
                Some(Wrong::Mode {
                    expected: mode,
                    found,
                })
            } else if *size != metadata.len() {
                Some(Wrong::Size {
                    expected: *size,
                    found: metadata.len(),
                })
            } else {
                None
            }
        }
        Entry::Link { target } if metadata.is_symlink() => {
            let found = fs::read_link(path)?;
            (found != Path::new(target)).then(|| Wrong::Target {
                expected: target.clone(),
                found: found.to_string_lossy().into_owned(),
            })
        }
        _ => Some(Wrong::Kind),
    })
}

/// The path with `/` between its parts, if it is relative, plain text, and stays where it is.
pub(crate) fn plain_path(path: &Path) -> Option<String> {
    let mut parts = Vec::new();
    for component in path.components() {
        match component {
            Component::Normal(part) => parts.push(
                part.to_str()
                    .filter(|part| !part.contains(char::is_control))?,
            ),
            Component::CurDir => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    (!parts.is_empty()).then(|| parts.join("/"))
}

fn walk_error(root: &Path, error: walkdir::Error) -> Error {
    let path = error.path().unwrap_or(root).to_owned();
    let source = error
        .into_io_error()
        .unwrap_or_else(|| io::Error::other("a loop of links"));
    Error::io("read", &path, source)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn sample() -> Manifest {
        Manifest(BTreeMap::from([
            ("bin".into(), Entry::Dir),
            (
                "bin/tool".into(),
                Entry::File {
                    executable: true,
                    size: 3,
                    sha256: Sri::of(b"abc"),
                },
            ),
            (
                "bin/with space".into(),
                Entry::File {
                    executable: false,
                    size: 3,
                    sha256: Sri::of(b"abc"),
                },
            ),
            (
                "lib".into(),
                Entry::Link {
                    target: "bin".into(),
                },
            ),
        ]))
    }

    #[test]
    fn the_written_form_is_fixed() {
        // The hash of this form stands in lock.json: a change here makes every lock stale.
        insta::assert_snapshot!(sample().to_text().replace('\t', " | "), @r"
        dir | bin
        file | 0755 | 3 | sha256-ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0= | bin/tool
        file | 0644 | 3 | sha256-ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0= | bin/with space
        link | bin | lib
        ");
        assert_eq!(Manifest::parse(&sample().to_text()), Some(sample()));
    }

    #[rstest::rstest]
    #[case::not_sorted("dir\tb\ndir\ta\n")]
    #[case::twice("dir\ta\ndir\ta\n")]
    #[case::leads_out("dir\t../a\n")]
    #[case::absolute("dir\t/a\n")]
    #[case::other_mode("file\t0777\t3\tsha256-ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=\ta\n")]
    #[case::cut_off("dir\ta")]
    fn other_forms_are_refused(#[case] text: &str) {
        assert_eq!(Manifest::parse(text), None);
    }
}
