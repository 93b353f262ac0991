//! The language as a whole: files that are wrong, files that are right, and hostile ones.

#![allow(clippy::unwrap_used)]

mod binding;
mod goldens;
mod nix;
mod properties;
mod right;
mod robustness;
mod schema;
mod steps;
mod wrong;
