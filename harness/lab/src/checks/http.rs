//! `http`

use std::collections::BTreeMap;

use async_trait::async_trait;
use reqwest::Method;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use stack::body;

use super::address::{Status, Url};
use super::matching::{Mode, difference, short};
use crate::runner::{Check, Context, Observed, Process, Step, StepError};

/// A request, and what its answer has to be.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Http {
    /// A whole URL; or a path, with `service`.
    url: Url,
    /// The service that `url` is a path on.
    service: Option<Process>,
    /// GET when not given.
    method: Option<Verb>,
    /// Headers of the request.
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// Body of the request: text as it is, anything else as JSON.
    body: Option<Value>,
    /// Status of the answer; any success when not given.
    status: Option<Status>,
    /// Text that the answer's body contains.
    #[serde(default)]
    contains: Vec<String>,
    /// Text that it does not contain.
    #[serde(default)]
    lacks: Vec<String>,
    /// JSON that the answer has; it may have more.
    json: Option<Value>,
    /// JSON that the answer is.
    json_exactly: Option<Value>,
    /// Headers that the answer has, by lower-case name.
    #[serde(default)]
    answer_headers: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema, strum::Display)]
#[serde(rename_all = "UPPERCASE")]
#[strum(serialize_all = "UPPERCASE")]
enum Verb {
    Get,
    Put,
    Post,
    Patch,
    Delete,
    Head,
}

impl Check for Http {
    fn check(&self) -> Result<(), String> {
        match (&self.service, &self.url) {
            (None, Url::Path(path)) => Err(format!(
                "nobody is there to be asked for {path:?}\ngive the `service` that the path is on, or a whole URL"
            )),
            (Some(service), Url::Whole(url)) => Err(format!(
                "`url` names a host, and so does `service`: {url:?} and {service}\ngive a path such as \"/health\" on the service, or leave `service` out"
            )),
            _ => Ok(()),
        }
    }
}

#[async_trait]
impl Step for Http {
    async fn attempt(&self, context: &mut Context) -> Result<Observed, StepError> {
        let url = match &self.service {
            Some(service) => {
                let key = if service.starts_with("connect") {
                    "rest"
                } else {
                    "http"
                };
                format!("{}{}", context.endpoint(service, key)?, self.url.text())
            }
            None => self.url.text().to_owned(),
        };
        let method: Method = self.method.map_or(Method::GET, |verb| {
            verb.to_string().parse().unwrap_or(Method::GET)
        });
        let mut request = context.http.request(method, &url);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        request = match &self.body {
            Some(Value::String(text)) => request.body(text.clone()),
            Some(value) => request.json(value),
            None => request,
        };
        let miss = |expected: String, observed: String| match &self.service {
            Some(service) => StepError::mismatch(&**service, expected, observed),
            None => StepError::Mismatch {
                expected,
                observed,
                service: None,
            },
        };
        let answer = request.send().await;
        let answer = answer.map_err(|error| {
            miss(
                format!("an answer from {url}"),
                format!("{:#}", anyhow::Error::from(error)),
            )
        })?;
        let status = answer.status();
        let headers = answer.headers().clone();
        let body = body::text(answer, body::LARGEST)
            .await
            .map_err(|error| miss("a whole answer".to_owned(), error.to_string()))?;
        let shown = format!(
            "status {}, body {}",
            status.as_u16(),
            short(&Value::String(body.clone()))
        );
        match self.status {
            Some(Status(wanted)) if status.as_u16() != wanted => {
                return Err(miss(format!("status {wanted}"), shown));
            }
            None if !status.is_success() => {
                return Err(miss("a status of success".to_owned(), shown));
            }
            _ => {}
        }
        for (name, wanted) in &self.answer_headers {
            let seen = headers.get(name).and_then(|value| value.to_str().ok());
            if seen != Some(wanted) {
                return Err(miss(
                    format!("header {name}: {wanted}"),
                    format!("{seen:?}"),
                ));
            }
        }
        if let Some(missing) = self
            .contains
            .iter()
            .find(|text| !body.contains(text.as_str()))
        {
            return Err(miss(format!("{missing:?} in the answer"), shown));
        }
        if let Some(found) = self.lacks.iter().find(|text| body.contains(text.as_str())) {
            return Err(miss(format!("no {found:?} in the answer"), shown));
        }
        let value: Value = serde_json::from_str(&body).unwrap_or(Value::Null);
        for (wanted, mode) in [
            (&self.json, Mode::Subset),
            (&self.json_exactly, Mode::Exact),
        ] {
            if let Some(difference) = wanted
                .as_ref()
                .and_then(|wanted| difference(&value, wanted, mode))
            {
                return Err(miss(difference, shown));
            }
        }
        Ok(Observed::value(
            format!("status {}", status.as_u16()),
            json!({ "status": status.as_u16(), "body": body, "json": value }),
        ))
    }
}
