//! A key that nobody reads.

use scenario::near_miss;

use super::is_told_elsewhere;
use crate::lint::case::{Case, Reading};
use crate::lint::finding::{Change, Finding, Severity};

pub fn check(case: &Case<'_>, found: &mut Vec<Finding>) {
    let known = case.known();
    for entry in &case.document.entries {
        let key = &entry.key;
        if !matches!(case.reading(key), Reading::No) || is_told_elsewhere(case, key) {
            continue;
        }
        let near = near_miss(key, known.iter().map(String::as_str))
            // One that is there already was not meant.
            .filter(|near| case.get(near).is_none());
        let message = format!("{} does not read \"{key}\"", case.version());
        let consequence = "it has no effect, and neither Connect nor its log says so";
        let finding = Finding::of_key(Severity::Warning, entry, message, consequence);
        found.push(match near {
            Some(near) => finding
                .change(Change::replace(
                    key,
                    &near,
                    entry.text().unwrap_or_default(),
                    format!("{near} is what {key} was probably meant to be: it has an effect from now on"),
                ))
                .near(Some(near)),
            None => finding.change(Change::remove(key, format!("{key} had no effect"))),
        });
    }
}
