//! A file a rule, and a line here.

mod bare_client_key;
mod clear_secret;
mod compaction;
mod converter;
mod decoder;
mod every_table;
pub(super) mod filters;
mod ignored;
mod name;
mod prefix;
mod queue;
mod renamed;
mod replica_identity;
mod required;
mod shape;
mod signals;
mod slot;
mod tasks;
mod tombstone;
mod topic_creation;
mod transforms;
mod truncates;
mod value;

use super::case::Case;
use super::finding::Finding;

type Rule = fn(&Case<'_>, &mut Vec<Finding>);

const RULES: [(&str, Rule); 23] = [
    ("bare-client-key", bare_client_key::check),
    ("clear-secret", clear_secret::check),
    ("compaction", compaction::check),
    ("converter", converter::check),
    ("decoder", decoder::check),
    ("every-table", every_table::check),
    ("filters", filters::check),
    ("ignored", ignored::check),
    ("name", name::check),
    ("prefix", prefix::check),
    ("queue", queue::check),
    ("renamed", renamed::check),
    ("replica-identity", replica_identity::check),
    ("required", required::check),
    ("shape", shape::check),
    ("signals", signals::check),
    ("slot", slot::check),
    ("tasks", tasks::check),
    ("tombstone", tombstone::check),
    ("topic-creation", topic_creation::check),
    ("transforms", transforms::check),
    ("truncates", truncates::check),
    ("value", value::check),
];

/// Everything that the rules find, in the order of the file.
pub fn check(case: &Case<'_>) -> Vec<Finding> {
    let mut all = Vec::new();
    for (id, rule) in RULES {
        let mut found = Vec::new();
        rule(case, &mut found);
        all.extend(found.into_iter().map(|finding| Finding {
            rule: id,
            ..finding
        }));
    }
    all.sort_by_key(|finding| (finding.span.start, finding.severity));
    all
}

/// Whether a rule of its own says more about a key that nobody reads.
fn is_told_elsewhere(case: &Case<'_>, key: &str) -> bool {
    renamed::tells(case, key)
        || signals::tells(key)
        || bare_client_key::tells(case, key)
        || converter::tells(case, key)
        || transforms::tells(case, key)
}
