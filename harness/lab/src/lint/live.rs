//! What a running worker has against a configuration. Nothing that could be a secret is sent, nor what it would connect with.

use anyhow::Result;
use scenario::is_secret_name;
use serde_json::{Map, Value};

use super::case::{CONVERTERS, Case, Reading};
use super::document::Document;
use super::finding::{Finding, Severity};
use super::rules::filters::{COLUMNS, TABLES};
use super::secrets::has_secret;
use super::worker::Worker;

/// The classes that a file names: what a worker has to be asked about.
pub fn wanted(document: &Document) -> Vec<String> {
    let is_class = |key: &str| {
        key == "connector.class"
            || CONVERTERS.contains(&key)
            || (key.ends_with(".type")
                && (key.starts_with("transforms.") || key.starts_with("predicates.")))
    };
    document
        .entries
        .iter()
        .filter(|entry| is_class(&entry.key))
        .filter_map(|entry| Some(entry.text()?.trim().to_owned()))
        .collect()
}

/// Free text that says what is captured and what it is called, not where it is.
fn is_harmless(key: &str) -> bool {
    let mut filters = TABLES.into_iter().chain([COLUMNS]);
    ["topic.prefix", "message.key.columns", "slot.name"].contains(&key)
        || filters.any(|(include, exclude)| key == include || key == exclude)
}

/// Values of closed kinds and filters, of keys that the worker has listed. Other free text, and with it every host, user and
/// password, stays here; without a host the worker connects to nothing.
fn sent(case: &Case<'_>) -> Map<String, Value> {
    let mut sent = Map::new();
    sent.insert("name".to_owned(), "lab-lint".into());
    // Without its class Connect validates nothing.
    sent.insert("connector.class".to_owned(), case.class.into());
    for entry in &case.document.entries {
        let (Some(text), Reading::Defined(key)) = (entry.text(), case.reading(&entry.key)) else {
            continue;
        };
        let is_closed = matches!(
            key.kind.as_str(),
            "BOOLEAN" | "INT" | "LONG" | "SHORT" | "DOUBLE" | "CLASS"
        ) || key.values.contains(&text)
            || is_harmless(&entry.key)
            || ["transforms", "predicates"].contains(&entry.key.as_str())
            || entry.key.ends_with(".predicate");
        let is_plain = !is_secret_name(&entry.key) && !text.contains("${") && !has_secret(&text);
        if is_closed && is_plain && !sent.contains_key(&entry.key) {
            sent.insert(entry.key.clone(), text.into());
        }
    }
    sent
}

/// The findings, and what the worker has to add.
///
/// # Errors
/// When it does not answer, or not as a worker does.
pub async fn judged(
    case: &Case<'_>,
    worker: &Worker,
    mut findings: Vec<Finding>,
) -> Result<Vec<Finding>> {
    let sent = sent(case);
    for (key, errors) in worker.judge(case.class, &sent).await? {
        let Some(entry) = case.get(&key).filter(|_| sent.contains_key(&key)) else {
            // It misses what was kept from it.
            continue;
        };
        let is_known = findings.iter().any(|finding| {
            finding.key.as_deref() == Some(&key) && finding.severity == Severity::Error
        });
        if is_known || key == "connector.class" {
            continue;
        }
        let words: String = errors.join("; ").chars().take(300).collect();
        findings.push(Finding {
            rule: "refused",
            ..Finding::of_value(
                Severity::Error,
                entry,
                format!("the worker refuses the value of \"{key}\": {words}"),
                "Connect refuses the configuration",
            )
        });
    }
    findings.sort_by_key(|finding| (finding.span.start, finding.severity));
    Ok(findings)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::path::Path;

    use super::*;
    use crate::lint::Definitions;
    use crate::lint::worker::POSTGRES;

    #[test]
    fn what_could_be_a_secret_stays_here() {
        let text = r#"{
            "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
            "database.hostname": "secret-host", "database.user": "secret-user", "database.password": "secret-pw",
            "database.dbname": "secret-db", "topic.prefix": "${file:secret:x}", "tasks.max": "${env:SECRET}",
            "producer.override.sasl.jaas.config": "x password=\"secret\";", "driver.user": "secret",
            "snapshot.mode": "initial", "max.batch.size": 10, "transforms": "unwrap",
            "transforms.unwrap.type": "io.debezium.transforms.ExtractNewRecordState"
        }"#;
        let document = Document::parse(Path::new("c.json"), text).unwrap();
        let definitions = Definitions::recorded(None).unwrap();
        let sent = sent(&Case::new(&document, &definitions).unwrap());
        let keys: Vec<_> = sent.keys().map(String::as_str).collect();
        let expected = [
            "name",
            "connector.class",
            "snapshot.mode",
            "max.batch.size",
            "transforms",
            "transforms.unwrap.type",
        ];
        assert_eq!(keys, expected);
        assert!(
            !serde_json::to_string(&sent)
                .unwrap()
                .to_lowercase()
                .contains("secret")
        );
        assert!(wanted(&document).contains(&POSTGRES.to_owned()));
    }
}
