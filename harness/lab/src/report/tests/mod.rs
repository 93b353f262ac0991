//! The reports of one suite, in which everything happens that can: as they are to be, and what others make of them.

#![allow(clippy::unwrap_used)]

mod folder;
mod golden;
pub(crate) mod readers;
mod samples;
