//! Actions and checks shaped like those of a laboratory: they can be read, and do nothing.

use std::collections::BTreeMap;

use scenario::{
    At, Duration, Inputs, JsonFile, JsonPath, Kind, OneOrMany, Profile, Registry, ScenarioFile,
    TextFile, TextOr,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value as Json;

/// What every action and check becomes.
pub type Step = Box<dyn std::fmt::Debug>;

macro_rules! steps {
    ($($type:ty),* $(,)?) => {$(
        impl From<$type> for Step {
            fn from(step: $type) -> Self {
                Box::new(step)
            }
        }
    )*};
}

steps!(
    Sql,
    PutConnector,
    DeleteConnector,
    Produce,
    Load,
    Shell,
    Start,
    Kill,
    Copy,
    Connector,
    Records,
    Series,
    Log,
    Rows,
    Http,
    Lag
);

pub fn registry() -> Registry<Step> {
    Registry::new([
        Kind::action::<Sql>("sql", "Runs SQL on Postgres.").captures(),
        Kind::action::<PutConnector>("put_connector", "Makes or changes a connector."),
        Kind::action::<DeleteConnector>("delete_connector", "Deletes connectors."),
        Kind::action::<Produce>("produce", "Writes records to a topic."),
        Kind::action::<Load>("load", "Produces at a rate."),
        Kind::action::<Shell>("shell", "Runs a command, as a last resort.").captures(),
        Kind::action::<Start>("start", "Starts a service with settings."),
        Kind::action::<Kill>("kill", "Kills a service.").needs(&["control"]),
        Kind::action::<Copy>("copy", "Copies a file to where a connector reads it."),
        Kind::check::<Connector>("connector", "The state of a connector and its tasks."),
        Kind::check::<Records>("records", "The records of a topic."),
        Kind::check::<Series>("series", "A series of the exporter."),
        Kind::check::<Log>("log", "Lines in the log of a service."),
        Kind::check::<Rows>("rows", "The rows that a query returns."),
        Kind::check::<Http>("http", "What a URL answers."),
        Kind::check::<Lag>("lag", "How far a consumer group is behind."),
    ])
    .unwrap()
}

/// What the tests' files may refer to.
pub fn inputs(root: &str) -> Inputs {
    let environment = [
        ("REGION", "eu-west-1"),
        (
            "DB_PASSWORD",
            "correct horse battery staple, which is longer than forty characters",
        ),
    ];
    Inputs {
        environment: Some(
            environment
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
        ),
        profiles: [("zookeeper", "3.9.2"), ("kraft", "4.3.1")]
            .map(|(name, kafka)| Profile {
                name: name.to_owned(),
                kafka: kafka.to_owned(),
            })
            .to_vec(),
        versions: [(
            "debezium".to_owned(),
            ["2.7.4.Final", "3.7.0.Final"].map(str::to_owned).to_vec(),
        )]
        .into(),
        ..Inputs::at(root)
    }
    .with_builtins(["run.prefix", "run.id"])
    .with_variable("given_rows", "12")
    .with_variable("given_rate", "fast")
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(try_from = "TextOr<FullSql>")]
pub struct Sql {
    pub statements: String,
    pub database: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
pub struct FullSql {
    text: Option<String>,
    file: Option<TextFile>,
    database: Option<String>,
}

impl TryFrom<TextOr<FullSql>> for Sql {
    type Error = &'static str;

    fn try_from(given: TextOr<FullSql>) -> Result<Self, Self::Error> {
        let full = match given {
            TextOr::Text(statements) => {
                return Ok(Self {
                    statements,
                    database: None,
                });
            }
            TextOr::Full(full) => full,
        };
        let statements = match (full.text, full.file) {
            (Some(text), None) => text,
            (None, Some(file)) => file.text,
            (Some(_), Some(_)) => return Err("both `text` and `file`\nexpected one of them"),
            (None, None) => return Err("no SQL\nexpected `text` or `file`"),
        };
        Ok(Self {
            statements,
            database: full.database,
        })
    }
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(try_from = "PutConnectorForm")]
#[schemars(with = "PutConnectorForm")]
pub struct PutConnector {
    pub name: String,
    pub config: Json,
}

#[derive(Debug, Deserialize, JsonSchema)]
pub struct PutConnectorForm {
    name: String,
    config: Option<BTreeMap<String, Json>>,
    file: Option<JsonFile>,
    /// What to set over the file.
    #[serde(default)]
    with: BTreeMap<String, Json>,
}

impl TryFrom<PutConnectorForm> for PutConnector {
    type Error = &'static str;

    fn try_from(form: PutConnectorForm) -> Result<Self, Self::Error> {
        let mut config = match (form.config, form.file) {
            (Some(config), None) => Json::from_iter(config),
            (None, Some(file)) => file.value,
            _ => return Err("no configuration, or two\nexpected either `config` or `file`"),
        };
        if let Json::Object(keys) = &mut config {
            keys.extend(form.with);
        }
        Ok(Self {
            name: form.name,
            config,
        })
    }
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct DeleteConnector(pub OneOrMany<String>);

#[derive(Debug, Deserialize, JsonSchema)]
pub struct Produce {
    pub topic: String,
    pub records: Vec<Record>,
    pub repeat: Option<u32>,
    #[serde(default)]
    pub acks: Acks,
}

#[derive(Debug, Deserialize, JsonSchema)]
pub struct Record {
    pub key: Option<Json>,
    pub value: Option<Json>,
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    pub partition: Option<u16>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Acks {
    #[default]
    All,
    Leader,
    None,
}

#[derive(Debug, Deserialize, JsonSchema)]
pub struct Load {
    pub topic: String,
    pub rate: f64,
    pub lasts: Duration,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(from = "TextOr<FullShell>")]
pub struct Shell(pub FullShell);

#[derive(Debug, Default, Deserialize, JsonSchema)]
pub struct FullShell {
    pub command: String,
    #[serde(default)]
    pub env: BTreeMap<String, String>,
}

impl From<TextOr<FullShell>> for Shell {
    fn from(given: TextOr<FullShell>) -> Self {
        Self(match given {
            TextOr::Text(command) => FullShell {
                command,
                ..FullShell::default()
            },
            TextOr::Full(full) => full,
        })
    }
}

#[derive(Debug, Deserialize, JsonSchema)]
pub struct Start {
    pub service: Service,
    #[serde(default)]
    pub settings: BTreeMap<String, Json>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Kill(pub Service);

#[derive(Debug, Deserialize, JsonSchema)]
pub struct Copy {
    pub file: ScenarioFile,
    pub to: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Service {
    Zookeeper,
    Kafka,
    Connect,
    Postgres,
    Prometheus,
    Exporter,
    Producer,
}

#[derive(Debug, Deserialize, JsonSchema)]
pub struct Connector {
    pub name: String,
    pub state: State,
    pub tasks: Option<OneOrMany<State>>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum State {
    Running,
    Paused,
    Failed,
}

/// One of the ways to look at a topic must be there.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(try_from = "RecordsForm")]
#[schemars(with = "RecordsForm")]
pub struct Records(pub RecordsForm);

#[derive(Debug, Deserialize, JsonSchema)]
pub struct RecordsForm {
    pub topic: String,
    pub exactly: Option<Vec<Expected>>,
    pub contains: Option<Vec<Expected>>,
    pub none: Option<Vec<Expected>>,
    pub count: Option<Number>,
    pub ordered: Option<Ordered>,
}

impl TryFrom<RecordsForm> for Records {
    type Error = &'static str;

    fn try_from(form: RecordsForm) -> Result<Self, Self::Error> {
        let nothing = form.exactly.is_none()
            && form.contains.is_none()
            && form.none.is_none()
            && form.count.is_none();
        if nothing {
            return Err("nothing to check\nexpected `exactly`, `contains`, `none` or `count`");
        }
        Ok(Self(form))
    }
}

#[derive(Debug, Deserialize, JsonSchema)]
pub struct Expected {
    pub key: Option<Json>,
    pub value: Option<Json>,
    #[serde(default)]
    pub at: BTreeMap<String, Json>,
    pub tombstone: Option<bool>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Ordered {
    Key,
    Partition,
}

/// A number within bounds.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Number {
    Equals(f64),
    AtLeast(f64),
    AtMost(f64),
    Near { value: f64, tolerance: f64 },
}

#[derive(Debug, Deserialize, JsonSchema)]
pub struct Series {
    pub name: String,
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    pub value: Number,
}

#[derive(Debug, Deserialize, JsonSchema)]
pub struct Log {
    pub service: Service,
    pub contains: Option<OneOrMany<String>>,
    pub lacks: Option<OneOrMany<String>>,
}

#[derive(Debug, Deserialize, JsonSchema)]
pub struct Rows {
    pub query: String,
    pub rows: Vec<Json>,
}

#[derive(Debug, Deserialize, JsonSchema)]
pub struct Http {
    pub url: String,
    pub status: Option<std::num::NonZeroU16>,
    pub body: Option<Body>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Body {
    Contains(String),
    Json(Json),
    Path { path: JsonPath, equals: Json },
}

#[derive(Debug, Deserialize, JsonSchema)]
pub struct Lag {
    pub group: At<String>,
    pub at_most: u64,
}
