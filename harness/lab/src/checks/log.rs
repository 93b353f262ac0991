//! `log`

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::runner::{Check, Context, Observed, Process, Step, StepError};
use crate::words::count;

/// Lines of a service's log, or of the log of a process that the scenario started.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// Whose log.
    service: Process,
    /// Some line contains this.
    contains: Option<String>,
    /// No line contains this.
    lacks: Option<String>,
}

impl Check for Log {
    fn check(&self) -> Result<(), String> {
        match (&self.contains, &self.lacks) {
            (None, None) => Err("nothing is expected\ngive `contains`, `lacks` or both".to_owned()),
            _ => Ok(()),
        }
    }
}

#[async_trait]
impl Step for Log {
    async fn attempt(&self, context: &mut Context) -> Result<Observed, StepError> {
        let text = context.log(&self.service).await?;
        let line_with = |words: &str| text.lines().find(|line| line.contains(words));
        if let Some((words, line)) = self
            .lacks
            .as_deref()
            .and_then(|words| Some((words, line_with(words)?)))
        {
            return Err(StepError::mismatch(
                &*self.service,
                format!("no line with {words:?}"),
                line,
            ));
        }
        match self
            .contains
            .as_deref()
            .map(|words| (words, line_with(words)))
        {
            Some((words, None)) => {
                let seen = format!("none in {}", count(text.lines().count(), "line"));
                Err(StepError::mismatch(
                    &*self.service,
                    format!("a line with {words:?}"),
                    seen,
                ))
            }
            Some((_, Some(line))) => Ok(Observed::value(line, line.into())),
            None => Ok(Observed::text("no such line")),
        }
    }
}
