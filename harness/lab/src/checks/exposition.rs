//! `exposition`

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;

use super::series::scrape;
use crate::runner::{Check, Context, Exporter, Observed, Step, StepError};
use crate::words::count;

/// Text of an exporter's `/metrics`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Exposition {
    /// An exporter that the scenario started; the stack's own when not given.
    #[serde(default)]
    exporter: Exporter,
    /// The `Accept` header.
    accept: Option<String>,
    /// Lines that are there, whole.
    #[serde(default)]
    lines: Vec<String>,
    /// Text that is there.
    #[serde(default)]
    contains: Vec<String>,
    /// Text that is not there.
    #[serde(default)]
    lacks: Vec<String>,
}

impl Check for Exposition {
    fn check(&self) -> Result<(), String> {
        if self.lines.is_empty() && self.contains.is_empty() && self.lacks.is_empty() {
            return Err(
                "nothing is expected\ngive `lines`, `contains`, `lacks` or several of them"
                    .to_owned(),
            );
        }
        Ok(())
    }
}

#[async_trait]
impl Step for Exposition {
    async fn attempt(&self, context: &mut Context) -> Result<Observed, StepError> {
        let exporter: &str = &self.exporter;
        let text = scrape(context, exporter, self.accept.as_deref()).await?;
        let miss = |expected: String| {
            StepError::mismatch(
                exporter,
                expected,
                format!("{} without it", count(text.lines().count(), "line")),
            )
        };
        if let Some(missing) = self
            .lines
            .iter()
            .find(|wanted| !text.lines().any(|line| line == wanted.as_str()))
        {
            return Err(miss(format!("the line {missing}")));
        }
        if let Some(missing) = self
            .contains
            .iter()
            .find(|wanted| !text.contains(wanted.as_str()))
        {
            return Err(miss(format!("the text {missing}")));
        }
        for unwanted in &self.lacks {
            if let Some(line) = text.lines().find(|line| line.contains(unwanted.as_str())) {
                return Err(StepError::mismatch(
                    exporter,
                    format!("no {unwanted:?}"),
                    line,
                ));
            }
        }
        Ok(Observed::value(
            count(text.lines().count(), "line"),
            text.into(),
        ))
    }
}
