//! `topic.creation.*`: Connect reads it, though validation does not list it (KIP-158, SourceConnectorConfig).

use crate::lint::case::Case;
use crate::lint::definitions::Kind;
use crate::lint::finding::{Change, Finding, Severity};

const PREFIX: &str = "topic.creation.";
const GROUPS: &str = "topic.creation.groups";
const DEFAULT: &str = "default";

pub fn check(case: &Case<'_>, found: &mut Vec<Finding>) {
    if case.plugin.kind != Kind::Source {
        return;
    }
    let groups = case.list(GROUPS);
    let mut first = None;
    for entry in &case.document.entries {
        let Some(rest) = entry.key.strip_prefix(PREFIX) else {
            continue;
        };
        first = first.or(Some(entry));
        if rest == "groups" {
            continue;
        }
        if rest == "enable" {
            found.push(Finding::of_key(
                Severity::Note,
                entry,
                format!("\"{}\" is a setting of the worker, where it is on by default", entry.key),
                "in a connector it changes nothing: the other keys of topic.creation hold as long as the worker's own is on",
            ));
            continue;
        }
        let Some((group, setting)) = rest.split_once('.') else {
            found.push(
                Finding::of_key(
                    Severity::Warning,
                    entry,
                    format!("Connect does not read \"{}\"", entry.key),
                    "it has no effect, and neither Connect nor its log says so",
                )
                .change(Change::remove(
                    &entry.key,
                    format!("{} had no effect", entry.key),
                )),
            );
            continue;
        };
        if group != DEFAULT && !groups.iter().any(|known| known == group) {
            found.push(
                Finding::of_key(
                    Severity::Warning,
                    entry,
                    format!("\"{GROUPS}\" does not have {group}"),
                    "it has no effect: topics are made as the group default says",
                )
                .instead(format!("name the group in \"{GROUPS}\"")),
            );
        } else if group == DEFAULT && ["include", "exclude"].contains(&setting) {
            found.push(
                Finding::of_key(
                    Severity::Warning,
                    entry,
                    "the group default has no filter",
                    "it has no effect: default is for every topic that no other group includes",
                )
                .change(Change::remove(
                    &entry.key,
                    format!("{} had no effect", entry.key),
                )),
            );
        }
    }
    let Some(first) = first else { return };
    for setting in ["replication.factor", "partitions"] {
        let key = format!("{PREFIX}{DEFAULT}.{setting}");
        if case.get(&key).is_none() {
            found.push(
                Finding::of_key(
                    Severity::Error,
                    first,
                    format!("there is \"{}\", and no \"{key}\"", first.key),
                    "the connector's task fails: the group default needs both replication.factor and partitions",
                )
                .instead(format!("write \"{key}\": \"-1\", which is the broker's default"))
                .change(Change::set(&key, "-1", format!("topics get the broker's default {setting}"))),
            );
        }
    }
}
