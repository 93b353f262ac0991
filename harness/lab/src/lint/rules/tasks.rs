//! More tasks than one.

use crate::lint::case::Case;
use crate::lint::finding::{Finding, Severity};

pub fn check(case: &Case<'_>, found: &mut Vec<Finding>) {
    let Some(entry) = case.get("tasks.max").filter(|_| case.is_postgres()) else {
        return;
    };
    let number = entry
        .text()
        .and_then(|text| text.trim().parse::<u32>().ok());
    if number.is_some_and(|number| number > 1) {
        found.push(Finding::of_value(
            Severity::Note,
            entry,
            "a Postgres connector has one task",
            "more are never started, since one slot is read by one reader",
        ));
    }
}
