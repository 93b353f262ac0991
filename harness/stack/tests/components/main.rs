//! What a user's cache promises, whatever happens to the disk, the network and the process in between.
//!
//! The inputs are small repositories that the tests write. What Maven does is tested with Maven.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod archives;
mod damage;
mod interrupted;
mod lock_data;
mod maven;
mod places;
mod sample;
mod worker;
