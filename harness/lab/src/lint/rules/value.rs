//! Values that differ from what the definition of their key allows.

use scenario::near_miss;

use crate::lint::case::{Case, Reading, UNWRAP};
use crate::lint::definitions::Key;
use crate::lint::document::Entry;
use crate::lint::finding::{Change, Finding, Severity};

/// Values that went, with what became of them (DBZ-8171), by key.
const RENAMED: [(&str, &str, &str); 5] = [
    ("snapshot.mode", "never", "no_data"),
    ("snapshot.mode", "schema_only", "no_data"),
    ("snapshot.mode", "exported", "initial"),
    ("snapshot.mode", "initial_schema_only", "no_data"),
    ("plugin.name", "wal2json", "pgoutput"),
];

const OPERATIONS: [&str; 5] = ["c", "u", "d", "t", "none"];

pub fn check(case: &Case<'_>, found: &mut Vec<Finding>) {
    for entry in &case.document.entries {
        let (Some(text), Reading::Defined(key)) = (entry.text(), case.reading(&entry.key)) else {
            continue;
        };
        let text = text.trim();
        // The worker puts a value in its place.
        if text.contains("${") {
            continue;
        }
        if entry.key == "skipped.operations" && case.is_postgres() {
            operations(entry, text, found);
            continue;
        }
        found.extend(of_type(entry, text, key));
        found.extend(of_values(case, entry, text, key));
    }
}

fn wrong(entry: &Entry, text: &str, expected: &str) -> Finding {
    Finding::of_value(
        Severity::Error,
        entry,
        format!("{text:?} is no value of \"{}\"", entry.key),
        "Connect refuses the configuration",
    )
    .instead(format!("expected {expected}"))
}

fn of_type(entry: &Entry, text: &str, key: &Key) -> Option<Finding> {
    let (is_right, expected) = match key.kind.as_str() {
        "BOOLEAN" => (
            ["true", "false"]
                .iter()
                .any(|word| text.eq_ignore_ascii_case(word)),
            "true or false",
        ),
        "INT" => (text.parse::<i32>().is_ok(), "a whole number"),
        "SHORT" => (text.parse::<i16>().is_ok(), "a whole number"),
        "LONG" => (text.parse::<i64>().is_ok(), "a whole number"),
        "DOUBLE" => (text.parse::<f64>().is_ok(), "a number"),
        _ => return None,
    };
    (!is_right).then(|| wrong(entry, text, expected))
}

/// The modes of ExtractNewRecordState, which recommends none (ExtractNewRecordStateConfigDefinition); the last since 3.2.
const MODES: [&str; 5] = [
    "drop",
    "tombstone",
    "rewrite",
    "rewrite-with-tombstone",
    "delete-to-tombstone",
];

/// The values that a key takes; any where there is none.
fn values(case: &Case<'_>, entry: &Entry, key: &Key) -> Vec<String> {
    let is_mode = case
        .transforms_of(UNWRAP)
        .any(|link| entry.key == format!("{}delete.tombstone.handling.mode", link.prefix));
    if is_mode {
        return MODES.map(str::to_owned).to_vec();
    }
    key.values.clone()
}

fn of_values(case: &Case<'_>, entry: &Entry, text: &str, key: &Key) -> Option<Finding> {
    let values = values(case, entry, key);
    let is_known = |value: &String| value.eq_ignore_ascii_case(text);
    if values.is_empty() || values.iter().any(is_known) {
        return None;
    }
    let expected = match values.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => values.concat(),
    };
    let finding = wrong(entry, text, &format!("one of {expected}"));
    let renamed = RENAMED
        .iter()
        .find(|(of, old, _)| *of == entry.key && *old == text)
        .map(|(_, _, new)| (*new).to_owned());
    let near = renamed.or_else(|| near_miss(text, values.iter().map(String::as_str)));
    Some(match near {
        Some(near) => finding
            .change(Change::set(
                &entry.key,
                near.as_str(),
                format!("{near} is what {text} is called, or was meant to be"),
            ))
            .near(Some(near)),
        None => finding,
    })
}

/// A list that Debezium checks itself.
fn operations(entry: &Entry, text: &str, found: &mut Vec<Finding>) {
    let list: Vec<_> = text.split(',').map(str::trim).collect();
    if let Some(unknown) = list.iter().find(|one| !OPERATIONS.contains(one)) {
        found.push(wrong(entry, unknown, "a list of c, u, d and t, or none"));
    } else if list.len() > 1 && list.contains(&"none") {
        found.push(wrong(entry, text, "none alone, or a list of c, u, d and t"));
    }
}
