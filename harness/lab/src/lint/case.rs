//! A connector's file beside what its worker reads: what every rule looks at.

use std::collections::BTreeSet;

use anyhow::{Result, bail};
use scenario::{Problem, near_miss};

use super::definitions::{Definitions, Key, Kind, Plugin};
use super::document::{Document, Entry};
use super::unlisted;
use super::worker::POSTGRES;

/// The transform that flattens change events.
pub const UNWRAP: &str = "io.debezium.transforms.ExtractNewRecordState";

/// A transform or predicate that the configuration names.
#[derive(Debug)]
pub struct Link<'a> {
    /// What its keys begin with, such as `transforms.unwrap.`.
    pub prefix: String,
    /// The name that it goes by.
    pub name: String,
    /// Its class: the full name where it is known, otherwise as it is written.
    pub class: Option<String>,
    /// What is known of the class.
    pub plugin: Option<&'a Plugin>,
}

/// Whether anybody reads a key.
#[derive(Debug, Clone, Copy)]
pub enum Reading<'a> {
    /// Somebody does, and this is its definition.
    Defined(&'a Key),
    /// It is handed on as it is, or read without being listed.
    Passed,
    /// It belongs to a class of which nothing is known.
    Unknown,
    /// Nobody does.
    No,
}

/// A connector's file beside what its worker reads.
#[derive(Debug)]
pub struct Case<'a> {
    /// The file.
    pub document: &'a Document,
    /// What the worker reads.
    pub definitions: &'a Definitions,
    /// Class of the connector, in full.
    pub class: &'a str,
    /// The connector.
    pub plugin: &'a Plugin,
    /// The transforms, in their order.
    pub transforms: Vec<Link<'a>>,
    /// The predicates.
    pub predicates: Vec<Link<'a>>,
}

/// The converters that a connector can have.
pub const CONVERTERS: [&str; 3] = ["key.converter", "value.converter", "header.converter"];

/// Families of keys that Connect hands to the clients that it makes for a connector.
const OVERRIDES: [&str; 3] = [
    "producer.override.",
    "consumer.override.",
    "admin.override.",
];

/// Families that Debezium's Postgres connector takes apart itself, with what they are for.
const OF_POSTGRES: [&str; 9] = [
    // The JDBC driver, since 2.0.
    "driver.",
    // Consumer of the topic of signals.
    "signal.consumer.",
    // For tests and support: named nowhere on purpose.
    "internal.",
    // One for each table.
    "snapshot.select.statement.overrides.",
    // Patterns stand in the name of the key.
    "column.mask.with.",
    "column.mask.hash.",
    "column.truncate.to.",
    "snapshot.mode.configuration.based.",
    "openlineage.",
];

/// The class that was meant. Packages are long and alike: it is seen by the last part.
pub fn near_class(written: &str, known: &[&str]) -> Option<String> {
    fn simple(class: &str) -> &str {
        class.rsplit('.').next().unwrap_or(class)
    }
    let given = simple(written);
    let of = |name: &str| known.iter().find(|class| simple(class) == name);
    of(given)
        .or_else(|| of(&near_miss(given, known.iter().map(|class| simple(class)))?))
        .map(|class| (*class).to_owned())
}

impl<'a> Case<'a> {
    /// Finds the class of the connector and those of its transforms and predicates.
    ///
    /// # Errors
    /// When the configuration names no class, or one that the worker lacks.
    pub fn new(document: &'a Document, definitions: &'a Definitions) -> Result<Self> {
        let at =
            |span, message: String| Problem::at(&document.file, document.shown(), span, message);
        let Some(entry) = document.get("connector.class") else {
            let problem = at(
                document.start..document.start + 1,
                "there is no \"connector.class\"".to_owned(),
            );
            bail!(problem.help("expected the class of a connector, such as io.debezium.connector.postgresql.PostgresConnector"));
        };
        let written = entry.text().unwrap_or_default();
        let kinds = [Kind::Source, Kind::Sink];
        let Some((class, plugin)) = definitions.plugin(written.trim(), &kinds) else {
            let known: Vec<_> = definitions.connectors().map(|(class, _)| class).collect();
            let near = near_class(&written, &known);
            let problem = at(
                entry.value_span.clone(),
                format!("nothing is known of a connector {written:?}"),
            );
            bail!(
                problem
                    .help(format!(
                        "known are {}; a worker that has others is asked by `--live URL`",
                        known.join(", ")
                    ))
                    .near(near)
            );
        };
        let mut case = Self {
            document,
            definitions,
            class,
            plugin,
            transforms: Vec::new(),
            predicates: Vec::new(),
        };
        case.transforms = case.links("transforms", Kind::Transformation);
        case.predicates = case.links("predicates", Kind::Predicate);
        Ok(case)
    }

    fn links(&self, list: &str, kind: Kind) -> Vec<Link<'a>> {
        let mut seen = BTreeSet::new();
        let named = self.list(list).into_iter();
        named
            .filter(|name| seen.insert(name.clone()))
            .map(|name| {
                let prefix = format!("{list}.{name}.");
                let written = self.text(&format!("{prefix}type"));
                let known = written
                    .as_deref()
                    .and_then(|class| self.definitions.plugin(class, &[kind]));
                Link {
                    prefix,
                    name,
                    class: known.map(|(class, _)| class.to_owned()).or(written),
                    plugin: known.map(|(_, plugin)| plugin),
                }
            })
            .collect()
    }

    /// Whether it is Debezium's source connector for Postgres.
    pub fn is_postgres(&self) -> bool {
        self.class == POSTGRES
    }

    /// A key of the file.
    pub fn get(&self, key: &str) -> Option<&'a Entry> {
        self.document.get(key)
    }

    /// The value of a key as Connect reads it.
    pub fn text(&self, key: &str) -> Option<String> {
        self.get(key)
            .and_then(Entry::text)
            .map(|text| text.trim().to_owned())
    }

    /// A key of the file that has more than an empty value: those hold as left out.
    pub fn given(&self, key: &str) -> Option<&'a Entry> {
        self.get(key)
            .filter(|_| self.text(key).is_some_and(|text| !text.is_empty()))
    }

    /// The value of a key, or what holds without it.
    pub fn effective(&self, key: &str) -> Option<String> {
        self.text(key).or_else(|| match self.reading(key) {
            Reading::Defined(defined) => defined.default.clone(),
            _ => None,
        })
    }

    /// The value of a key as a list.
    pub fn list(&self, key: &str) -> Vec<String> {
        let text = self.effective_of_list(key).unwrap_or_default();
        text.split(',')
            .map(|item| item.trim().to_owned())
            .filter(|item| !item.is_empty())
            .collect()
    }

    fn effective_of_list(&self, key: &str) -> Option<String> {
        match key {
            // Asked before the links are there.
            "transforms" | "predicates" => self.text(key),
            _ => self.effective(key),
        }
    }

    /// Whether a key is set to `true`, by the file or by default.
    pub fn is_on(&self, key: &str) -> bool {
        self.effective(key)
            .is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// Transforms of a class.
    pub fn transforms_of(&self, class: &str) -> impl Iterator<Item = &Link<'a>> {
        self.transforms
            .iter()
            .filter(move |link| link.class.as_deref() == Some(class))
    }

    /// Whether this version of the worker reads a key of a class: of the connector where `class` is that of the connector.
    pub fn reads(&self, class: &str, key: &str) -> bool {
        let listed = self
            .definitions
            .plugins
            .get(class)
            .is_some_and(|plugin| plugin.keys.contains_key(key));
        listed || unlisted::is_read(&self.definitions.debezium, class, key)
    }

    /// Whether anybody reads a key, and how.
    pub fn reading(&self, key: &str) -> Reading<'a> {
        if let Some(defined) = self.plugin.keys.get(key) {
            return Reading::Defined(defined);
        }
        for (list, links) in [
            ("transforms.", &self.transforms),
            ("predicates.", &self.predicates),
        ] {
            if key.starts_with(list) {
                // The longest name that fits: names may hold dots.
                return links
                    .iter()
                    .filter(|link| key.starts_with(&link.prefix))
                    .max_by_key(|link| link.prefix.len())
                    .map_or(Reading::No, |link| {
                        self.reading_of(link, &key[link.prefix.len()..])
                    });
            }
        }
        for converter in CONVERTERS {
            if let Some(rest) = key.strip_prefix(&format!("{converter}.")) {
                return self.reading_of_converter(converter, rest);
            }
        }
        let is_handed_on = OVERRIDES.iter().any(|family| key.starts_with(family))
            // A rule of its own looks at these.
            || (self.plugin.kind == Kind::Source && key.starts_with("topic.creation."))
            || unlisted::is_read(&self.definitions.debezium, self.class, key)
            || (self.is_postgres()
                && (OF_POSTGRES.iter().any(|family| key.starts_with(family))
                    || self.is_of_custom_part(key)));
        if is_handed_on {
            Reading::Passed
        } else {
            Reading::No
        }
    }

    /// `converters` and `post.processors` name parts of Debezium whose keys begin with that name.
    fn is_of_custom_part(&self, key: &str) -> bool {
        ["converters", "post.processors"]
            .iter()
            .flat_map(|list| {
                let text = self.text(list).unwrap_or_default();
                text.split(',')
                    .map(|name| format!("{}.", name.trim()))
                    .collect::<Vec<_>>()
            })
            .any(|prefix| prefix.len() > 1 && key.starts_with(&prefix))
    }

    fn reading_of(&self, link: &Link<'a>, rest: &str) -> Reading<'a> {
        // Connect's own keys of a link are among those that validation gives.
        let of_connect: &[&str] = match link.prefix.split('.').next() {
            Some("transforms") => &["type", "predicate", "negate"],
            _ => &["type"],
        };
        let Some(plugin) = link.plugin else {
            return if of_connect.contains(&rest) {
                Reading::Passed
            } else {
                Reading::Unknown
            };
        };
        if let Some(defined) = plugin.keys.get(rest) {
            return Reading::Defined(defined);
        }
        let class = link.class.as_deref().unwrap_or_default();
        if of_connect.contains(&rest) || unlisted::is_read(&self.definitions.debezium, class, rest)
        {
            Reading::Passed
        } else {
            Reading::No
        }
    }

    fn reading_of_converter(&self, converter: &str, rest: &str) -> Reading<'a> {
        let Some(class) = self.text(converter) else {
            // The worker's own converter has the worker's own settings.
            return Reading::No;
        };
        let kinds = [Kind::Converter, Kind::HeaderConverter];
        match self.definitions.plugin(&class, &kinds) {
            Some((_, plugin)) => plugin.keys.get(rest).map_or(Reading::No, Reading::Defined),
            None => Reading::Unknown,
        }
    }

    /// Every key that somebody reads here, to find out what a misspelt one was meant to be.
    pub fn known(&self) -> Vec<String> {
        let unlisted = unlisted::keys(&self.definitions.debezium, self.class).map(str::to_owned);
        let mut known: Vec<String> = self.plugin.keys.keys().cloned().chain(unlisted).collect();
        for link in self.transforms.iter().chain(&self.predicates) {
            let keys = link
                .plugin
                .into_iter()
                .flat_map(|plugin| plugin.keys.keys());
            known.extend(keys.map(|key| format!("{}{key}", link.prefix)));
        }
        known
    }

    /// Debezium and its version, for sentences.
    pub fn version(&self) -> String {
        if self.class.starts_with("io.debezium.") {
            let version = self
                .plugin
                .version
                .as_deref()
                .unwrap_or(&self.definitions.debezium);
            format!("Debezium {version}")
        } else {
            format!("Connect {}", self.definitions.connect)
        }
    }
}
