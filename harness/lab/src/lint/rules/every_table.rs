//! No filter of tables.

use super::filters::TABLES;
use crate::lint::case::Case;
use crate::lint::finding::{Finding, Severity};

/// Once were filters: the rule on renamed keys says that they are none, and what follows.
const ONCE: [&str; 4] = [
    "table.whitelist",
    "table.blacklist",
    "schema.whitelist",
    "schema.blacklist",
];

pub fn check(case: &Case<'_>, found: &mut Vec<Finding>) {
    let filters = TABLES
        .into_iter()
        .flat_map(|(include, exclude)| [include, exclude]);
    if !case.is_postgres() || filters.chain(ONCE).any(|key| case.given(key).is_some()) {
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
