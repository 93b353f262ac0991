//! What an action or a check is to the engine.

use async_trait::async_trait;
use serde::Serialize;
use serde_json::Value;

use super::Context;

/// An action or a check, its arguments read and its variables put in.
#[async_trait]
pub trait Step: Send + Sync + std::fmt::Debug {
    /// An action: does it. A check: looks once; the engine repeats it.
    async fn attempt(&self, context: &mut Context) -> Result<Observed, StepError>;
}

/// What a step saw when it held.
#[derive(Debug, Default)]
pub struct Observed {
    /// In a line or a few, for the report.
    pub text: String,
    /// For `capture`.
    pub value: Value,
    /// For the report and the summary.
    pub grid: Option<Grid>,
    /// A topic, and how many of its records a check has looked at: the next check begins after them.
    pub settles: Option<(String, usize)>,
}

/// A table in a report.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Grid {
    /// Column headings.
    pub header: Vec<String>,
    /// Rows of as many cells.
    pub rows: Vec<Vec<String>>,
}

impl Grid {
    /// Without secrets.
    #[must_use]
    pub fn redacted(self, redact: &dyn Fn(&str) -> String) -> Self {
        let row = |cells: Vec<String>| cells.iter().map(|cell| redact(cell)).collect();
        Self {
            rows: self.rows.into_iter().map(row).collect(),
            ..self
        }
    }
}

/// Why a step did not hold.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// A check saw something else; it may hold later.
    #[error("expected {expected}, saw {observed}")]
    Mismatch {
        /// What would have been right.
        expected: String,
        /// What there was.
        observed: String,
        /// Whose log may say why.
        service: Option<String>,
    },
    /// Trying again will not help.
    #[error("{source:#}")]
    Broken {
        /// Cause.
        source: anyhow::Error,
        /// Whose log may say why.
        service: Option<String>,
    },
}

impl StepError {
    /// Something else than expected, to do with a service.
    pub fn mismatch(
        service: impl Into<String>,
        expected: impl Into<String>,
        observed: impl Into<String>,
    ) -> Self {
        Self::Mismatch {
            expected: expected.into(),
            observed: observed.into(),
            service: Some(service.into()),
        }
    }

    /// What cannot be mended by waiting, to do with a service.
    pub fn broken(service: impl Into<String>, source: impl Into<anyhow::Error>) -> Self {
        Self::Broken {
            source: source.into(),
            service: Some(service.into()),
        }
    }

    /// The service concerned.
    pub fn service(&self) -> Option<&str> {
        match self {
            Self::Mismatch { service, .. } | Self::Broken { service, .. } => service.as_deref(),
        }
    }
}

impl From<anyhow::Error> for StepError {
    fn from(source: anyhow::Error) -> Self {
        Self::Broken {
            source,
            service: None,
        }
    }
}

impl Observed {
    /// Text alone.
    pub fn text(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            ..Self::default()
        }
    }

    /// A value that later steps may capture.
    pub fn value(text: impl Into<String>, value: Value) -> Self {
        Self {
            text: text.into(),
            value,
            ..Self::default()
        }
    }
}

/// What a registry holds.
pub type AnyStep = Box<dyn Step>;

impl<T: Step + 'static> From<T> for AnyStep {
    fn from(step: T) -> Self {
        Box::new(step)
    }
}
