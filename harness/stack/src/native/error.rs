//! Why a stack did not come up, or a service of it cannot be controlled.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::components;
use crate::guard::GuardError;
use crate::limits::{self, TooLittle};
use crate::links::Link;
use crate::log_tail;
use crate::profile::Profile;
use crate::security::SecurityError;
use crate::services::{LaunchError, ServiceName};
use crate::systemd::UnitError;

/// Why a stack did not come up, or a service of it cannot be controlled.
#[derive(Debug, thiserror::Error)]
pub enum StackError {
    /// The run's directory cannot be made.
    #[error(
        "cannot make a directory for the run below {path}: set LAB_STATE_DIR to a place that can be written"
    )]
    Directory {
        /// The state directory.
        path: PathBuf,
        /// Cause.
        #[source]
        source: std::io::Error,
    },
    /// A component is missing, damaged or cannot be fetched.
    #[error(transparent)]
    Component(#[from] components::Error),
    /// Keys of a secure stack cannot be made.
    #[error(transparent)]
    Security(#[from] SecurityError),
    /// One of our own programs is not there.
    #[error(
        "`{name}` is neither beside `lab` nor on the PATH: build it with `cargo build --release -p {name}`"
    )]
    Program {
        /// The program.
        name: &'static str,
    },
    /// The guard failed.
    #[error(transparent)]
    Guard(#[from] GuardError),
    /// A service's settings cannot be laid out.
    #[error("{service} cannot be launched")]
    Launch {
        /// Which.
        service: ServiceName,
        /// Cause.
        #[source]
        source: LaunchError,
    },
    /// A process ended before or while it was needed.
    #[error(
        "{service}: `{process}` {ended} while the lab waited for {condition}\n  last seen: {last_seen}\n{tail}"
    )]
    Died {
        /// The service.
        service: ServiceName,
        /// The process: the service itself or what prepares it.
        process: String,
        /// How it ended.
        ended: String,
        /// What was waited for.
        condition: &'static str,
        /// The last answer.
        last_seen: String,
        /// The end of its log.
        tail: Box<LogTail>,
    },
    /// It runs but does not get ready.
    #[error(
        "{service} did not get ready within {waited:?}\n  waited for: {condition}\n  last seen: {last_seen}\n{tail}"
    )]
    NotReady {
        /// The service.
        service: ServiceName,
        /// How long.
        waited: Duration,
        /// What was waited for.
        condition: &'static str,
        /// The last answer.
        last_seen: String,
        /// The end of its log.
        tail: Box<LogTail>,
    },
    /// A service ended by itself after it had been ready.
    #[error("{process} {ended}\n{tail}")]
    Ended {
        /// Its name.
        process: String,
        /// How it ended.
        ended: String,
        /// The end of its log.
        tail: Box<LogTail>,
    },
    /// A service that was asked for, and that no stack of the profile has.
    #[error("a stack of the profile `{profile}` has no {service}")]
    NotInProfile {
        /// The service.
        service: ServiceName,
        /// The profile.
        profile: Profile,
    },
    /// A service that was asked for, and that a stack of this size lacks.
    #[error("a stack of this size has no {service}: it takes `--{option} {number}`")]
    NotInSize {
        /// The service.
        service: ServiceName,
        /// What says the size.
        option: &'static str,
        /// How many there have to be.
        number: u8,
    },
    /// The machine has too little of what the stack needs.
    #[error("{0}; end something or make room, or set {name}=off to start all the same", name = limits::VARIABLE)]
    TooLittle(#[from] TooLittle),
    /// A broker leads its clients to the others, which have no proxies.
    #[error("links to Kafka can be hurt where it is one broker")]
    LinkToSeveral,
    /// The proxies of links cannot listen.
    #[error("the proxies of links cannot listen on loopback")]
    Links {
        /// Cause.
        #[source]
        source: std::io::Error,
    },
    /// A link that nothing stands in.
    #[error(
        "there is no proxy in the link {link}: a stack has them for the links that its scenario names"
    )]
    NoProxy {
        /// The link.
        link: Link,
    },
    /// Its log cannot be read.
    #[error("there is no log of {service} ({path})")]
    Log {
        /// The service.
        service: ServiceName,
        /// Where it should be.
        path: PathBuf,
        /// Cause.
        #[source]
        source: std::io::Error,
    },
    /// Its unit does not do what it was asked.
    #[error(transparent)]
    Unit(#[from] UnitError),
    /// The stack was not started with this service.
    #[error("{service} is not part of this run")]
    NoSuchService {
        /// Which.
        service: ServiceName,
    },
}

/// The last lines of a log, read when the error was made.
#[derive(Debug)]
pub struct LogTail {
    path: PathBuf,
    lines: Vec<String>,
}

impl LogTail {
    /// Reads the end of a log.
    pub fn read(path: &Path) -> Box<Self> {
        Box::new(Self {
            path: path.to_owned(),
            lines: log_tail::read(path),
        })
    }
}

impl std::fmt::Display for LogTail {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.lines.is_empty() {
            return write!(formatter, "  its log {} is empty", self.path.display());
        }
        write!(formatter, "  the end of its log {}:", self.path.display())?;
        self.lines
            .iter()
            .try_for_each(|line| write!(formatter, "\n    {line}"))
    }
}
