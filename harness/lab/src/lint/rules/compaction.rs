//! A topic that is compacted, and deletes that leave no tombstone on it.

use crate::lint::case::{Case, UNWRAP};
use crate::lint::finding::{Finding, Severity};

pub fn check(case: &Case<'_>, found: &mut Vec<Finding>) {
    if !case.is_postgres() {
        return;
    }
    let policy = case.document.entries.iter().find(|entry| {
        entry.key.starts_with("topic.creation.")
            && entry.key.ends_with(".cleanup.policy")
            && entry.text().is_some_and(|text| text.contains("compact"))
    });
    let Some(policy) = policy else { return };
    let lacks = "compaction keeps the last row of every key that was deleted, for ever";
    if case.text("tombstones.on.delete").as_deref() == Some("false") {
        if let Some(entry) = case.get("tombstones.on.delete") {
            let message = format!(
                "\"{}\" compacts, and no delete leaves a tombstone",
                policy.key
            );
            found.push(
                Finding::of_value(Severity::Warning, entry, message, lacks)
                    .instead("leave tombstones.on.delete out, or do not compact"),
            );
        }
        return;
    }
    for link in case.transforms_of(UNWRAP) {
        let key = format!("{}delete.tombstone.handling.mode", link.prefix);
        let mode = case.effective(&key).unwrap_or_default();
        let why = match mode.as_str() {
            "drop" | "rewrite" => "leaves no tombstone",
            // Its value is null and its schema is not: JsonConverter writes an envelope around it.
            "tombstone" if has_envelopes(case) => {
                "leaves what JsonConverter writes as an envelope around null, which is no tombstone"
            }
            _ => continue,
        };
        let message = format!("\"{}\" compacts, and {key}={mode} {why}", policy.key);
        let finding = match case.get(&key) {
            Some(entry) => Finding::of_value(Severity::Warning, entry, message, lacks),
            None => Finding::of_value(Severity::Warning, policy, message, lacks),
        };
        found.push(finding.instead("choose rewrite-with-tombstone or delete-to-tombstone"));
    }
}

/// Whether values are written with their schemas around them, as far as the connector says.
fn has_envelopes(case: &Case<'_>) -> bool {
    match case.text("value.converter") {
        Some(class) => {
            class.ends_with("JsonConverter")
                && case.text("value.converter.schemas.enable").as_deref() != Some("false")
        }
        None => true,
    }
}
