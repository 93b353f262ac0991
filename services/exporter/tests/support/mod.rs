//! Helpers of several tests.
#![allow(dead_code, missing_docs, clippy::unwrap_used, clippy::expect_used)]

pub mod exporter;
pub mod hostile;
pub mod strict;
