//! The text that a scrape gets.

mod accept;
mod chunk;
pub mod escape;
mod family;
mod lines;
pub mod names;
pub mod number;
mod own;
mod render;

pub use accept::{Format, Syntax, negotiate};
pub(crate) use chunk::Builder;
pub use chunk::ChunkText;
pub use family::Identity;
pub(crate) use family::{openmetrics_counter, sample_prefix};
pub use names::Escaping;
pub use own::own_metrics;
pub use render::{Filter, Pieces, render};
