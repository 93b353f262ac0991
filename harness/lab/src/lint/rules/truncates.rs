//! Truncates: asked for and dropped, or not asked for.

use crate::lint::case::{Case, UNWRAP};
use crate::lint::finding::{Change, Finding, Severity};

const SKIPPED: &str = "skipped.operations";

pub fn check(case: &Case<'_>, found: &mut Vec<Finding>) {
    if !case.is_postgres() {
        return;
    }
    let are_sent = !case.list(SKIPPED).iter().any(|operation| operation == "t");
    // Behind a predicate it may leave truncates alone.
    let flattening = case
        .transforms_of(UNWRAP)
        .find(|link| case.get(&format!("{}predicate", link.prefix)).is_none());
    match (are_sent, flattening) {
        (true, Some(link)) => {
            let Some(entry) = case.get(&format!("{}type", link.prefix)) else {
                return;
            };
            found.push(
                Finding::of_value(
                    Severity::Warning,
                    entry,
                    format!("{} drops the truncates that \"{SKIPPED}\" lets through (DBZ-5966)", link.name),
                    "a TRUNCATE does not arrive, and copies of the table keep rows that are gone",
                )
                .instead("leave truncates to a second connector without the transform, with a slot of its own: `lab lint --fix=truncates` prints it")
                .change(Change::set(
                    SKIPPED,
                    "t",
                    "no truncates are asked for that the transform would drop; `lab lint --fix=truncates` prints the connector that delivers them",
                )),
            );
        }
        (false, None) => {
            let consequence = "copies of a table keep rows that a TRUNCATE took away";
            let message = "truncates are not sent";
            let finding = match case.get(SKIPPED) {
                Some(entry) => Finding::of_value(Severity::Note, entry, message, consequence),
                None => Finding::missing(Severity::Note, case.document, message, consequence),
            };
            found.push(
                finding.instead("write \"skipped.operations\": \"none\" where they are to arrive"),
            );
        }
        _ => {}
    }
}
