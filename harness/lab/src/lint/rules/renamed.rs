//! Keys that once were, with what became of them. Versions and issues are those of Debezium's change log and history.

use crate::lint::case::{Case, Reading, UNWRAP};
use crate::lint::document::Entry;
use crate::lint::finding::{Change, Finding, Severity};
use crate::lint::worker::POSTGRES;

/// What became of a key.
struct Renamed {
    old: &'static str,
    /// Empty: nothing took its place.
    new: &'static str,
    /// When the old one stopped being read.
    gone: &'static str,
    issue: &'static str,
    consequence: &'static str,
}

const CONNECTOR: [Renamed; 13] = [
    Renamed {
        old: "database.server.name",
        new: "topic.prefix",
        gone: "2.0",
        issue: "DBZ-5043",
        consequence: "names of topics begin with topic.prefix, whatever stands here",
    },
    Renamed {
        old: "table.whitelist",
        new: "table.include.list",
        gone: "2.0",
        issue: "DBZ-5045",
        consequence: "every table is captured, and what was not meant to leave the database does",
    },
    Renamed {
        old: "table.blacklist",
        new: "table.exclude.list",
        gone: "2.0",
        issue: "DBZ-5045",
        consequence: "tables that were meant to be left out are captured",
    },
    Renamed {
        old: "schema.whitelist",
        new: "schema.include.list",
        gone: "2.0",
        issue: "DBZ-5045",
        consequence: "every schema is captured",
    },
    Renamed {
        old: "schema.blacklist",
        new: "schema.exclude.list",
        gone: "2.0",
        issue: "DBZ-5045",
        consequence: "schemas that were meant to be left out are captured",
    },
    Renamed {
        old: "column.whitelist",
        new: "column.include.list",
        gone: "2.0",
        issue: "DBZ-5045",
        consequence: "every column is sent",
    },
    Renamed {
        old: "column.blacklist",
        new: "column.exclude.list",
        gone: "2.0",
        issue: "DBZ-5045",
        consequence: "columns that were meant to be left out are sent",
    },
    Renamed {
        old: "toasted.value.placeholder",
        new: "unavailable.value.placeholder",
        gone: "2.0",
        issue: "DBZ-5045",
        consequence: "large values that did not change are replaced by the default placeholder",
    },
    Renamed {
        old: "sanitize.field.names",
        new: "field.name.adjustment.mode",
        gone: "2.2",
        issue: "DBZ-5743",
        consequence: "names of fields are sent as they are, which Avro may refuse",
    },
    Renamed {
        old: "slot.drop_on_stop",
        new: "slot.drop.on.stop",
        gone: "1.1",
        issue: "DBZ-1600",
        consequence: "the slot stays when the connector stops",
    },
    Renamed {
        old: "database.history.kafka.topic",
        new: "",
        gone: "2.0",
        issue: "DBZ-5043",
        consequence: "Postgres needs no history of schemas",
    },
    Renamed {
        old: "database.history.kafka.bootstrap.servers",
        new: "",
        gone: "2.0",
        issue: "DBZ-5043",
        consequence: "Postgres needs no history of schemas",
    },
    Renamed {
        old: "database.connectTimeout",
        new: "driver.connectTimeout",
        gone: "2.0",
        issue: "DBZ-5043",
        consequence: "settings of the JDBC driver begin with driver., so the driver does not get it",
    },
];

const FLATTENING: [Renamed; 4] = [
    Renamed {
        old: "drop.tombstones",
        new: MODE,
        gone: "3.2",
        issue: "DBZ-6068",
        consequence: "what follows a delete is decided by delete.tombstone.handling.mode alone, so the tombstones that this key asks for are not those that arrive",
    },
    Renamed {
        old: "delete.handling.mode",
        new: MODE,
        gone: "3.2",
        issue: "DBZ-6068",
        consequence: "deletes have no __deleted: consumers that look for it keep rows that are gone",
    },
    Renamed {
        old: "operation.header",
        new: "add.headers",
        gone: "1.2",
        issue: "DBZ-1828",
        consequence: "records have no header with the operation",
    },
    Renamed {
        old: "add.source.fields",
        new: "add.fields",
        gone: "1.2",
        issue: "DBZ-1828",
        consequence: "rows have no fields of the source",
    },
];

const MODE: &str = "delete.tombstone.handling.mode";
const PAIR: [&str; 2] = ["drop.tombstones", "delete.handling.mode"];

/// A key of the file that once was, and what its own name begins with, such as `transforms.unwrap.`.
fn find(case: &Case<'_>, key: &str) -> Option<(&'static Renamed, String)> {
    if !matches!(case.reading(key), Reading::No) {
        return None;
    }
    if case.class == POSTGRES
        && let Some(renamed) = CONNECTOR.iter().find(|one| one.old == key)
    {
        return Some((renamed, String::new()));
    }
    case.transforms_of(UNWRAP).find_map(|link| {
        let rest = key.strip_prefix(&link.prefix)?;
        let renamed = FLATTENING.iter().find(|one| one.old == rest)?;
        Some((renamed, link.prefix.clone()))
    })
}

/// Whether this rule says something about a key.
pub fn tells(case: &Case<'_>, key: &str) -> bool {
    find(case, key).is_some()
}

pub fn check(case: &Case<'_>, found: &mut Vec<Finding>) {
    for entry in &case.document.entries {
        if let Some((renamed, prefix)) = find(case, &entry.key) {
            found.push(gone(case, entry, renamed, &prefix));
        } else {
            found.extend(soon(case, entry));
        }
    }
}

fn gone(case: &Case<'_>, entry: &Entry, renamed: &Renamed, prefix: &str) -> Finding {
    let Renamed {
        old,
        new,
        gone,
        issue,
        consequence,
    } = renamed;
    let message = format!(
        "{} does not read \"{}\": it went in {gone} ({issue})",
        case.version(),
        entry.key
    );
    let finding = Finding::of_key(Severity::Warning, entry, message, *consequence);
    if new.is_empty() {
        return finding.change(Change::remove(&entry.key, format!("{old} had no effect")));
    }
    let new = format!("{prefix}{new}");
    if PAIR.contains(old) {
        return pair(case, entry, prefix, finding);
    }
    let finding = match *old {
        "add.source.fields" => {
            let text = entry.text().unwrap_or_default();
            let fields: Vec<_> = text
                .split(',')
                .map(|field| format!("source.{}", field.trim()))
                .collect();
            return finding
                .instead(format!("write \"{new}\": \"{}\"", fields.join(",")))
                .change(Change::replace(
                    &entry.key,
                    &new,
                    fields.join(","),
                    "rows have the fields of the source again, each prefixed with __source_",
                ));
        }
        "operation.header" => {
            return finding
                .instead(format!("write \"{new}\": \"op\""))
                .change(Change::replace(
                    &entry.key,
                    &new,
                    "op",
                    "records have the operation in the header __op",
                ));
        }
        "sanitize.field.names" => {
            return finding
                .instead(format!("write \"{new}\": \"avro\""))
                .change(Change::replace(
                    &entry.key,
                    &new,
                    "avro",
                    "names of fields are made fit for Avro again",
                ));
        }
        _ => finding,
    };
    match case.get(&new) {
        // The new one is there: which of them is meant nobody else can know.
        Some(there) => {
            let same = there.text() == entry.text();
            let words = if same {
                "with the same value"
            } else {
                "with another value, which holds"
            };
            finding
                .instead(format!("\"{new}\" is there {words}: leave this one out"))
                .change(Change::remove(
                    &entry.key,
                    format!("{} had no effect; {new} holds", entry.key),
                ))
        }
        None => finding
            .instead(format!("write \"{new}\""))
            .change(Change::replace(
                &entry.key,
                &new,
                entry.text().unwrap_or_default(),
                format!("{new} does what {} once did, from now on", entry.key),
            )),
    }
}

/// `drop.tombstones` and `delete.handling.mode` became one key, whose value follows from both.
fn pair(case: &Case<'_>, entry: &Entry, prefix: &str, finding: Finding) -> Finding {
    let key = format!("{prefix}{MODE}");
    let finding = finding.change(Change::remove(
        &entry.key,
        format!("{} had no effect", entry.key),
    ));
    if case.get(&key).is_some() {
        return finding.instead(format!("\"{key}\" is there and holds: leave this one out"));
    }
    let value = combined(case, prefix);
    finding
        .instead(format!(
            "write \"{key}\": \"{value}\", which stands for both old keys"
        ))
        .change(Change::set(&key, value, meaning(value)))
}

/// What both old keys came to. Their defaults were `true` and `drop`.
fn combined(case: &Case<'_>, prefix: &str) -> &'static str {
    let keeps = case.text(&format!("{prefix}drop.tombstones")).as_deref() == Some("false")
        && case.is_on("tombstones.on.delete");
    let mode = case
        .text(&format!("{prefix}delete.handling.mode"))
        .unwrap_or_default();
    match (mode.as_str(), keeps) {
        ("rewrite", true) => "rewrite-with-tombstone",
        ("rewrite", false) => "rewrite",
        (_, true) => "delete-to-tombstone",
        ("none", false) => "tombstone",
        (_, false) => "drop",
    }
}

fn meaning(value: &str) -> &'static str {
    match value {
        "rewrite-with-tombstone" => {
            "a delete arrives as the row with __deleted, then as a tombstone"
        }
        "rewrite" => "a delete arrives as the row with __deleted",
        "delete-to-tombstone" => "a delete arrives as a tombstone",
        "tombstone" => "a delete arrives as a record without a row",
        _ => "a delete does not arrive",
    }
}

/// The old pair where it is still read, and a newer version no longer does.
fn soon(case: &Case<'_>, entry: &Entry) -> Option<Finding> {
    let link = case
        .transforms_of(UNWRAP)
        .find(|link| entry.key.starts_with(&link.prefix))?;
    let rest = &entry.key[link.prefix.len()..];
    let is_read = !matches!(case.reading(&entry.key), Reading::No);
    let new = format!("{}{MODE}", link.prefix);
    (is_read && PAIR.contains(&rest)).then(|| {
        let value = combined(case, &link.prefix);
        let finding = Finding::of_key(
            Severity::Note,
            entry,
            format!("Debezium 3.2 no longer reads \"{}\" (DBZ-6068)", entry.key),
            "after an upgrade deletes arrive in another form, and nothing says so",
        );
        if case.get(&new).is_some() || !case.reads(UNWRAP, MODE) {
            return finding;
        }
        finding.instead(format!(
            "\"{new}\": \"{value}\" does the same here and there"
        ))
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::path::Path;

    use rstest::rstest;

    use super::combined;
    use crate::lint::{Case, Definitions, Document};

    /// What the old pair came to, by LegacyDeleteHandlingStrategy of 2.7.
    #[rstest]
    #[case::both(
        r#""drop.tombstones": "false", "delete.handling.mode": "rewrite""#,
        "rewrite-with-tombstone"
    )]
    #[case::row_alone(r#""delete.handling.mode": "rewrite""#, "rewrite")]
    #[case::tombstone_alone(r#""drop.tombstones": "false""#, "delete-to-tombstone")]
    #[case::null(
        "\"drop.tombstones\": \"true\", \"delete.handling.mode\": \"none\"",
        "tombstone"
    )]
    #[case::nothing(r#""drop.tombstones": "true", "delete.handling.mode": "drop""#, "drop")]
    fn the_old_pair_is_one_value_of_the_new_key(#[case] pair: &str, #[case] expected: &str) {
        let text = format!("{{\"connector.class\": \"PostgresConnector\", {pair}}}");
        let document = Document::parse(Path::new("c.json"), &text).unwrap();
        let definitions = Definitions::recorded(None).unwrap();
        let case = Case::new(&document, &definitions).unwrap();
        assert_eq!(combined(&case, ""), expected);
    }
}
