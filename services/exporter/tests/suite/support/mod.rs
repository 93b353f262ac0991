//! Helpers of several tests.
#![allow(dead_code)]

pub mod exporter;
pub mod hostile;
pub mod prometheus;
pub mod strict;
