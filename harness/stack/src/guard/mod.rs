//! The guard: a small single-threaded process that owns every process of a run.
//!
//! - When the owner (`lab up`, `lab demo`, `lab run`) goes, however it goes, its end of a socket pair closes and the
//!   guard ends everything.
//! - When the guard goes, the kernel ends its children: each has a parent-death signal, which fires when the *thread*
//!   that forked it ends. So the guard has one thread.
//! - Processes that a child left behind are re-parented to the guard, which is a child subreaper, and end with it.

/// What the guard notes in its log when it was asked to end the run.
const ENDED_BY_REQUEST: &str = "ends: asked to";

mod child;
mod client;
mod descendants;
pub mod ports;
mod protocol;
mod server;

pub use client::{Guard, GuardError, GuardHandle};
pub use descendants::sweep;
pub use protocol::{JobState, JobStatus, PortRequest, SpawnSpec, Status, StopPhase, StopSpec};
pub use server::main;
