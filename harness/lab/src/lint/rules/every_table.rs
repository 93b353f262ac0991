//! No filter of tables.

use crate::lint::case::Case;
use crate::lint::finding::{Finding, Severity};

const FILTERS: [&str; 4] = [
    "table.include.list",
    "table.exclude.list",
    "schema.include.list",
    "schema.exclude.list",
];
/// Once were filters: the rule on renamed keys says that they are none, and what follows.
const ONCE: [&str; 4] = [
    "table.whitelist",
    "table.blacklist",
    "schema.whitelist",
    "schema.blacklist",
];

pub fn check(case: &Case<'_>, found: &mut Vec<Finding>) {
    let is_there = |key: &&str| case.text(key).is_some_and(|text| !text.is_empty());
    if !case.is_postgres() || FILTERS.iter().chain(&ONCE).any(is_there) {
        return;
    }
    found.push(
        Finding::missing(
            Severity::Note,
            case.document,
            "nothing says which tables are captured",
            "every table is, those that are made later too",
        )
        .instead("write \"table.include.list\" where that is not meant"),
    );
}
