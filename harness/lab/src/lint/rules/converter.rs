//! Settings of a converter that the connector does not name.

use crate::lint::case::{CONVERTERS, Case, Reading};
use crate::lint::finding::{Change, Finding, Severity};

fn without_class(case: &Case<'_>, key: &str) -> Option<&'static str> {
    CONVERTERS.into_iter().find(|converter| {
        key.starts_with(&format!("{converter}.")) && case.get(converter).is_none()
    })
}

pub fn tells(case: &Case<'_>, key: &str) -> bool {
    without_class(case, key).is_some()
}

pub fn check(case: &Case<'_>, found: &mut Vec<Finding>) {
    for entry in &case.document.entries {
        let Some(converter) = without_class(case, &entry.key) else {
            continue;
        };
        if !matches!(case.reading(&entry.key), Reading::No) {
            continue;
        }
        let finding = Finding::of_key(
            Severity::Warning,
            entry,
            format!(
                "\"{}\" belongs to a converter that the connector does not name",
                entry.key
            ),
            "the worker's own converter runs, with the worker's own settings",
        );
        let json = "org.apache.kafka.connect.json.JsonConverter";
        found.push(if entry.key.ends_with(".schemas.enable") {
            finding
                .instead(format!("name it beside: \"{converter}\": \"{json}\""))
                .change(Change::set(
                    converter,
                    json,
                    format!(
                        "the connector has a JsonConverter of its own, which reads {}",
                        entry.key
                    ),
                ))
        } else {
            finding
                .instead(format!(
                    "name the converter beside, as \"{converter}\", or leave this out"
                ))
                .change(Change::remove(
                    &entry.key,
                    format!("{} had no effect", entry.key),
                ))
        });
    }
}
