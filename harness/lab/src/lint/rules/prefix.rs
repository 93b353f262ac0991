//! What the names of topics begin with.

use crate::lint::case::Case;
use crate::lint::finding::{Finding, Severity};

pub fn check(case: &Case<'_>, found: &mut Vec<Finding>) {
    let Some(entry) = case.get("topic.prefix").filter(|_| case.is_postgres()) else {
        return;
    };
    let prefix = entry.text().unwrap_or_default();
    // Debezium's own words of it: "only the underscore, hyphen, dot and alphanumeric characters are allowed".
    let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    // A reference is resolved by the worker.
    if prefix.is_empty() || prefix.contains("${") || prefix.bytes().all(is_legal) {
        return;
    }
    found.push(
        Finding::of_value(
            Severity::Error,
            entry,
            format!("{prefix:?} cannot begin the name of a topic"),
            "Connect refuses the configuration",
        )
        .instead("a prefix has letters, digits, `_`, `-` and `.`"),
    );
}
