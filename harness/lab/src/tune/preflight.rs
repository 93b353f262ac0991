//! What would go wrong later, asked of Connect before anything is measured: settings that it does not know, values that it
//! refuses, overrides that its policy forbids.

use anyhow::{Context as _, Result, bail};
use reqwest::Method;
use scenario::near_miss;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::arguments::Row;
use super::measure::Bench;
use crate::connect;

/// Connect's answer to `PUT /connector-plugins/CLASS/config/validate`.
#[derive(Debug, Deserialize)]
struct Validated {
    configs: Vec<Validation>,
}

#[derive(Debug, Deserialize)]
struct Validation {
    value: Validity,
}

#[derive(Debug, Deserialize)]
struct Validity {
    name: String,
    #[serde(default)]
    errors: Vec<String>,
}

/// What Connect reads without saying so.
const SILENT: [&str; 7] = [
    "topic.creation.",
    "producer.override.",
    "admin.override.",
    "consumer.override.",
    "key.converter.",
    "value.converter.",
    "header.converter.",
];

/// What to do about a policy that forbids overrides.
const POLICY: &str = "what to do: set connector.client.config.override.policy=All in the worker's settings and restart it, or set the producer's settings for the whole worker there, as `producer.…`";

/// What Connect says when it refuses a connector, with what to do about it.
pub(super) fn explain(error: anyhow::Error) -> anyhow::Error {
    let words = format!("{error:#}");
    match words.contains("policy") && words.contains("overrid") {
        true => {
            anyhow::anyhow!("the worker forbids an override of the producer: {words}\n  {POLICY}")
        }
        false => error,
    }
}

/// Asks about every row.
///
/// # Errors
/// With everything that is wrong, by row.
pub(super) async fn check(bench: &Bench<'_>, rows: &[Row]) -> Result<()> {
    let mut problems = Vec::new();
    for row in rows {
        let config = bench.configuration(row, &format!("{}_m000", bench.context.prefix))?;
        let class = config
            .get("connector.class")
            .and_then(Value::as_str)
            .context("the connector's configuration has no `connector.class`")?;
        let simple = class.rsplit('.').next().unwrap_or(class);
        let path = format!(
            "/connector-plugins/{}/config/validate",
            connect::segment(simple)
        );
        let answer = connect::request(
            bench.context,
            Method::PUT,
            &path,
            Some(&Value::Object(config.clone())),
        )
        .await?;
        let validated: Validated = serde_json::from_value(answer)
            .context("Connect's answer to a validation is of another shape")?;
        let found = look(&validated, &row.settings.connector);
        problems.extend(
            found
                .into_iter()
                .map(|one| format!("row {:?}: {one}", row.name)),
        );
        let of_all = ignored(&validated, bench.with());
        problems.extend(of_all.into_iter().map(|one| format!("`with`: {one}")));
    }
    // What the source's own settings have wrong is wrong in every row.
    let mut told = std::collections::BTreeSet::new();
    problems.retain(|one| {
        let words = one.split_once(": ").map_or(one.as_str(), |(_, rest)| rest);
        told.insert(words.to_owned())
    });
    if problems.is_empty() {
        return Ok(());
    }
    bail!(
        "the experiment cannot be measured; nothing was:\n  {}",
        problems.join("\n  ")
    )
}

fn look(validated: &Validated, settings: &Map<String, Value>) -> Vec<String> {
    let mut problems = Vec::new();
    for value in validated.configs.iter().map(|one| &one.value) {
        for error in &value.errors {
            problems.push(match is_policy(&value.name, error) {
                true => format!("the worker forbids `{}`: {error}\n    {POLICY}", value.name),
                false => format!("`{}`: {error}", value.name),
            });
        }
    }
    problems.extend(ignored(validated, settings));
    problems
}

/// Settings that Connect does not return, and so would ignore.
fn ignored(validated: &Validated, settings: &Map<String, Value>) -> Vec<String> {
    let mut problems = Vec::new();
    let known: Vec<&str> = validated
        .configs
        .iter()
        .map(|one| one.value.name.as_str())
        .collect();
    for key in settings.keys() {
        let is_silent = SILENT.iter().any(|start| key.starts_with(start));
        if is_silent || known.contains(&key.as_str()) {
            continue;
        }
        let meant = near_miss(key, known.iter().copied())
            .map_or_else(String::new, |meant| format!("; did you mean `{meant}`?"));
        problems.push(format!(
            "the connector has no setting `{key}` and would ignore it{meant}"
        ));
    }
    problems
}

/// Connect's policies `None` and `Principal` say so in words only.
fn is_policy(name: &str, error: &str) -> bool {
    name.starts_with("producer.override.") && error.contains("policy")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use rstest::rstest;
    use serde_json::json;

    #[rstest]
    #[case::known(json!({ "max.batch.size": 1 }), None)]
    #[case::silent(json!({ "topic.creation.default.partitions": 1, "value.converter.schemas.enable": false }), None)]
    #[case::misspelt(json!({ "max.bach.size": 1 }), Some("did you mean `max.batch.size`?"))]
    #[case::unknown(json!({ "frobnicate": 1 }), Some("no setting `frobnicate`"))]
    fn a_setting_that_connect_does_not_return_is_one_that_it_ignores(
        #[case] settings: Value,
        #[case] said: Option<&str>,
    ) {
        let validated = serde_json::from_value(json!({ "configs": [
            { "definition": {}, "value": { "name": "max.batch.size", "value": "1", "errors": [] } }
        ] }));
        let problems = look(&validated.unwrap(), settings.as_object().unwrap());
        match said {
            None => assert_eq!(problems, [""; 0]),
            Some(said) => assert!(problems[0].contains(said), "{problems:?}"),
        }
    }

    #[test]
    fn a_policy_that_forbids_overrides_is_named() {
        let validated = serde_json::from_value(json!({ "configs": [{ "value": {
            "name": "producer.override.batch.size",
            "errors": ["The 'None' policy does not allow 'batch.size' to be overridden in the connector configuration."],
        } }] }));
        let problems = look(&validated.unwrap(), &Map::new());
        assert!(
            problems[0].contains("connector.client.config.override.policy=All"),
            "{problems:?}"
        );
        let refused = anyhow::anyhow!("The 'None' policy does not allow 'x' to be overridden");
        assert!(explain(refused).to_string().contains("policy=All"));
        assert_eq!(
            explain(anyhow::anyhow!("no such class")).to_string(),
            "no such class"
        );
    }
}
