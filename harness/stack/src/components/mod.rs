//! What the stack is made of: which files, where they come from, and the proof that they are the right ones.
//!
//! `components/components.json` names the components, `components/lock.json` pins every file of them. Both are built into
//! the binary, so that it works outside of the checkout; Nix reads the same two files.
//!
//! A run does three things with them, in this order:
//! 1. [`Lock::resolve`] turns a name and perhaps a version into a [`ComponentId`];
//! 2. [`Cache::ensure`] fetches and unpacks what is not there yet;
//! 3. [`Cache::verify_all`] hashes every byte of what is about to start, and gives the class paths and directories.
//!
//! Neither size nor time of a file is ever taken as proof of its content.

mod archive;
mod cache;
mod catalog;
mod child;
mod coordinates;
mod digest;
mod error;
mod fetch;
pub mod java;
mod lock;
mod manifest;
mod maven;
pub mod profiles;
mod progress;
pub mod prometheus;
pub mod relock;
mod stage;

pub use cache::{Cache, Content, Installed, Plan};
pub use catalog::{Catalog, Unpack};
pub use coordinates::Coordinates;
pub use digest::Sri;
pub use error::{Damage, Deleted, Error, Wrong};
pub use lock::{ComponentId, Lock, LockedFile, LockedTree, Pinned};
pub use manifest::{Entry, Manifest};
pub use progress::{NoProgress, Progress};
pub use stage::{shared_tree, stage_tree};
