//! An experiment as a scenario writes it.

use std::fmt;

use scenario::JsonFile;
use schemars::JsonSchema;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{producer_settings, search};
use crate::checks::Expected;

/// Rows that a grid may make: more would take days.
const MOST_ROWS: usize = 64;
/// What the JVM compiles of a pipeline from Postgres to Kafka takes half a minute on two processors.
const LONGEST_WARM_UP: scenario::Duration = scenario::Duration::from_secs(40);
const NOTHING: &str = "there is nothing to read\ngive `records` at least 1";
/// What TOML makes of a dot.
pub(super) const QUOTE: &str = "a name with dots wants quotes: \"batch.size\" = 100";
/// What makes a worker part of its stack.
const OF_THE_LABS_WORKER: [&str; 7] = [
    "bootstrap.servers",
    "config.storage.topic",
    "group.id",
    "listeners",
    "offset.storage.topic",
    "plugin.path",
    "status.storage.topic",
];
/// What the lab sets in the connector of a source of its own: what is read from where, and where to.
const OF_THE_LABS_CONNECTOR: [&str; 11] = [
    "connector.class",
    "database.dbname",
    "database.hostname",
    "database.password",
    "database.port",
    "database.user",
    "file",
    "slot.name",
    "table.include.list",
    "topic",
    "topic.prefix",
];
/// A longer one does not fit a line of a table.
const LONGEST_NAME: usize = 40;

/// A source, and the settings to measure it under, one after the other in each round.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "Written")]
pub struct Tune {
    pub(super) source: Source,
    pub(super) with: Map<String, Value>,
    pub(super) rows: Vec<Row>,
    pub(super) full: Form,
    pub(super) short: Form,
    pub(super) budget: Option<scenario::Duration>,
    pub(super) ratios: Vec<Ratio>,
    pub(super) short_ratios: Option<Vec<Ratio>>,
    pub(super) search: Option<Space>,
}

/// How much is measured.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Form {
    /// How often the rows are gone through.
    pub repeats: usize,
    /// Time after a connector's first record that does not count.
    pub warm_up: scenario::Duration,
    /// How long that may become while the JVMs still compile.
    pub longest_warm_up: scenario::Duration,
    /// Time that counts.
    pub window: scenario::Duration,
    /// Records that are prepared; the user's own connector has its own.
    pub records: Option<u64>,
    /// How long what waits in the producer's buffer may take, once the connector pauses, until totals and end offsets are compared.
    pub drain: scenario::Duration,
}

/// `tune` in a file.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Written {
    /// What is read. It is prepared once.
    source: Source,
    /// What to set over the source's connector, in every row. `{row}` in a text is a name of its own for each measurement, for
    /// slots and topics.
    #[serde(default)]
    with: Map<String, Value>,
    /// The rows; ratios are those to the first one. Either `rows` or `grid`.
    rows: Option<Vec<Row>>,
    /// Values for settings; each combination is a row.
    grid: Option<Axes>,
    /// How often the rows are gone through. `lab tune` stops earlier when `budget` is over; intervals want three.
    #[serde(default = "repeats")]
    repeats: usize,
    /// Time after the first record that does not count.
    #[serde(default = "warm_up")]
    warm_up: scenario::Duration,
    /// How long that may become under `lab tune` while the JVMs still compile what is hot: 40 s when missing, of your own connector
    /// no longer than `warm_up`.
    longest_warm_up: Option<scenario::Duration>,
    /// Time that counts. A source that runs dry before half of it is a mistake.
    #[serde(default = "window")]
    window: scenario::Duration,
    /// How long `lab tune` may take, stack and data included: no round begins that would not end in time, but one is always
    /// measured, and of a search's gain three.
    budget: Option<scenario::Duration>,
    /// What differs in `lab run`, which has to be over soon.
    #[serde(default)]
    short: Short,
    /// What the ratios of the rates to that of the first row have to be, within bounds.
    #[serde(default)]
    ratios: Vec<Ratio>,
    /// Where `lab tune --search` looks; the source's own space when missing.
    search: Option<Space>,
}

/// What is different in the short form.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Short {
    /// How often the rows are gone through: once when missing.
    repeats: Option<usize>,
    /// Time that does not count.
    warm_up: Option<scenario::Duration>,
    /// Time that counts.
    window: Option<scenario::Duration>,
    /// Records that are prepared.
    records: Option<u64>,
    /// What the ratios have to be there.
    ratios: Option<Vec<Ratio>>,
}

/// What is read. One of these.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct WrittenSource {
    /// A table of Postgres, read by Debezium's snapshot.
    snapshot: Option<Table>,
    /// Changes of a table of Postgres, streamed by Debezium: each measurement begins at the same place of the write-ahead log.
    changes: Option<Changes>,
    /// Lines of a file, read by Kafka's FileStreamSource. On a cluster that exists its worker has to see the lab's files.
    lines: Option<Lines>,
    /// Your own connector; what it reads, earlier steps prepare, or it is there.
    connector: Option<JsonFile>,
}

/// What is read.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "WrittenSource")]
pub(super) enum Source {
    Snapshot(Table),
    Changes(Changes),
    Lines(Lines),
    Own(Map<String, Value>),
}

/// A table.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Table {
    /// Rows of the table.
    pub records: u64,
    /// Its columns, beside the key.
    #[serde(default)]
    pub columns: Columns,
}

/// Changes of a table: inserted rows.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Changes {
    /// Rows that are inserted.
    pub records: u64,
    /// Columns of the table, beside the key.
    #[serde(default)]
    pub columns: Columns,
    /// Rows in a transaction.
    #[serde(default = "per_transaction")]
    pub per_transaction: u64,
}

/// Lines of a file.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Lines {
    /// Lines of the file.
    pub records: u64,
    /// Bytes of a line, without its end: 20 at least.
    #[serde(default = "line_bytes")]
    pub bytes: usize,
}

/// How many columns of which type a row has, beside its key: the shape of a record.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Columns {
    /// `text` columns.
    #[serde(default = "one")]
    pub texts: usize,
    /// Characters in each of them.
    #[serde(default = "text_bytes")]
    pub text_bytes: usize,
    /// `bigint` columns.
    #[serde(default)]
    pub integers: usize,
    /// `numeric(10, 2)` columns.
    #[serde(default = "one")]
    pub numerics: usize,
    /// `timestamptz` columns.
    #[serde(default = "one")]
    pub timestamps: usize,
}

impl Default for Columns {
    fn default() -> Self {
        Self {
            texts: one(),
            text_bytes: text_bytes(),
            integers: 0,
            numerics: one(),
            timestamps: one(),
        }
    }
}

/// Settings of a row.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct WrittenRow {
    /// What it is called.
    name: String,
    /// Producer settings, by Kafka's names without `producer.override.`.
    #[serde(default)]
    producer: ProducerSettings,
    /// Settings of the connector.
    #[serde(default)]
    connector: Map<String, Value>,
    /// Settings of the worker: where rows differ in them, it is restarted before each measurement.
    #[serde(default)]
    worker: Map<String, Value>,
    /// Options of the worker's JVM, such as `-Xmx2g`: likewise.
    #[serde(default)]
    jvm: Vec<String>,
}

/// What is set in a row.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(crate) struct Settings {
    /// Of the producer, by Kafka's names.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub producer: Map<String, Value>,
    /// Of the connector.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub connector: Map<String, Value>,
    /// Of the worker.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub worker: Map<String, Value>,
    /// Options of the worker's JVM.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub jvm: Vec<String>,
}

/// Settings of the producer, each looked at in its place.
#[derive(Debug, Default, JsonSchema)]
#[schemars(transparent)]
struct ProducerSettings(Map<String, Value>);

impl<'de> Deserialize<'de> for ProducerSettings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Settings;
        impl<'de> Visitor<'de> for Settings {
            type Value = ProducerSettings;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a table of producer settings")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut settings = Map::new();
                while let Some(name) = map.next_key::<String>()? {
                    let value = map.next_value_seed(Named(&name))?;
                    settings.insert(name, value);
                }
                Ok(ProducerSettings(settings))
            }
        }
        struct Named<'a>(&'a str);
        impl<'de> DeserializeSeed<'de> for Named<'_> {
            type Value = Value;
            fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
                let value = Value::deserialize(deserializer)?;
                match producer_settings::check(self.0, &value) {
                    Ok(()) => Ok(value),
                    Err(words) => Err(D::Error::custom(words)),
                }
            }
        }
        deserializer.deserialize_map(Settings)
    }
}

/// A row.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "WrittenRow")]
pub(crate) struct Row {
    /// What it is called.
    pub name: String,
    /// What is set in it.
    pub settings: Settings,
    /// The share of the time in which everything stands still: a slow-down for calibration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slow_down: Option<f64>,
}

/// Values for settings.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Axes {
    /// Lists of values by producer setting.
    #[serde(default)]
    pub producer: Map<String, Value>,
    /// Lists of values by connector setting.
    #[serde(default)]
    pub connector: Map<String, Value>,
    /// Lists of values by worker setting.
    #[serde(default)]
    pub worker: Map<String, Value>,
    /// Lists of JVM options.
    #[serde(default)]
    pub jvm: Vec<Vec<String>>,
}

/// Where a search looks.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "WrittenSpace")]
pub(super) struct Space {
    pub axes: Axes,
    pub format: Vec<Row>,
}

/// Where a search looks. Rates are compared with those of no settings at all.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct WrittenSpace {
    /// Lists of values by producer setting.
    #[serde(default)]
    producer: Map<String, Value>,
    /// Lists of values by connector setting.
    #[serde(default)]
    connector: Map<String, Value>,
    /// Lists of values by worker setting.
    #[serde(default)]
    worker: Map<String, Value>,
    /// Lists of JVM options.
    #[serde(default)]
    jvm: Vec<Vec<String>>,
    /// Settings that change the records themselves, by name: their gain over the best row is measured apart.
    #[serde(default)]
    format: Vec<Row>,
}

/// What is read has the schema of what is written.
macro_rules! written_as {
    ($read:ident, $written:ident) => {
        impl JsonSchema for $read {
            fn inline_schema() -> bool {
                $written::inline_schema()
            }
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($read).into()
            }
            fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                $written::json_schema(generator)
            }
        }
    };
}

written_as!(Tune, Written);
written_as!(Space, WrittenSpace);
written_as!(Source, WrittenSource);
written_as!(Row, WrittenRow);

impl TryFrom<WrittenSpace> for Space {
    type Error = String;

    fn try_from(written: WrittenSpace) -> Result<Self, String> {
        let space = Self {
            axes: Axes {
                producer: written.producer,
                connector: written.connector,
                worker: written.worker,
                jvm: written.jvm,
            },
            format: written.format,
        };
        space.axes.check()?;
        let combinations: usize = space
            .axes
            .each()?
            .iter()
            .map(|axis| axis.values.len())
            .product();
        if combinations < 2 {
            return Err(
                "there is nothing to choose from\ngive a setting of `search` two values or more"
                    .to_owned(),
            );
        }
        Ok(space)
    }
}

/// What a row's ratio has to be.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Ratio {
    /// The row.
    pub row: String,
    /// Its rate, divided by that of the first row.
    pub times: Expected,
    /// What both ends of the ratio's 95 % interval have to be. Three rounds are the least that has one.
    pub interval: Option<Expected>,
}

fn repeats() -> usize {
    6
}
fn warm_up() -> scenario::Duration {
    scenario::Duration::from_secs(3)
}
fn window() -> scenario::Duration {
    scenario::Duration::from_secs(8)
}
fn per_transaction() -> u64 {
    1000
}
fn line_bytes() -> usize {
    87
}
fn one() -> usize {
    1
}
fn text_bytes() -> usize {
    37
}

impl Axes {
    /// Each setting with its values.
    pub(super) fn each(&self) -> Result<Vec<Axis>, String> {
        let mut all = Vec::new();
        for (kind, settings) in [
            (Kind::Producer, &self.producer),
            (Kind::Connector, &self.connector),
            (Kind::Worker, &self.worker),
        ] {
            for (name, values) in settings {
                let values = values.as_array().filter(|values| !values.is_empty());
                let values = values.ok_or_else(|| {
                    format!(
                        "`{name}` has no values to go through\nexpected an array such as [1, 2]"
                    )
                })?;
                all.push(Axis {
                    kind,
                    name: name.clone(),
                    values: values.clone(),
                });
            }
        }
        if !self.jvm.is_empty() {
            all.push(Axis {
                kind: Kind::Jvm,
                name: "jvm".to_owned(),
                values: self
                    .jvm
                    .iter()
                    .map(|options| options.clone().into())
                    .collect(),
            });
        }
        Ok(all)
    }

    fn check(&self) -> Result<(), String> {
        for axis in self.each()? {
            for value in &axis.values {
                let mut settings = Settings::default();
                axis.put(value, &mut settings);
                settings.check()?;
            }
        }
        Ok(())
    }

    /// How many combinations there are.
    pub(super) fn size(&self) -> Result<u64, String> {
        let sizes = self
            .each()?
            .into_iter()
            .map(|axis| axis.values.len() as u64);
        Ok(sizes.fold(1, u64::saturating_mul))
    }

    /// Each combination of values, the last axis changing fastest.
    pub(super) fn combinations(&self) -> Result<Vec<Settings>, String> {
        let mut all = vec![Settings::default()];
        for axis in self.each()? {
            if all.len() * axis.values.len() > MOST_ROWS {
                return Err(format!(
                    "the grid has more than {MOST_ROWS} rows\nleave out values, or let `lab tune --search` choose"
                ));
            }
            all = all
                .into_iter()
                .flat_map(|settings| {
                    let axis = &axis;
                    axis.values.iter().map(move |value| {
                        let mut settings = settings.clone();
                        axis.put(value, &mut settings);
                        settings
                    })
                })
                .collect();
        }
        Ok(all)
    }
}

/// Whose a setting is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    Producer,
    Connector,
    Worker,
    Jvm,
}

/// A setting, and values that it can have.
#[derive(Debug, Clone)]
pub(super) struct Axis {
    pub kind: Kind,
    pub name: String,
    pub values: Vec<Value>,
}

impl Axis {
    /// Whether the worker has to be started anew for it.
    pub(super) fn concerns_worker(&self) -> bool {
        matches!(self.kind, Kind::Worker | Kind::Jvm)
    }

    /// Sets it.
    pub(super) fn put(&self, value: &Value, settings: &mut Settings) {
        let insert = |map: &mut Map<String, Value>| {
            map.insert(self.name.clone(), value.clone());
        };
        match self.kind {
            Kind::Producer => insert(&mut settings.producer),
            Kind::Connector => insert(&mut settings.connector),
            Kind::Worker => insert(&mut settings.worker),
            Kind::Jvm => settings.jvm = texts(value),
        }
    }
}

fn texts(value: &Value) -> Vec<String> {
    let items = value.as_array().into_iter().flatten();
    items.filter_map(Value::as_str).map(str::to_owned).collect()
}

/// A value as a configuration file has it.
pub(super) fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

impl Settings {
    /// Every setting with its value, by names that tell whose it is.
    pub(super) fn flat(&self) -> Vec<(String, String)> {
        let mut all = Vec::new();
        for (prefix, map) in [
            ("", &self.producer),
            ("", &self.connector),
            ("worker ", &self.worker),
        ] {
            all.extend(
                map.iter()
                    .map(|(name, value)| (format!("{prefix}{name}"), plain(value))),
            );
        }
        if !self.jvm.is_empty() {
            all.push(("jvm".to_owned(), self.jvm.join(" ")));
        }
        all
    }

    /// In a line; `defaults` when nothing is set.
    pub(super) fn words(&self) -> String {
        let all: Vec<_> = self
            .flat()
            .into_iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        match all.is_empty() {
            true => "defaults".to_owned(),
            false => all.join(" "),
        }
    }

    /// These, and what another has over them.
    pub(super) fn with(&self, other: &Self) -> Self {
        let mut both = self.clone();
        both.producer.extend(other.producer.clone());
        both.connector.extend(other.connector.clone());
        both.worker.extend(other.worker.clone());
        both.jvm.extend(other.jvm.iter().cloned());
        both
    }

    /// What tells one worker from another; that of the defaults is the least.
    pub(super) fn worker_key(&self) -> (Vec<(String, String)>, Vec<String>) {
        let properties = self.worker.iter();
        let properties = properties.map(|(name, value)| (name.clone(), plain(value)));
        (properties.collect(), self.jvm.clone())
    }

    pub(super) fn check(&self) -> Result<(), String> {
        for (name, value) in &self.producer {
            producer_settings::check(name, value)?;
        }
        producer_settings::check_together(&self.producer)?;
        single_values("a connector", &self.connector)?;
        single_values("a worker", &self.worker)?;
        if let Some(name) = self
            .worker
            .keys()
            .find(|name| OF_THE_LABS_WORKER.contains(&name.as_str()))
        {
            return Err(format!(
                "`{name}` of the worker is the stack's own\nleave it out: with another one the worker would be part of no stack"
            ));
        }
        for name in self.connector.keys() {
            if name.starts_with("producer.override.") {
                return Err(format!(
                    "`{name}` is a setting of the producer\nwrite it in `producer`, without `producer.override.`"
                ));
            }
        }
        if let Some(wrong) = self.jvm.iter().find(|option| !option.starts_with('-')) {
            return Err(format!(
                "{wrong:?} is no option of a JVM\nexpected one that begins with `-`, such as \"-Xmx2g\""
            ));
        }
        if let Some(several) = self.jvm.iter().find(|option| option.contains(" -")) {
            return Err(format!(
                "{several:?} is more than one option of a JVM\nwrite each by itself, as in [\"-Xms2g\", \"-Xmx2g\"]"
            ));
        }
        Ok(())
    }
}

/// That settings are texts, numbers or booleans, as a configuration file has them.
fn single_values(whose: &str, settings: &Map<String, Value>) -> Result<(), String> {
    for (name, value) in settings {
        if value.is_object() {
            return Err(format!("`{name}` of {whose} takes a single value\n{QUOTE}"));
        }
        if value.is_array() || value.is_null() {
            return Err(format!(
                "`{name}` of {whose} takes a single value\nwrite a list as a text, as in \"a,b\""
            ));
        }
    }
    Ok(())
}

impl TryFrom<WrittenSource> for Source {
    type Error = String;

    fn try_from(written: WrittenSource) -> Result<Self, String> {
        let WrittenSource {
            snapshot,
            changes,
            lines,
            connector,
        } = written;
        let source = match (snapshot, changes, lines, connector) {
            (Some(table), None, None, None) => Self::Snapshot(table),
            (None, Some(changes), None, None) => Self::Changes(changes),
            (None, None, Some(lines), None) => Self::Lines(lines),
            (None, None, None, Some(file)) => Self::Own(crate::actions::configuration(file.value)?),
            _ => {
                return Err("there is no source, or more than one\ngive one of `snapshot`, `changes`, `lines` and `connector`".to_owned());
            }
        };
        source.check()?;
        Ok(source)
    }
}

impl Source {
    /// Records that are prepared.
    pub(super) fn records(&self) -> Option<u64> {
        match self {
            Self::Snapshot(table) => Some(table.records),
            Self::Changes(changes) => Some(changes.records),
            Self::Lines(lines) => Some(lines.records),
            Self::Own(_) => None,
        }
    }

    /// That settings do not change what the lab says of its own sources.
    fn leaves(&self, settings: &Map<String, Value>) -> Result<(), String> {
        let reserved = |name: &str| {
            let is_own = matches!(self, Self::Own(_));
            name == "name" || (!is_own && OF_THE_LABS_CONNECTOR.contains(&name))
        };
        match settings.keys().find(|name| reserved(name)) {
            None => Ok(()),
            Some(name) => Err(format!(
                "the lab sets `{name}` for each measurement\nleave it out, or bring your own connector: source = {{ connector = \"file.json\" }}"
            )),
        }
    }

    /// That each measurement of the user's own connector gets topics of its own.
    fn is_apart(&self, with: &Map<String, Value>, rows: &[Row]) -> Result<(), String> {
        let Self::Own(own) = self else { return Ok(()) };
        if !own.contains_key("connector.class") && !with.contains_key("connector.class") {
            return Err("the connector has no `connector.class`".to_owned());
        }
        let mut settings = rows
            .iter()
            .map(|row| &row.settings.connector)
            .chain([own, with]);
        let is_apart = settings.any(|settings| {
            let mut values = settings.values();
            values.any(|value| value.as_str().is_some_and(|text| text.contains("{row}")))
        });
        match is_apart {
            true => Ok(()),
            false => Err(
                "every measurement would write to the same topics\ngive topics and slot a name for each, as in with = { \"topic.prefix\" = \"${run.prefix}_{row}\" }".to_owned(),
            ),
        }
    }

    fn check(&self) -> Result<(), String> {
        if self.records() == Some(0) {
            return Err(NOTHING.to_owned());
        }
        match self {
            Self::Changes(changes) if changes.per_transaction == 0 => Err(
                "a transaction without rows has no changes\ngive `per_transaction` at least 1"
                    .to_owned(),
            ),
            Self::Lines(lines) if lines.bytes < 20 => {
                Err("a line is too short for its number\ngive `bytes` at least 20".to_owned())
            }
            _ => Ok(()),
        }
    }
}

impl TryFrom<Written> for Tune {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let source = written.source;
        let rows: Vec<Row> = match (written.rows, written.grid) {
            (Some(rows), None) => rows,
            (None, Some(grid)) => grid
                .combinations()?
                .into_iter()
                .map(|settings| Row {
                    name: settings.words(),
                    settings,
                    slow_down: None,
                })
                .collect(),
            (None, None) => {
                return Err("there are no rows\ngive either `rows` or `grid`".to_owned());
            }
            (Some(_), Some(_)) => {
                return Err("there are rows twice\ngive either `rows` or `grid`".to_owned());
            }
        };
        check_rows(&rows)?;
        single_values("a connector", &written.with)?;
        for settings in rows
            .iter()
            .map(|row| &row.settings.connector)
            .chain([&written.with])
        {
            source.leaves(settings)?;
        }
        source.is_apart(&written.with, &rows)?;
        let mut ratios = written
            .ratios
            .iter()
            .chain(written.short.ratios.iter().flatten());
        if let Some(ratio) = ratios
            .clone()
            .find(|ratio| rows.iter().all(|row| row.name != ratio.row))
        {
            let names: Vec<_> = rows.iter().map(|row| row.name.as_str()).collect();
            return Err(format!(
                "a ratio names the row {:?}, which there is not\nexpected one of {}",
                ratio.row,
                names.join(", ")
            ));
        }
        if let Some(exact) = ratios.clone().find(|ratio| ratio.times.is_exact()) {
            return Err(format!(
                "no measured ratio is {} to the last digit\nexpected bounds, as in `times = {{ at_least = {} }}`",
                exact.times, exact.times
            ));
        }
        if ratios.any(|ratio| rows.first().is_some_and(|first| first.name == ratio.row)) {
            return Err("a ratio of the first row to itself is 1\nname another row".to_owned());
        }
        let full = Form {
            repeats: written.repeats,
            warm_up: written.warm_up,
            longest_warm_up: written
                .longest_warm_up
                .or_else(|| {
                    source
                        .records()
                        .map(|_| LONGEST_WARM_UP.max(written.warm_up))
                })
                .unwrap_or(written.warm_up),
            window: written.window,
            records: source.records(),
            drain: scenario::Duration::from_secs(60),
        };
        if full.longest_warm_up < full.warm_up {
            return Err(format!(
                "`longest_warm_up` is shorter than `warm_up`, {}\ngive it as long at least, or leave it out",
                humantime::format_duration(full.warm_up.get())
            ));
        }
        let short_warm_up = written.short.warm_up.unwrap_or(full.warm_up);
        let short = Form {
            repeats: written.short.repeats.unwrap_or(1),
            warm_up: short_warm_up,
            longest_warm_up: short_warm_up,
            window: written.short.window.unwrap_or(full.window),
            records: written.short.records.or(full.records),
            drain: scenario::Duration::from_secs(12),
        };
        for form in [&full, &short] {
            if form.repeats == 0 {
                return Err(
                    "nothing is measured in no rounds\ngive `repeats` at least 1".to_owned(),
                );
            }
            if form.window.get().is_zero() {
                return Err("nothing is measured in no time\ngive `window` some seconds".to_owned());
            }
            if form.records == Some(0) {
                return Err(NOTHING.to_owned());
            }
        }
        if written.budget.is_some_and(|budget| budget.get().is_zero()) {
            return Err("nothing is measured in no time\ngive `budget` some minutes".to_owned());
        }
        let of_short = written.short.ratios.as_ref().unwrap_or(&written.ratios);
        for (form, ratios, whose) in [(&full, &written.ratios, ""), (&short, of_short, "short.")] {
            if form.repeats < search::ROUNDS && ratios.iter().any(|ratio| ratio.interval.is_some())
            {
                return Err(format!(
                    "there is no interval of {} rounds\ngive `{whose}repeats` at least {}, or `{whose}ratios` without `interval`",
                    form.repeats,
                    search::ROUNDS
                ));
            }
        }
        Ok(Self {
            source,
            with: written.with,
            rows,
            full,
            short,
            budget: written.budget,
            ratios: written.ratios,
            short_ratios: written.short.ratios,
            search: written.search,
        })
    }
}

pub(super) fn check_rows(rows: &[Row]) -> Result<(), String> {
    if rows.is_empty() {
        return Err("there is no row to measure".to_owned());
    }
    for (place, row) in rows.iter().enumerate() {
        row.settings.check()?;
        if row.name.trim().is_empty() {
            return Err("a row has no name".to_owned());
        }
        if rows[..place].iter().any(|other| other.name == row.name) {
            return Err(format!(
                "two rows are called {:?}\nreports could not tell them apart",
                row.name
            ));
        }
    }
    Ok(())
}

impl TryFrom<WrittenRow> for Row {
    type Error = String;

    fn try_from(written: WrittenRow) -> Result<Self, String> {
        let settings = Settings {
            producer: written.producer.0,
            connector: written.connector,
            worker: written.worker,
            jvm: written.jvm,
        };
        settings.check()?;
        Ok(Self {
            name: written.name,
            settings,
            slow_down: None,
        })
    }
}

impl Row {
    /// Its name, short enough for a line.
    pub(super) fn short_name(&self) -> String {
        shorten(&self.name)
    }
}

/// A name, short enough for a line.
pub(super) fn shorten(name: &str) -> String {
    match name.chars().count() > LONGEST_NAME {
        true => name.chars().take(LONGEST_NAME - 1).chain(['…']).collect(),
        false => name.to_owned(),
    }
}

/// What a stack needs for this.
pub(crate) fn needs(arguments: &Value) -> Vec<&'static str> {
    let source = arguments.get("source").unwrap_or(&Value::Null);
    let reads_postgres = ["snapshot", "changes"]
        .iter()
        .any(|kind| source.get(kind).is_some());
    match reads_postgres {
        true => vec!["postgres"],
        false => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::testing::arguments;
    use rstest::rstest;
    use serde_json::json;

    const ROWS: &str = "rows = [{ name = \"a\" }]";

    #[rstest]
    #[case::no_source("{ source = {}, ROWS }", "there is no source")]
    #[case::two_sources(
        "{ source = { lines = { records = 1 }, snapshot = { records = 1 } }, ROWS }",
        "more than one"
    )]
    #[case::unknown_source(
        "{ source = { kafka = { records = 1 } }, ROWS }",
        "unknown key `kafka`"
    )]
    #[case::no_rows("{ source = { lines = { records = 1 } } }", "either `rows` or `grid`")]
    #[case::empty_rows(
        "{ source = { lines = { records = 1 } }, rows = [] }",
        "no row to measure"
    )]
    #[case::longest_warm_up(
        "{ source = { lines = { records = 1 } }, warm_up = \"3s\", longest_warm_up = \"2s\", ROWS }",
        "`longest_warm_up` is shorter than `warm_up`, 3s"
    )]
    #[case::same_names(
        "{ source = { lines = { records = 1 } }, rows = [{ name = \"a\" }, { name = \"a\" }] }",
        "two rows are called \"a\""
    )]
    #[case::nothing("{ source = { lines = { records = 0 } }, ROWS }", "nothing to read")]
    #[case::short_lines(
        "{ source = { lines = { records = 1, bytes = 3 } }, ROWS }",
        "too short"
    )]
    #[case::no_rounds(
        "{ source = { lines = { records = 1 } }, repeats = 0, ROWS }",
        "no rounds"
    )]
    #[case::unknown_setting(
        "{ source = { lines = { records = 1 } }, rows = [{ name = \"a\", producer = { \"linger.sm\" = 1 } }] }",
        "did you mean `linger.ms`?"
    )]
    #[case::impossible_value(
        "{ source = { lines = { records = 1 } }, rows = [{ name = \"a\", producer = { \"batch.size\" = \"big\" } }] }",
        "`batch.size` cannot be \"big\""
    )]
    #[case::override_in_the_connector(
        "{ source = { lines = { records = 1 } }, rows = [{ name = \"a\", connector = { \"producer.override.linger.ms\" = 1 } }] }",
        "write it in `producer`"
    )]
    #[case::no_jvm_option(
        "{ source = { lines = { records = 1 } }, rows = [{ name = \"a\", jvm = [\"Xmx2g\"] }] }",
        "begins with `-`"
    )]
    #[case::no_values(
        "{ source = { lines = { records = 1 } }, grid = { producer = { \"linger.ms\" = 5 } } }",
        "no values to go through"
    )]
    #[case::too_many(
        "{ source = { lines = { records = 1 } }, grid = { producer = { \"linger.ms\" = [1,2,3,4,5,6,7,8,9], \"batch.size\" = [1,2,3,4,5,6,7,8] } } }",
        "more than 64 rows"
    )]
    #[case::ratio_of_nothing(
        "{ source = { lines = { records = 1 } }, ratios = [{ row = \"b\", times = 2 }], ROWS }",
        "the row \"b\", which there is not"
    )]
    #[case::search_space(
        "{ source = { lines = { records = 1 } }, search = { producer = { \"acks\" = [\"2\"] } }, ROWS }",
        "one of all, -1, 0, 1"
    )]
    fn what_is_wrong_is_said(#[case] written: &str, #[case] said: &str) {
        let words = arguments::<Tune>(&written.replace("ROWS", ROWS)).unwrap_err();
        assert!(words.contains(said), "{words}");
    }

    #[test]
    fn a_grid_is_each_combination() {
        let tune: Tune = arguments(
            "{ source = { lines = { records = 9 } }, grid = { producer = { \"linger.ms\" = [0, 5] }, connector = { \"x\" = [1, 2] } } }",
        )
        .unwrap();
        let names: Vec<_> = tune.rows.iter().map(|row| row.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "linger.ms=0 x=1",
                "linger.ms=0 x=2",
                "linger.ms=5 x=1",
                "linger.ms=5 x=2"
            ]
        );
    }

    #[test]
    fn the_short_form_is_the_full_one_but_for_what_it_says() {
        let tune: Tune = arguments(
            "{ source = { lines = { records = 9 } }, repeats = 7, window = \"9s\", short = { records = 5 }, rows = [{ name = \"a\" }] }",
        )
        .unwrap();
        assert_eq!((tune.full.repeats, tune.short.repeats), (7, 1));
        assert_eq!((tune.full.records, tune.short.records), (Some(9), Some(5)));
        assert_eq!(tune.short.window, tune.full.window);
    }

    #[rstest]
    #[case(json!({ "source": { "snapshot": {} } }), &["postgres"])]
    #[case(json!({ "source": { "lines": {} } }), &[])]
    fn postgres_is_there_for_those_who_read_it(#[case] written: Value, #[case] wanted: &[&str]) {
        assert_eq!(needs(&written), wanted);
    }
}
