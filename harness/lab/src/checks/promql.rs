//! `promql`

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, bail};
use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::number::Expected;
use crate::prometheus::{self, Sample};
use crate::runner::{Context, Grid, Observed, Step, StepError};

/// What a PromQL query has to return: one sample with a `value`, exactly these `samples`, or nothing.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(try_from = "Written")]
pub struct Promql {
    query: String,
    wanted: Wanted,
}

#[derive(Debug, JsonSchema)]
enum Wanted {
    Value(Expected),
    Samples(Vec<ExpectedSample>),
    Absent,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Written {
    /// The query, evaluated now.
    query: String,
    /// The result is one sample with this value.
    value: Option<Expected>,
    /// The result is these samples and no others.
    samples: Option<Vec<ExpectedSample>>,
    /// The result is empty.
    #[serde(default)]
    absent: bool,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ExpectedSample {
    /// Labels that it has; it may have more.
    labels: BTreeMap<String, String>,
    /// Its value.
    value: Expected,
}

impl TryFrom<Written> for Promql {
    type Error = String;

    fn try_from(
        Written {
            query,
            value,
            samples,
            absent,
        }: Written,
    ) -> Result<Self, String> {
        let wanted = match (value, samples, absent) {
            (Some(value), None, false) => Wanted::Value(value),
            (None, Some(samples), false) => Wanted::Samples(samples),
            (None, None, true) => Wanted::Absent,
            _ => return Err("what is expected is missing or there twice\ngive one of `value`, `samples`, `absent = true`".to_owned()),
        };
        Ok(Self { query, wanted })
    }
}

#[async_trait]
impl Step for Promql {
    async fn attempt(&self, context: &mut Context) -> Result<Observed, StepError> {
        let url = context.endpoint("prometheus", "http")?.to_owned();
        let samples = match prometheus::query(&context.http, &url, &self.query).await {
            Ok(samples) => samples,
            Err(prometheus::QueryError::Refused(words)) => {
                return Err(StepError::broken(
                    "prometheus",
                    anyhow::anyhow!("{} is refused: {words}", self.query),
                ));
            }
            Err(error) => {
                return Err(StepError::mismatch(
                    "prometheus",
                    self.expected(),
                    format!("{error:#}"),
                ));
            }
        };
        match self.holds(&samples) {
            Ok(()) => Ok(observed(&samples)),
            Err(_) => Err(StepError::mismatch(
                "prometheus",
                self.expected(),
                shown(&samples),
            )),
        }
    }
}

impl Promql {
    fn holds(&self, samples: &[Sample]) -> Result<()> {
        match &self.wanted {
            Wanted::Absent if samples.is_empty() => Ok(()),
            Wanted::Absent => bail!("there are samples"),
            Wanted::Value(value) => match samples {
                [one] if value.holds(one.value) => Ok(()),
                _ => bail!("not one sample with the value"),
            },
            Wanted::Samples(wanted) => {
                let mut left: Vec<_> = samples.iter().collect();
                for expected in wanted {
                    let place = left.iter().position(|sample| {
                        expected.value.holds(sample.value)
                            && expected
                                .labels
                                .iter()
                                .all(|(name, value)| sample.labels.get(name) == Some(value))
                    });
                    left.swap_remove(place.context("a sample is missing")?);
                }
                if left.is_empty() {
                    Ok(())
                } else {
                    bail!("there are others")
                }
            }
        }
    }

    fn expected(&self) -> String {
        let what = match &self.wanted {
            Wanted::Absent => "nothing".to_owned(),
            Wanted::Value(value) => format!("one sample, {value}"),
            Wanted::Samples(samples) => {
                let lines: Vec<_> = samples
                    .iter()
                    .map(|sample| {
                        format!(
                            "\n  {} {}",
                            prometheus::labels(&sample.labels),
                            sample.value
                        )
                    })
                    .collect();
                format!("{} samples:{}", samples.len(), lines.concat())
            }
        };
        format!("{} to return {what}", self.query)
    }
}

fn shown(samples: &[Sample]) -> String {
    if samples.is_empty() {
        return "nothing".to_owned();
    }
    let lines: Vec<_> = samples
        .iter()
        .take(20)
        .map(|sample| format!("{} {}", prometheus::labels(&sample.labels), sample.value))
        .collect();
    let more = samples.len().saturating_sub(lines.len());
    if more > 0 {
        format!("{}\n… and {more} more", lines.join("\n"))
    } else {
        lines.join("\n")
    }
}

fn observed(samples: &[Sample]) -> Observed {
    let rows = samples
        .iter()
        .map(|sample| vec![prometheus::labels(&sample.labels), sample.value.to_string()])
        .collect();
    let grid = Grid {
        header: vec!["series".to_owned(), "value".to_owned()],
        rows,
    };
    let value = samples
        .iter()
        .map(|sample| json!({ "labels": sample.labels, "value": sample.value }))
        .collect();
    Observed {
        grid: Some(grid),
        ..Observed::value(shown(samples), value)
    }
}
