//! Columns that a delete needs, and that Postgres sends with it only under another REPLICA IDENTITY.

use crate::lint::case::{Case, UNWRAP};
use crate::lint::finding::{Finding, Severity};

/// Debezium sets it itself where this is given.
const AUTOSET: &str = "replica.identity.autoset.values";

pub fn check(case: &Case<'_>, found: &mut Vec<Finding>) {
    if !case.is_postgres() || case.given(AUTOSET).is_some() {
        return;
    }
    let full = "ALTER TABLE … REPLICA IDENTITY FULL on the server, or set \"replica.identity.autoset.values\"";
    if let Some(entry) = case.given("message.key.columns") {
        found.push(
            Finding::of_key(
                // The file does not tell which columns the primary key has.
                Severity::Note,
                entry,
                "the key of a record is made of columns that a delete may lack",
                "under REPLICA IDENTITY DEFAULT a delete has the columns of the primary key alone, so keys of deletes are others than those of the rows, or null",
            )
            .instead(full),
        );
    }
    for link in case.transforms_of(UNWRAP) {
        let key = format!("{}route.by.field", link.prefix);
        if let Some(entry) = case.given(&key) {
            found.push(
                Finding::of_key(
                    Severity::Warning,
                    entry,
                    "the topic of a delete is taken from a column that the delete may lack",
                    "under REPLICA IDENTITY DEFAULT deletes go to another topic than the rows that they delete",
                )
                .instead(full),
            );
        }
        // 2.7 had two keys for it.
        for mode in ["delete.tombstone.handling.mode", "delete.handling.mode"] {
            let key = format!("{}{mode}", link.prefix);
            let Some(entry) = case.get(&key) else {
                continue;
            };
            let is_read = !matches!(case.reading(&key), crate::lint::case::Reading::No);
            if is_read && entry.text().is_some_and(|text| text.starts_with("rewrite")) {
                found.push(
                    Finding::of_value(
                        Severity::Note,
                        entry,
                        "a rewritten delete has the columns that Postgres sends with it",
                        "under REPLICA IDENTITY DEFAULT those are the primary key's: the others are null, or zero and empty where null is not allowed",
                    )
                    .instead(full),
                );
            }
        }
    }
}
