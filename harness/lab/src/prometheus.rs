//! Questions to Prometheus.

use std::collections::BTreeMap;

use serde::Deserialize;
use stack::body::{self, BodyError};

/// A series with one value.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Labels, `__name__` among them where the query keeps it.
    pub labels: BTreeMap<String, String>,
    /// Value.
    pub value: f64,
}

/// A series with its values over time, as (seconds since 1970, value).
#[derive(Debug, Clone, PartialEq)]
pub struct Range {
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Times and values.
    pub values: Vec<(f64, f64)>,
}

/// Why a query has no result.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// Prometheus does not understand it.
    #[error("{0}")]
    Refused(String),
    /// No answer, or one of another shape.
    #[error("Prometheus does not answer as it should")]
    Answer(#[source] reqwest::Error),
    /// An answer that cannot be had whole.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// An answer that is no JSON of its own.
    #[error("Prometheus does not answer as it should")]
    Json(#[from] serde_json::Error),
    /// A result that is no vector or matrix.
    #[error("the query's result is a {0}, not a vector")]
    Shape(String),
}

#[derive(Deserialize)]
struct Answer {
    error: Option<String>,
    data: Option<Data>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    result_type: String,
    result: serde_json::Value,
}

#[derive(Deserialize)]
struct Series {
    metric: BTreeMap<String, String>,
    value: Option<(f64, String)>,
    values: Option<Vec<(f64, String)>>,
}

/// Evaluates a query now.
///
/// # Errors
/// When there is no result of the right shape.
pub async fn query(
    http: &reqwest::Client,
    url: &str,
    query: &str,
) -> Result<Vec<Sample>, QueryError> {
    let series = ask(
        http,
        &format!("{url}/api/v1/query"),
        &[("query", query)],
        "vector",
    )
    .await?;
    Ok(series
        .into_iter()
        .filter_map(|one| {
            Some(Sample {
                labels: one.metric,
                value: one.value?.1.parse().ok()?,
            })
        })
        .collect())
}

/// All samples of a selector in the last `seconds`, as they were scraped.
///
/// # Errors
/// When there is no result of the right shape.
pub async fn samples(
    http: &reqwest::Client,
    url: &str,
    selector: &str,
    seconds: u64,
) -> Result<Vec<Range>, QueryError> {
    let query = format!("{selector}[{seconds}s]");
    let series = ask(
        http,
        &format!("{url}/api/v1/query"),
        &[("query", &query)],
        "matrix",
    )
    .await?;
    let value = |(time, text): (f64, String)| Some((time, text.parse().ok()?));
    Ok(series
        .into_iter()
        .map(|one| Range {
            labels: one.metric,
            values: one.values.into_iter().flatten().filter_map(value).collect(),
        })
        .collect())
}

async fn ask(
    http: &reqwest::Client,
    url: &str,
    parameters: &[(&str, &str)],
    wanted: &str,
) -> Result<Vec<Series>, QueryError> {
    let answer = http
        .get(url)
        .query(parameters)
        .send()
        .await
        .map_err(QueryError::Answer)?;
    let answer: Answer = serde_json::from_slice(&body::bytes(answer, body::LARGEST).await?)?;
    let data = answer
        .data
        .ok_or_else(|| QueryError::Refused(answer.error.unwrap_or_default()))?;
    if data.result_type != wanted {
        return Err(QueryError::Shape(data.result_type));
    }
    serde_json::from_value(data.result)
        .map_err(|_| QueryError::Shape("list of something else".to_owned()))
}

/// Labels as PromQL writes them.
pub fn labels(labels: &BTreeMap<String, String>) -> String {
    let name = labels.get("__name__").cloned().unwrap_or_default();
    let others: Vec<_> = labels
        .iter()
        .filter(|(key, _)| *key != "__name__")
        .map(|(key, value)| format!("{key}={value:?}"))
        .collect();
    format!("{name}{{{}}}", others.join(", "))
}
