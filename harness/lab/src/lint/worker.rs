//! Asks a worker what it reads. What it answers is limited in size and time, whoever it is.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use reqwest::{Method, Url};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use stack::body;

use super::definitions::{Definitions, Key, Keys, Kind, Plugin};
use crate::connect::segment;

/// Debezium's connector, whose version is that of the definitions.
pub const POSTGRES: &str = "io.debezium.connector.postgresql.PostgresConnector";

/// The largest answer that is read. That of the Postgres connector has 0.3 MB.
const LARGEST: usize = 8 << 20;
/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(10);
/// How long everything may take.
const ALL: Duration = Duration::from_secs(60);
/// The most plugins that are asked about.
const MOST: usize = 500;

/// A worker's REST interface.
pub struct Worker {
    http: reqwest::Client,
    url: Url,
}

/// `GET /`
#[derive(Deserialize)]
struct Root {
    version: String,
}

/// One of `GET /connector-plugins`.
#[derive(Deserialize)]
struct Listed {
    class: String,
    #[serde(rename = "type")]
    kind: Kind,
    #[serde(default)]
    version: Option<String>,
}

/// The answer to `PUT /connector-plugins/{class}/config/validate`.
#[derive(Deserialize)]
struct Validated {
    configs: Vec<Validation>,
}

#[derive(Deserialize)]
struct Validation {
    definition: Definition,
    value: Option<Judged>,
}

#[derive(Deserialize)]
struct Judged {
    name: String,
    #[serde(default)]
    recommended_values: Vec<Value>,
    #[serde(default)]
    errors: Vec<String>,
}

#[derive(Deserialize)]
struct Definition {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    required: bool,
    default_value: Option<Value>,
}

impl Definition {
    fn key(self, values: Vec<Value>) -> (String, Key) {
        let text = |value: Value| match value {
            Value::String(text) => text,
            other => other.to_string(),
        };
        // Of a class those are all that the worker has: they are recorded once, as plugins. So are the names of transforms.
        let is_closed = self.kind == "STRING" && !self.name.ends_with(".predicate");
        let values = values.into_iter().filter(|_| is_closed);
        let mut values: Vec<_> = values.map(text).collect();
        // The order is that of a set, another one each time.
        values.sort();
        let key = Key {
            kind: self.kind,
            required: self.required,
            default: self.default_value.map(text),
            values,
        };
        (self.name, key)
    }
}

impl Worker {
    /// The worker at this URL.
    ///
    /// # Errors
    /// When it is no URL of HTTP.
    pub fn at(url: &str) -> Result<Self> {
        let mut url = Url::parse(url)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
            .context(
                "the URL of a worker is such as http://localhost:8083: `lab status` shows that of a stack",
            )?;
        url.set_query(None);
        url.set_fragment(None);
        if !url.path().ends_with('/') {
            let path = format!("{}/", url.path());
            url.set_path(&path);
        }
        let http = reqwest::Client::builder()
            .no_proxy()
            // Whoever answers for the worker does not get to name another host to ask.
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(Duration::from_secs(5))
            .timeout(ANSWER)
            .build()?;
        Ok(Self { http, url })
    }

    /// What the worker reads: everything (`of` is none), or what concerns these classes.
    ///
    /// # Errors
    /// When it does not answer, or not as a worker does.
    pub async fn definitions(&self, of: Option<&[String]>) -> Result<Definitions> {
        tokio::time::timeout(ALL, self.ask_all(of))
            .await
            .with_context(|| format!("the worker did not answer everything within {ALL:?}"))?
    }

    async fn ask_all(&self, of: Option<&[String]>) -> Result<Definitions> {
        let root: Root = self.ask(Method::GET, "", None).await?;
        let listed: Vec<Listed> = self
            .ask(Method::GET, "connector-plugins?connectorsOnly=false", None)
            .await?;
        if listed.len() > MOST {
            bail!("the worker lists {} plugins: at most {MOST}", listed.len());
        }
        let postgres = listed.iter().find(|one| one.class == POSTGRES);
        let debezium = postgres
            .and_then(|one| one.version.clone())
            .unwrap_or_else(|| "none".to_owned());
        let mut definitions = Definitions {
            debezium,
            connect: root.version,
            plugins: BTreeMap::new(),
        };
        // Validation of a connector tells the keys of its transforms. Other plugins may bring the same classes in another
        // version: asked through Debezium's connector, they are Debezium's.
        let any_source = postgres.or_else(|| listed.iter().find(|one| one.kind == Kind::Source));
        let any_source = any_source.map(|one| one.class.clone());
        for one in &listed {
            let simple = one.class.rsplit('.').next().unwrap_or_default();
            let is_wanted = of.is_none_or(|classes| {
                classes.iter().any(|class| {
                    *class == one.class
                        || (!class.contains('.') && simple.starts_with(class.as_str()))
                })
            });
            let keys = match one.kind {
                // That there is such a class is known all the same.
                _ if !is_wanted => Keys::new(),
                Kind::Source | Kind::Sink => self.connector(one).await?,
                Kind::Transformation | Kind::Predicate => {
                    self.linked(one, any_source.as_deref()).await?
                }
                Kind::Converter | Kind::HeaderConverter => self.keys(&one.class).await?,
            };
            let plugin = Plugin {
                kind: one.kind,
                // Of a class that several plugins bring, the list names any version.
                version: one
                    .version
                    .clone()
                    .filter(|_| matches!(one.kind, Kind::Source | Kind::Sink)),
                keys,
            };
            // One class may be both kinds of converter.
            definitions
                .plugins
                .entry(one.class.clone())
                .or_insert(plugin);
        }
        Ok(definitions)
    }

    /// Keys of a connector, Connect's own among them. Validation tells the values that it recommends, the other question the
    /// keys that validation leaves out where another one has to be given first.
    async fn connector(&self, one: &Listed) -> Result<Keys> {
        let mut config = Map::new();
        config.insert("connector.class".to_owned(), one.class.clone().into());
        config.insert("name".to_owned(), "lab-lint".into());
        if one.kind == Kind::Sink {
            config.insert("topics".to_owned(), "lab-lint".into());
        }
        let mut keys = Keys::new();
        for validation in self.validate(&one.class, &config).await?.configs {
            let values = validation.value.map(|value| value.recommended_values);
            let (name, key) = validation.definition.key(values.unwrap_or_default());
            keys.insert(name, key);
        }
        for (name, key) in self.keys(&one.class).await? {
            keys.entry(name).or_insert(key);
        }
        Ok(keys)
    }

    /// Keys of a transform or predicate. Only a connector's validation tells the values that they recommend.
    async fn linked(&self, one: &Listed, connector: Option<&str>) -> Result<Keys> {
        let Some(connector) = connector else {
            return self.keys(&one.class).await;
        };
        let list = match one.kind {
            Kind::Predicate => "predicates",
            _ => "transforms",
        };
        let mut config = Map::new();
        config.insert("connector.class".to_owned(), connector.into());
        config.insert("name".to_owned(), "lab-lint".into());
        config.insert(list.to_owned(), "one".into());
        let prefix = format!("{list}.one.");
        config.insert(format!("{prefix}type"), one.class.clone().into());
        let answer = self.validate(connector, &config).await?;
        let mut keys = Keys::new();
        for validation in answer.configs {
            let values = validation.value.map(|value| value.recommended_values);
            let (name, key) = validation.definition.key(values.unwrap_or_default());
            if let Some(name) = name.strip_prefix(&prefix) {
                keys.insert(name.to_owned(), key);
            }
        }
        Ok(keys)
    }

    async fn keys(&self, class: &str) -> Result<Keys> {
        let path = format!("connector-plugins/{}/config", segment(class));
        let list: Vec<Definition> = self.ask(Method::GET, &path, None).await?;
        Ok(list.into_iter().map(|one| one.key(Vec::new())).collect())
    }

    async fn validate(&self, class: &str, config: &Map<String, Value>) -> Result<Validated> {
        let path = format!("connector-plugins/{}/config/validate", segment(class));
        self.ask(Method::PUT, &path, Some(&json!(config))).await
    }

    /// What the worker has against these values, by key.
    ///
    /// # Errors
    /// When it does not answer, or not as a worker does.
    pub async fn judge(
        &self,
        class: &str,
        config: &Map<String, Value>,
    ) -> Result<BTreeMap<String, Vec<String>>> {
        let answer = self.validate(class, config).await?;
        Ok(answer
            .configs
            .into_iter()
            .filter_map(|one| one.value)
            .filter(|value| !value.errors.is_empty())
            .map(|value| (value.name, value.errors))
            .collect())
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<T> {
        let what = format!("{method} /{path}");
        let url = self.url.join(path).context("cannot make the URL")?;
        let mut request = self.http.request(method, url);
        if let Some(body) = body {
            request = request.json(body);
        }
        // Without the URL: it may have a password.
        let answer = request
            .send()
            .await
            .map_err(reqwest::Error::without_url)
            .with_context(|| {
                let (host, port) = (self.url.host_str(), self.url.port_or_known_default());
                format!(
                    "the worker does not answer {what} at {}:{}: is it up, and is that the address of its REST interface?",
                    host.unwrap_or_default(),
                    port.unwrap_or_default()
                )
            })?;
        let status = answer.status();
        let bytes = body::bytes(answer, LARGEST)
            .await
            .with_context(|| format!("what is asked for {what} is no worker"))?;
        if !status.is_success() {
            bail!("the worker answers {what} with {status}");
        }
        serde_json::from_slice(&bytes)
            .with_context(|| format!("the answer to {what} is not that of a Connect worker"))
    }
}
