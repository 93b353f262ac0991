//! A stack of our own on loopback.

mod control;
mod error;
mod start;

pub use control::Control;
pub use error::StackError;
pub use start::{Native, Observer, PortChoice, StackSpec, StartOrder, own_program, requirements};
