//! Connect's REST interface.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde::Deserialize;
use serde_json::{Map, Value};
use stack::services::{LOGIN, connectors_client, postgres_settings};
use stack::{ServiceName, body};

use crate::runner::Context;
use crate::whole::whole;

/// How long a change may take. Connect answers by itself after 90 s (`ConnectResource.DEFAULT_REST_REQUEST_TIMEOUT_MS`): until then
/// Debezium may be at the validation of a configuration, for which it asks the database.
const CHANGE: Duration = Duration::from_secs(95);

/// How long a worker may rebalance: it answers 409 meanwhile.
const REBALANCE: Duration = Duration::from_secs(60);

/// How long a connector may take to stop.
const STOPPED: Duration = Duration::from_secs(20);

/// State of a connector and its tasks: `GET /connectors/NAME/status`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Status {
    /// The connector.
    pub connector: State,
    /// Its tasks.
    pub tasks: Vec<State>,
}

impl Status {
    /// What of it has failed: `connector`, `task 0`.
    pub fn failed(&self) -> Vec<String> {
        let tasks = self.tasks.iter().enumerate();
        let tasks = tasks.map(|(number, task)| (format!("task {number}"), task));
        std::iter::once(("connector".to_owned(), &self.connector))
            .chain(tasks)
            .filter(|(_, state)| state.state == "FAILED")
            .map(|(name, _)| name)
            .collect()
    }
}

/// State of a connector or task.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct State {
    /// `UNASSIGNED`, `RUNNING`, `PAUSED`, `STOPPED`, `FAILED`, `RESTARTING`.
    pub state: String,
    /// A Java stack trace, when it failed.
    #[serde(default)]
    pub trace: String,
}

/// What a connector of a secure stack is told over its configuration: how those of its clients of Kafka get in that the worker does
/// not make, and what the usual password of Postgres is there. The passwords stay in a file of the worker's.
///
/// # Errors
/// When the settings of Postgres have not the shape that they need.
pub fn of_a_secure_stack(
    context: &Context,
    config: &Map<String, Value>,
) -> Result<Vec<(String, Value)>> {
    let Some(keys) = context.endpoints.keys() else {
        return Ok(Vec::new());
    };
    let run = keys.directory().parent().unwrap_or(keys.directory());
    let logins = run.join(ServiceName::Connect.as_str()).join(LOGIN);
    let login = |key: &str| format!("${{file:{}:{key}}}", logins.display());
    let mut settings = Vec::new();
    let usual = postgres_settings()?.password;
    for key in ["database.password", "connection.password"] {
        if config.get(key).is_some_and(|password| *password == usual) {
            settings.push((key.to_owned(), login("postgres.password").into()));
        }
    }
    if config.contains_key("signal.kafka.bootstrap.servers") {
        let client = connectors_client(keys, login("sasl.jaas.config"))?;
        let named = client.into_iter();
        settings.extend(named.map(|(key, value)| (format!("signal.consumer.{key}"), value)));
    }
    Ok(settings)
}

/// What Connect answers to an error.
#[derive(Deserialize)]
struct Refusal {
    message: String,
}

/// Sends a request, again as long as the worker rebalances; gives the answer's body (null when it has none).
///
/// # Errors
/// No answer, or another status than success, with Connect's own words.
pub async fn request(
    context: &Context,
    method: Method,
    path: &str,
    body: Option<&Value>,
) -> Result<Value> {
    let (status, text) = exchange(context, method.clone(), path, body).await?;
    if !status.is_success() {
        let message =
            serde_json::from_str::<Refusal>(&text).map_or(text, |refusal| refusal.message);
        bail!(
            "Connect answers {method} {path} with {status}: {}",
            body::shown(&message)
        );
    }
    if text.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_str(&text)
        .with_context(|| format!("Connect's answer to {method} {path} is not JSON"))
}

/// Makes a connector, or changes its configuration.
///
/// # Errors
/// When Connect refuses the configuration.
pub async fn put(context: &Context, name: &str, config: &Value) -> Result<()> {
    request(
        context,
        Method::PUT,
        &format!("/connectors/{}/config", segment(name)),
        Some(config),
    )
    .await?;
    Ok(())
}

/// Deletes a connector; one that is not there is no error.
///
/// # Errors
/// When Connect refuses.
pub async fn delete(context: &Context, name: &str) -> Result<()> {
    let path = format!("/connectors/{}", segment(name));
    match exchange(context, Method::DELETE, &path, None).await? {
        (status, _) if status.is_success() || status == StatusCode::NOT_FOUND => Ok(()),
        (status, text) => bail!("Connect answers DELETE {path} with {status}: {text}"),
    }
}

/// The state of a connector; `None` when there is none of this name.
///
/// # Errors
/// No answer, or one of another shape.
pub async fn status(context: &Context, name: &str) -> Result<Option<Status>> {
    let path = format!("/connectors/{}/status", segment(name));
    match exchange(context, Method::GET, &path, None).await? {
        (StatusCode::NOT_FOUND, _) => Ok(None),
        (status, text) if status.is_success() => {
            Ok(Some(serde_json::from_str(&text).with_context(|| {
                format!("Connect's answer to GET {path}")
            })?))
        }
        (status, text) => bail!("Connect answers GET {path} with {status}: {text}"),
    }
}

/// Names of all connectors.
///
/// # Errors
/// No answer, or one of another shape.
pub async fn names(http: &reqwest::Client, rest: &str) -> Result<Vec<String>> {
    match send(http, rest, Method::GET, "/connectors", None).await? {
        (status, text) if status.is_success() => {
            serde_json::from_str(&text).context("Connect's answer to GET /connectors")
        }
        (status, text) => bail!("Connect answers GET /connectors with {status}: {text}"),
    }
}

/// Removes a connector with its offsets, and returns when its tasks have ended: one that still wrote would make its topics
/// again. One that is not there is no error.
///
/// # Errors
/// When Connect refuses.
pub async fn remove(http: &reqwest::Client, rest: &str, name: &str) -> Result<()> {
    let path = format!("/connectors/{}", segment(name));
    // Offsets can be reset when the connector is stopped (Connect 3.6; before it, they stay).
    let (stopped, _) = send(http, rest, Method::PUT, &format!("{path}/stop"), None).await?;
    if stopped.is_success() {
        let begun = std::time::Instant::now();
        loop {
            let offsets = format!("{path}/offsets");
            let (reset, _) = send(http, rest, Method::DELETE, &offsets, None).await?;
            // It refuses as long as a task runs.
            if reset != StatusCode::BAD_REQUEST || begun.elapsed() > STOPPED {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    match send(http, rest, Method::DELETE, &path, None).await? {
        (status, _) if status.is_success() || status == StatusCode::NOT_FOUND => Ok(()),
        (status, text) => bail!("Connect answers DELETE {path} with {status}: {text}"),
    }
}

async fn exchange(
    context: &Context,
    method: Method,
    path: &str,
    body: Option<&Value>,
) -> Result<(StatusCode, String)> {
    let rest = context.endpoint("connect", "rest")?;
    send(&context.http, rest, method, path, body).await
}

async fn send(
    http: &reqwest::Client,
    rest: &str,
    method: Method,
    path: &str,
    body: Option<&Value>,
) -> Result<(StatusCode, String)> {
    let mut request = http.request(method.clone(), format!("{rest}{path}"));
    if let Some(body) = body {
        request = request.json(body);
    }
    if method != Method::GET {
        request = request.timeout(CHANGE);
    }
    let begun = std::time::Instant::now();
    loop {
        let once = answered(
            request.try_clone().context("a body that streams")?,
            format!("{method} {path}"),
        );
        let (status, text) = match method {
            Method::GET => once.await?,
            _ => whole(once).await?,
        };
        if status != StatusCode::CONFLICT || begun.elapsed() > REBALANCE {
            return Ok((status, text));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn answered(request: RequestBuilder, what: String) -> Result<(StatusCode, String)> {
    let answer = request
        .send()
        .await
        .with_context(|| format!("Connect does not answer {what}"))?;
    let status = answer.status();
    let text = body::text(answer, body::LARGEST)
        .await
        .with_context(|| format!("Connect answered {what}"))?;
    Ok((status, text))
}

/// A name as a segment of a URL's path.
pub fn segment(name: &str) -> String {
    name.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}
