//! Keys that a connector cannot do without.

use crate::lint::case::{Case, Reading};
use crate::lint::document::Entry;
use crate::lint::finding::{Finding, Severity};

pub fn check(case: &Case<'_>, found: &mut Vec<Finding>) {
    let mut needed: Vec<String> = case
        .plugin
        .keys
        .iter()
        .filter(|(_, key)| key.required && key.default.is_none())
        .map(|(name, _)| name.clone())
        .collect();
    for link in &case.transforms {
        let keys = link.plugin.into_iter().flat_map(|plugin| &plugin.keys);
        needed.extend(
            keys.filter(|(name, key)| key.required && key.default.is_none() && *name != "type")
                .map(|(name, _)| format!("{}{name}", link.prefix)),
        );
    }
    // Debezium checks these itself, and its definitions do not say so.
    if case.is_postgres() {
        needed.extend(
            [
                "topic.prefix",
                "database.hostname",
                "database.user",
                "database.dbname",
            ]
            .map(str::to_owned),
        );
    }
    needed.sort();
    needed.dedup();
    for key in needed {
        // Connect takes the name from the URL, or from beside the configuration.
        if key == "name" || !matches!(case.reading(&key), Reading::Defined(_)) {
            continue;
        }
        let is_empty = |entry: &&Entry| entry.text().is_some_and(|text| text.trim().is_empty());
        let message = format!("{} needs \"{key}\"", case.version());
        let consequence = "Connect refuses the configuration";
        match case.get(&key) {
            None => found.push(Finding::missing(
                Severity::Error,
                case.document,
                message,
                consequence,
            )),
            Some(entry) if is_empty(&entry) => {
                found.push(Finding::of_value(
                    Severity::Error,
                    entry,
                    message,
                    consequence,
                ));
            }
            Some(_) => {}
        }
    }
}
