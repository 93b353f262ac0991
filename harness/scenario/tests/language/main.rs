//! The language as a whole: files that are wrong, files that are right, hostile ones, and the reference's examples.

#![allow(clippy::unwrap_used)]

mod binding;
mod goldens;
mod nix;
mod properties;
mod reference;
mod right;
mod robustness;
mod schema;
mod steps;
mod wrong;
