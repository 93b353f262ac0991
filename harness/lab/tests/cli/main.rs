//! The program as its users run it.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod background;
mod damaged;
mod diff_versions;
mod endpoints;
mod failing;
mod input;
mod killed;
mod lint;
mod lint_live;
mod offline;
mod profiles;
mod readme;
mod sbom;
mod schema;
mod secrets;
mod support;
mod tune;
mod up;
