//! Values that are no text.

use serde_json::Value;

use crate::lint::case::Case;
use crate::lint::finding::{Change, Finding, Severity};

pub fn check(case: &Case<'_>, found: &mut Vec<Finding>) {
    for entry in &case.document.entries {
        match &entry.value {
            Value::Object(_) | Value::Array(_) => found.push(
                Finding::of_value(
                    Severity::Error,
                    entry,
                    format!("the value of \"{}\" is no text", entry.key),
                    "Connect refuses the whole request with status 500",
                )
                .instead("write a text; a list is one text with commas"),
            ),
            Value::Null => found.push(
                Finding::of_value(
                    Severity::Warning,
                    entry,
                    format!("\"{}\" is null", entry.key),
                    "it is as if the key were not there, or Connect refuses it",
                )
                .change(Change::remove(&entry.key, "null is no value")),
            ),
            _ => {}
        }
    }
}
