//! The scenario language: parses, checks and prints scenario files.
//!
//! A scenario is a TOML file that says what to do to a Kafka Connect stack and what must then be observed. This crate
//! knows the form of the file, its variables and its mistakes; what actions and checks there are, it learns from a
//! [`Registry`]. It reads files and does nothing else.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod choice;
mod discover;
mod duration;
mod fault;
mod files;
mod header;
mod inputs;
mod json;
mod jsonpath;
mod load;
mod matrix;
mod near;
mod node;
mod problem;
mod processes;
mod read;
mod redact;
mod registry;
mod scenario;
mod schema;
mod shape;
mod steps;
mod syntax;
mod template;
mod vars;

pub use discover::{FRAGMENTS, discover};
pub use duration::Duration;
pub use files::{JsonFile, ScenarioFile, TextFile};
pub use inputs::{Inputs, Profile};
pub use json::strict_json;
pub use jsonpath::{JsonPath, NotOne};
pub use load::{load, parse_str};
pub use near::near_miss;
pub use problem::{Problem, Problems, Related, Weight};
pub use redact::{REDACTED, Redactor, is_secret_name};
pub use registry::{Kind, Registry, RegistryError, Role};
pub use scenario::{
    Bound, DEFAULT_POLL, DEFAULT_WITHIN, ExpectFailure, Instance, Jvm, Scenario, StackSettings,
    Step, When,
};
pub use schema::schema;
pub use shape::{At, OneOrMany, Position, TextOr};
pub use vars::Vars;
