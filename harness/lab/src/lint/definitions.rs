//! What a worker reads: the keys of connectors, transforms, predicates and converters, and of Connect itself.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, bail};
use scenario::near_miss;
use serde::{Deserialize, Serialize};

/// Everything that a worker said about its plugins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Definitions {
    /// Version of Debezium's Postgres connector, such as `3.7.0.Final`.
    pub debezium: String,
    /// Version of Connect, such as `3.9.2`.
    pub connect: String,
    /// Plugins by class.
    pub plugins: BTreeMap<String, Plugin>,
}

/// Definitions by key.
pub type Keys = BTreeMap<String, Key>;

/// A class that a configuration can name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plugin {
    /// What it is.
    pub kind: Kind,
    /// Its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Its keys, without the prefix of a transform or converter; of a connector with those that Connect itself reads.
    pub keys: Keys,
}

/// What a plugin is, as `GET /connector-plugins` says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A source connector.
    Source,
    /// A sink connector.
    Sink,
    /// A converter of keys and values.
    Converter,
    /// A converter of headers.
    HeaderConverter,
    /// A transform.
    Transformation,
    /// A predicate of a transform.
    Predicate,
}

/// The definition of a key, as Connect's REST gives it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    /// `STRING`, `INT`, `BOOLEAN`, `LIST`, `PASSWORD`, …
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether a connector cannot do without it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub required: bool,
    /// What holds where it is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// The values that the plugin recommends; any where there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
}

#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_false(flag: &bool) -> bool {
    !flag
}

/// The recorded versions; `lab definitions` writes them.
const RECORDED: [(&str, &str); 2] = [
    (
        "3.7.0.Final",
        include_str!("../../../../components/definitions/3.7.0.Final.json"),
    ),
    (
        "2.7.4.Final",
        include_str!("../../../../components/definitions/2.7.4.Final.json"),
    ),
];

impl Definitions {
    /// What was recorded of a version of Debezium. `3.7.0` is `3.7.0.Final`; without a version the newest.
    ///
    /// # Errors
    /// When the version is not recorded.
    pub fn recorded(version: Option<&str>) -> Result<Self> {
        let wanted = version.unwrap_or(RECORDED[0].0);
        let full = format!("{wanted}.Final");
        let found = RECORDED
            .iter()
            .find(|(known, _)| *known == wanted || *known == full);
        let Some((name, text)) = found else {
            let known = RECORDED.map(|(known, _)| known);
            let meant = near_miss(&full, known)
                .map_or_else(String::new, |near| format!("; did you mean {near}?"));
            bail!(
                "Debezium {wanted} is not recorded: there are {}{meant}\n  `--live URL` asks a worker that has it, and `lab definitions` records versions of components/components.json",
                known.join(" and ")
            );
        };
        serde_json::from_str(text).with_context(|| format!("the definitions of {name} are damaged"))
    }

    /// Classes of connectors.
    pub fn connectors(&self) -> impl Iterator<Item = (&str, &Plugin)> {
        self.plugins
            .iter()
            .filter(|(_, plugin)| matches!(plugin.kind, Kind::Source | Kind::Sink))
            .map(|(class, plugin)| (class.as_str(), plugin))
    }

    /// The plugin of a class, by its full name or, as Connect allows, by its simple name with or without what it is.
    pub fn plugin(&self, class: &str, kinds: &[Kind]) -> Option<(&str, &Plugin)> {
        let fits = |known: &str, plugin: &Plugin| {
            let simple = known.rsplit('.').next().unwrap_or(known);
            let pruned = ["Connector", "Transform", "Transformation", "Converter"]
                .iter()
                .any(|end| simple.strip_suffix(end) == Some(class));
            kinds.contains(&plugin.kind) && (known == class || simple == class || pruned)
        };
        self.plugins
            .iter()
            .find(|(known, plugin)| fits(known, plugin))
            .map(|(known, plugin)| (known.as_str(), plugin))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use rstest::rstest;
    use stack::components::Lock;

    use super::*;

    #[test]
    fn every_version_that_the_lab_runs_is_recorded() {
        for version in Lock::embedded().unwrap().versions(crate::groups::DEBEZIUM) {
            let definitions = Definitions::recorded(Some(&version)).unwrap();
            assert_eq!(definitions.debezium, version);
            assert!(definitions.connectors().count() > 1);
        }
    }

    #[rstest]
    #[case::full("2.7.4.Final")]
    #[case::short("2.7.4")]
    fn a_version_has_two_names(#[case] version: &str) {
        assert_eq!(
            Definitions::recorded(Some(version)).unwrap().debezium,
            "2.7.4.Final"
        );
    }

    #[test]
    fn a_class_has_a_simple_name() {
        let definitions = Definitions::recorded(None).unwrap();
        for name in [
            "io.debezium.connector.postgresql.PostgresConnector",
            "PostgresConnector",
            "Postgres",
        ] {
            let (class, _) = definitions.plugin(name, &[Kind::Source]).unwrap();
            assert!(class.ends_with(".PostgresConnector"));
        }
        assert!(definitions.plugin("Postgres", &[Kind::Sink]).is_none());
    }
}
