//! `lab lint`: what a connector's configuration does not do, though it looks as if it did.
//!
//! A [`Document`] is a file with the places of its keys, [`Definitions`] are what a worker reads, recorded or asked, and a
//! [`Case`] is one beside the other. Each rule looks at a case and gives findings.

mod case;
mod definitions;
mod document;
mod finding;
mod fix;
mod live;
mod rules;
mod secrets;
mod unlisted;
mod worker;

pub use case::Case;
pub use definitions::Definitions;
pub use document::Document;
pub use finding::{Finding, Severity};
pub use fix::{Fixed, fixed, left, truncates};
pub use live::{judged, wanted};
pub use rules::check;
pub use worker::Worker;
