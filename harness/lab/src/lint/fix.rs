//! The configuration as it would be without the findings.

use serde_json::{Map, Value, json};

use super::case::{Case, UNWRAP};
use super::document::{Document, Form};
use super::finding::{Change, Finding};
use super::rules::check;

/// A migrated configuration.
#[derive(Debug)]
pub struct Fixed {
    /// In the form of the file; what only an answer of Connect's has, tasks and type, is left out.
    pub value: Value,
    /// What was changed, and what each change does.
    pub changes: Vec<Change>,
}

/// Applies what the findings say. A change that comes twice is applied once.
pub fn fixed(case: &Case<'_>, findings: &[Finding]) -> Fixed {
    let mut changes: Vec<Change> = Vec::new();
    for change in findings.iter().flat_map(|finding| &finding.changes) {
        if !changes.contains(change) {
            changes.push(change.clone());
        }
    }
    let document = case.document;
    let mut config: Vec<(String, Value)> = document
        .entries
        .iter()
        .map(|entry| (entry.key.clone(), entry.value.clone()))
        .collect();
    for change in &changes {
        apply(&mut config, change);
    }
    Fixed {
        value: written(document, config.into_iter().collect(), None),
        changes,
    }
}

/// New keys come to the place of those that they replace, so that what belongs together stays together.
fn apply(config: &mut Vec<(String, Value)>, change: &Change) {
    let place = change
        .remove
        .as_ref()
        .and_then(|key| config.iter().position(|(known, _)| known == key));
    if let Some((key, value)) = &change.set {
        let value = Value::from(value.as_str());
        if let Some((_, there)) = config.iter_mut().find(|(known, _)| known == key) {
            *there = value;
        } else {
            let prefix = key.rfind('.').map_or("", |dot| &key[..=dot]);
            let beside = config.iter().rposition(|(known, _)| {
                prefix.starts_with("transforms.")
                    && known.starts_with(
                        prefix
                            .split_inclusive('.')
                            .take(2)
                            .collect::<String>()
                            .as_str(),
                    )
            });
            let at = place.or(beside.map(|at| at + 1)).unwrap_or(config.len());
            config.insert(at, (key.clone(), value));
        }
    }
    if let Some(key) = &change.remove {
        config.retain(|(known, _)| known != key);
    }
}

fn written(document: &Document, config: Map<String, Value>, suffix: Option<&str>) -> Value {
    match document.form {
        Form::Config => Value::Object(config),
        Form::Named => {
            let name = document
                .name
                .as_ref()
                .and_then(|name| name.text())
                .unwrap_or_default();
            json!({ "name": format!("{name}{}", suffix.unwrap_or_default()), "config": config })
        }
    }
}

/// What the second connector is called after the first.
const SUFFIX: &str = "-truncates";

/// A second connector that delivers the truncates of this one, which flattens: without the transform, with a slot and a
/// publication of its own, and with nothing else than truncates on its topics.
pub fn truncates(case: &Case<'_>, fixed: &Fixed) -> Option<Fixed> {
    case.transforms_of(UNWRAP).next()?;
    let value = &fixed.value;
    let config = value.get("config").unwrap_or(value).as_object()?;
    let text = |key: &str, default: &str| {
        let value = config.get(key).and_then(Value::as_str);
        value.unwrap_or(default).to_owned()
    };
    let prefix = text("topic.prefix", "");
    let own = [
        (
            "topic.prefix",
            format!("{prefix}_truncates"),
            "its topics are those of the first connector with _truncates behind the prefix",
        ),
        (
            "slot.name",
            format!("{}_truncates", text("slot.name", "debezium")),
            "one slot is read by one connector",
        ),
        (
            "publication.name",
            format!("{}_truncates", text("publication.name", "dbz_publication")),
            match config
                .get("publication.autocreate.mode")
                .and_then(Value::as_str)
            {
                Some("disabled") => {
                    "its publication can change without that of the first connector; CREATE PUBLICATION comes first, since publication.autocreate.mode is disabled"
                }
                _ => "its publication can change without that of the first connector",
            },
        ),
        (
            "snapshot.mode",
            "no_data".to_owned(),
            "rows are the first connector's",
        ),
        (
            "skipped.operations",
            "c,u,d".to_owned(),
            "truncates and nothing else arrive",
        ),
    ];
    let mut changes = Vec::new();
    let mut second = Map::new();
    for (key, value) in config {
        let is_of_first = key.starts_with("transforms")
            || key.starts_with("predicates")
            || key.starts_with("signal.");
        if is_of_first {
            changes.push(Change::remove(key, "truncates go by as they are"));
        } else if key == "name" {
            let name = value.as_str().unwrap_or_default();
            second.insert(key.clone(), format!("{name}{SUFFIX}").into());
        } else {
            second.insert(key.clone(), value.clone());
        }
    }
    for (key, value, does) in own {
        second.insert(key.to_owned(), value.as_str().into());
        changes.push(Change::set(key, value, does));
    }
    Some(Fixed {
        value: written(case.document, second, Some(SUFFIX)),
        changes,
    })
}

/// The findings that are left once the changes are made.
pub fn left(case: &Case<'_>, fixed: &Fixed) -> anyhow::Result<(Document, Vec<Finding>)> {
    let text = format!("{:#}\n", fixed.value);
    let document = Document::parse(&case.document.file, &text).map_err(|problem| *problem)?;
    let findings = check(&Case::new(&document, case.definitions)?);
    Ok((document, findings))
}
