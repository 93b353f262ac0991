//! The replication slot.

use crate::lint::case::Case;
use crate::lint::finding::{Change, Finding, Severity};

pub fn check(case: &Case<'_>, found: &mut Vec<Finding>) {
    if !case.is_postgres() {
        return;
    }
    if let Some(entry) = case
        .get("slot.drop.on.stop")
        .filter(|_| case.is_on("slot.drop.on.stop"))
    {
        found.push(
            Finding::of_value(
                Severity::Warning,
                entry,
                "the replication slot goes when the connector stops",
                "what is written until it starts again never arrives: a restart, a rebalance and an upgrade stop it",
            )
            .instead("leave it out, and drop the slot by hand when the connector is gone for good")
            .change(Change::remove("slot.drop.on.stop", "the slot stays when the connector stops, and holds what is written meanwhile")),
        );
    }
    if let Some(entry) = case.get("slot.name") {
        let name = entry.text().unwrap_or_default();
        let is_legal = !name.is_empty()
            && name.len() < 64
            && name
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        // A reference is resolved by the worker.
        if !is_legal && !name.contains("${") {
            found.push(
                Finding::of_value(
                    Severity::Error,
                    entry,
                    format!("Postgres does not take {name:?} for the name of a slot"),
                    "Connect refuses the configuration",
                )
                .instead("a slot's name has lower-case letters, digits and _, at most 63"),
            );
        }
    }
}
