//! What can go wrong with components, each with its remedy.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use super::digest::Sri;
use super::lock::ComponentId;

/// What can go wrong with components. The text says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No component has this name.
    #[error("there is no component {name:?}; there are: {known}")]
    UnknownComponent {
        /// The name that was asked for.
        name: String,
        /// All names, separated by commas.
        known: String,
    },
    /// The component has no such version in the lock.
    #[error("{component} has no version {version:?} in components.json; it has: {known}")]
    UnknownVersion {
        /// The component.
        component: String,
        /// The version that was asked for.
        version: String,
        /// All versions, separated by commas.
        known: String,
    },
    /// The component exists, but not for this machine.
    #[error(
        "{component} is not available for {system}, only for: {known}; use an existing server through `--endpoints FILE`"
    )]
    NotForThisSystem {
        /// The component.
        component: String,
        /// This machine, in Nix's form, such as `x86_64-linux`.
        system: String,
        /// The systems there are.
        known: String,
    },
    /// A hand-written or generated file of `components/` does not say what it should.
    #[error("{file}: {problem}; {remedy}")]
    BadData {
        /// The file.
        file: String,
        /// What is wrong with it.
        problem: String,
        /// What to do.
        remedy: &'static str,
    },
    /// The file system refused.
    #[error("cannot {action}{}", remedy(source))]
    Io {
        /// What was tried, with the path.
        action: String,
        /// The cause.
        source: io::Error,
    },
    /// Nothing can be written where the cache is to be.
    #[error("the cache cannot be in {}: set LAB_CACHE_DIR to a directory that you may write to", dir.display())]
    UnusableCache {
        /// The directory.
        dir: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// A directory that a variable names cannot be used.
    #[error("{variable} names {}, which {problem}", dir.display())]
    UnusableDirectory {
        /// The variable, or what stands for it.
        variable: String,
        /// The directory.
        dir: PathBuf,
        /// Why, and what to do.
        problem: &'static str,
    },
    /// The file system of the cache is full.
    #[error(
        "no space left for the cache in {}: {free} bytes are free, {needed} more are needed; make room there, or set LAB_CACHE_DIR to a directory on a larger disk. What has arrived is kept.", dir.display()
    )]
    DiskFull {
        /// The cache.
        dir: PathBuf,
        /// Bytes that an ordinary user may still write there.
        free: u64,
        /// Bytes of the files that did not arrive.
        needed: u64,
    },
    /// Neither `LAB_CACHE_DIR` nor `XDG_CACHE_HOME` nor `HOME` says where the cache is.
    #[error(
        "no place for the cache: set LAB_CACHE_DIR to a directory that you may write to (or HOME)"
    )]
    NoCacheDirectory,
    /// Files that a run needs are not there.
    #[error("{id} is not complete: {} of its files {} missing, the first is {first}; run `lab fetch`", count, if *count == 1 { "is" } else { "are" })]
    NotFetched {
        /// The component.
        id: ComponentId,
        /// How many files are missing.
        count: usize,
        /// The first of them.
        first: String,
    },
    /// Files were there, but not with the content that the lock demands.
    #[error("{}", list_damages(damages))]
    Refused {
        /// Every file that was refused, at least one.
        damages: Vec<Damage>,
    },
    /// An archive holds an entry that must not be unpacked.
    #[error("{archive} is refused: its entry {entry:?} {problem}; do not use this archive")]
    BadArchive {
        /// The archive.
        archive: String,
        /// The entry.
        entry: String,
        /// Why it is not unpacked.
        problem: String,
    },
    /// An archive is cut off, or is not an archive of its kind.
    #[error("cannot unpack {archive}{}", remedy(source))]
    Unpack {
        /// The archive.
        archive: String,
        /// The cause.
        source: io::Error,
    },
    /// A program is not installed.
    #[error("{program} is not installed: {remedy}")]
    ProgramMissing {
        /// Its name.
        program: &'static str,
        /// How to get it.
        remedy: &'static str,
    },
    /// Java is there, but of no use.
    #[error("{} is not a Java that the lab can use: {problem}; install a JRE of version {} or later (Debian, Ubuntu: `apt-get install default-jre-headless`), or let JAVA_HOME point at one", program.display(), super::java::OLDEST_MAJOR)]
    JavaUnusable {
        /// The program that was looked at.
        program: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// Maven ended without having fetched everything.
    #[error(
        "Maven could not fetch {missing} of {wanted} files ({status}). If this machine is offline or behind a proxy, see to the network or to ~/.m2/settings.xml, then run the same command again: what has arrived is kept. Maven's last words:\n{tail}"
    )]
    Maven {
        /// Files that did not arrive.
        missing: usize,
        /// Files that were asked for.
        wanted: usize,
        /// How Maven ended.
        status: String,
        /// The end of what Maven printed.
        tail: String,
    },
    /// `apt-get` or `dpkg-deb` failed.
    #[error(
        "`{command}` failed ({status}); see to the network or to apt's sources, or install Prometheus by other means so that `prometheus` and `promtool` are on the PATH. Its last words:\n{tail}"
    )]
    Apt {
        /// The command.
        command: String,
        /// How it ended.
        status: String,
        /// The end of what it printed.
        tail: String,
    },
    /// Prometheus does not run.
    #[error("{} does not run: {problem}; remove it, or install Prometheus so that `prometheus` and `promtool` are on the PATH", program.display())]
    PrometheusUnusable {
        /// The program.
        program: PathBuf,
        /// What happened.
        problem: String,
    },
    /// The user asked to stop.
    #[error("stopped on request; what has arrived is kept, and `lab fetch` goes on from there")]
    Cancelled,
}

impl Error {
    /// An input or output error, with what was tried.
    pub(crate) fn io(action: impl fmt::Display, path: &Path, source: io::Error) -> Self {
        Error::Io {
            action: format!("{action} {}", path.display()),
            source,
        }
    }
}

/// What the user can do about a file system that refuses; empty where that depends on the case.
fn remedy(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "; make room there, or set LAB_CACHE_DIR to a directory on a larger disk"
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "; see to the permissions there, or set LAB_CACHE_DIR to a directory that you may write to"
        }
        _ => "",
    }
}

/// A file that is not what the lock says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// The component it belongs to.
    pub id: String,
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub wrong: Wrong,
    /// What was done about it.
    pub deleted: Deleted,
}

/// What is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Wrong {
    /// Its content has another hash.
    Hash {
        /// What the lock or the manifest says.
        expected: Sri,
        /// What the file has.
        found: Sri,
    },
    /// It has another size, in bytes.
    Size {
        /// What the lock or the manifest says.
        expected: u64,
        /// What the file has.
        found: u64,
    },
    /// It is not there.
    Missing,
    /// It is there, but belongs to nothing.
    Extra,
    /// It is of another kind: a link instead of a file, for example.
    Kind,
    /// Its permissions are others.
    Mode {
        /// What the manifest says.
        expected: u32,
        /// What the file has.
        found: u32,
    },
    /// It is a link that leads elsewhere.
    Target {
        /// What the manifest says.
        expected: String,
        /// Where it leads.
        found: String,
    },
    /// It cannot be read.
    Unreadable(String),
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Wrong::Hash { expected, found } => {
                write!(f, "its hash is {found}, expected is {expected}")
            }
            Wrong::Size { expected, found } => {
                write!(f, "its size is {found} bytes, expected are {expected}")
            }
            Wrong::Missing => write!(f, "it is missing"),
            Wrong::Extra => write!(f, "it does not belong there"),
            Wrong::Kind => write!(f, "it is not the kind of file that belongs there"),
            Wrong::Mode { expected, found } => {
                write!(f, "its mode is {found:04o}, expected is {expected:04o}")
            }
            Wrong::Target { expected, found } => {
                write!(f, "it links to {found:?}, expected is {expected:?}")
            }
            Wrong::Unreadable(why) => write!(f, "it cannot be read: {why}"),
        }
    }
}

/// What was done about a damaged file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Deleted {
    /// The file was deleted; the next fetch gets it again.
    File,
    /// The unpacked tree that holds it was deleted; the next fetch unpacks it again.
    Tree,
    /// It lies in a directory that the lab never writes to.
    No,
    /// It should have been deleted, and could not.
    Failed(String),
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} is refused: {} ({}",
            self.path.display(),
            self.wrong,
            self.id
        )?;
        match &self.deleted {
            Deleted::File => write!(f, "; deleted)"),
            Deleted::Tree => write!(f, "; its unpacked tree is deleted)"),
            Deleted::No => write!(
                f,
                "; not deleted, LAB_MAVEN_DIR is not the lab's to change)"
            ),
            Deleted::Failed(why) => write!(f, "; deleting it failed: {why})"),
        }
    }
}

fn list_damages(damages: &[Damage]) -> String {
    // A tree with a thousand wrong files has one cause: ten of them are enough to see it.
    const SHOWN: usize = 10;
    let mut text = String::new();
    for damage in damages.iter().take(SHOWN) {
        text.push_str(&format!("{damage}\n"));
    }
    if damages.len() > SHOWN {
        text.push_str(&format!("and {} more\n", damages.len() - SHOWN));
    }
    text.push_str(if damages.iter().any(|damage| damage.deleted == Deleted::No) {
        "Mend the directory that LAB_MAVEN_DIR names, or unset it."
    } else {
        "`lab fetch` brings it back. If it happens again, suspect the disk or the network's proxy."
    });
    text
}
