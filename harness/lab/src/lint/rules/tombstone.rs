//! A delete and its tombstone are two records, where there is a tombstone.

use crate::lint::case::{Case, UNWRAP};
use crate::lint::finding::{Finding, Severity};

pub fn check(case: &Case<'_>, found: &mut Vec<Finding>) {
    if !case.is_postgres() || !case.reads(UNWRAP, "delete.tombstone.handling.mode") {
        return;
    }
    for link in case.transforms_of(UNWRAP) {
        let key = format!("{}delete.tombstone.handling.mode", link.prefix);
        let Some(entry) = case.get(&key) else {
            continue;
        };
        if entry.text().as_deref() != Some("rewrite-with-tombstone") {
            continue;
        }
        if !case.is_on("tombstones.on.delete") {
            found.push(
                Finding::of_value(
                    Severity::Warning,
                    entry,
                    "there is no tombstone to keep: \"tombstones.on.delete\" is false",
                    "a delete arrives as the row with __deleted alone, and a compacted topic keeps it for ever",
                )
                .instead("leave \"tombstones.on.delete\" out, or write \"rewrite\""),
            );
        } else {
            found.push(
                Finding::of_value(
                    Severity::Note,
                    entry,
                    "a delete and its tombstone are two records",
                    "a worker that dies between them never sends the tombstone (DBZ-9022)",
                )
                .instead("delete-to-tombstone sends one record, without __deleted"),
            );
        }
    }
}
