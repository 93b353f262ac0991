//! The wire format: metrics as JSON messages.
//!
//! A message is a JSON object whose values are metrics:
//!
//! ```json
//! {"cpu": {"Type": "gauge", "Name": "cpu", "Description": "CPU in use", "Value": 12.5}}
//! ```
//!
//! The keys of the outer object only tell the entries apart; `Name` names the metric.
//! `schema/message.schema.json` describes the format for other languages, and the tests hold
//! schema and parser to the same verdict.
//!
//! Extensions, all optional: `Labels` (object of strings) and `Unit` in a metric, the strings
//! `NaN`, `+Inf` and `-Inf` as a gauge's `Value`, and one entry `Timestamp` (a whole number of
//! milliseconds since 1970) in the outer object, which orders messages of different partitions.

mod cursor;
mod metric;
mod parse;
mod reason;

pub use cursor::{Cursor, Found, Spans, entry};
pub use metric::{Kind, Label, Metric};
#[doc(hidden)]
pub use parse::reference;
pub use parse::{Message, Refusal, parse};
pub use reason::{MessageError, MetricError};

/// The JSON Schema (draft 2020-12) of a message.
pub const SCHEMA: &str = include_str!("../schema/message.schema.json");
