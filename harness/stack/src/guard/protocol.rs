//! What is said over the guard's socket: one JSON line asked, one JSON line answered, a connection each.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// A process to start.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SpawnSpec {
    /// The name it has in `lab status` and in errors.
    pub name: String,
    /// Program and arguments; the program is an absolute path.
    pub argv: Vec<String>,
    /// The whole environment; nothing is inherited but the mark of the run, which the guard adds.
    pub env: BTreeMap<String, String>,
    /// Working directory.
    pub cwd: PathBuf,
    /// Where standard output and error go, appended.
    pub log: PathBuf,
    /// User and group id to run as; the guard's own when absent.
    pub user: Option<(u32, u32)>,
    /// How it is ended.
    pub stop: StopSpec,
    /// Endpoints by key (`bootstrap`, `rest`, …), for `lab status`.
    #[serde(default)]
    pub endpoints: BTreeMap<String, String>,
    /// A job of the runner itself (initdb, a shell step): not listed by `lab status`.
    #[serde(default)]
    pub hidden: bool,
}

/// When the guard ends a process at shutdown. Clients go first, so that they can still flush.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopPhase {
    /// Exporter, producer, jobs.
    Clients,
    /// Everything that they talk to.
    Servers,
}

/// How a process is ended: a signal, time to react, then SIGKILL.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct StopSpec {
    /// When, at shutdown.
    pub phase: StopPhase,
    /// Signal number that asks it to end.
    pub signal: i32,
    /// Signal number that it gets when the run ends: SIGKILL for what keeps nothing but the run's own data, which is thrown
    /// away then.
    pub at_end: i32,
    /// Milliseconds until it is killed, at most 1500 at shutdown.
    pub grace_ms: u64,
    /// Signal number that the kernel sends when the guard dies.
    pub parent_death_signal: i32,
}

/// A port to reserve for the whole run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PortRequest {
    /// What it is for, for example `kafka.bootstrap`.
    pub key: String,
    /// This port and no other.
    pub exactly: Option<u16>,
}

/// State of a process of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// Runs, and has not yet answered.
    Starting,
    /// Answers by its own protocol.
    Ready,
    /// Stopped with SIGSTOP.
    Paused,
    /// Ended as asked.
    Stopped,
    /// Ended by itself, or was killed.
    Failed,
}

/// One process of the run, as `lab status --json` prints it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct JobStatus {
    /// Service name.
    pub name: String,
    /// State now.
    pub state: JobState,
    /// Process id; absent when it does not run.
    pub pid: Option<i32>,
    /// `host:port` or URL by key.
    pub endpoints: BTreeMap<String, String>,
    /// Its log.
    pub log: PathBuf,
    /// How it ended, in words, when it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<String>,
    /// Not a service.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hidden: bool,
}

/// All of a run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Status {
    /// Id of the run.
    pub run: String,
    /// Its processes in the order of their first start.
    pub services: Vec<JobStatus>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub(super) enum Request {
    Reserve {
        ports: Vec<PortRequest>,
    },
    Spawn {
        spec: Box<SpawnSpec>,
    },
    /// Sends the stop signal and kills after the grace time; the answer comes at once.
    Stop {
        name: String,
    },
    Signal {
        name: String,
        signal: i32,
    },
    /// The runner found the service ready.
    Ready {
        name: String,
    },
    Status,
    /// From now on the run outlives its owner.
    Detach,
    /// Ends the run.
    Shutdown,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Answer {
    Done,
    Ports(BTreeMap<String, u16>),
    Pid(i32),
    Status(Status),
    Refused(String),
}
