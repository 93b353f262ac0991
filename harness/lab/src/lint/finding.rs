//! What a rule has found, and how it is shown.

use std::ops::Range;

use scenario::{Problem, Weight};
use serde::Serialize;
use strum::{Display, IntoStaticStr};

use super::document::{Document, Entry};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Display, IntoStaticStr)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Severity {
    /// The connector does not start, or is refused.
    Error,
    /// It runs, and does something else than its author wrote.
    Warning,
    /// Worth knowing; nothing is wrong.
    Note,
}

impl From<Severity> for Weight {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Error => Self::Error,
            Severity::Warning => Self::Warning,
            Severity::Note => Self::Note,
        }
    }
}

/// A change of the configuration, with what it does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The key that goes, or is changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remove: Option<String>,
    /// The key that comes in its place, or is changed, with its value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub set: Option<(String, String)>,
    /// What this does, in a sentence.
    pub does: String,
}

impl Change {
    /// Takes a key away.
    pub fn remove(key: &str, does: impl Into<String>) -> Self {
        Self {
            remove: Some(key.to_owned()),
            set: None,
            does: does.into(),
        }
    }

    /// Sets a key, which need not be there.
    pub fn set(key: &str, value: impl Into<String>, does: impl Into<String>) -> Self {
        Self {
            remove: None,
            set: Some((key.to_owned(), value.into())),
            does: does.into(),
        }
    }

    /// Puts a key in the place of another.
    pub fn replace(
        old: &str,
        new: &str,
        value: impl Into<String>,
        does: impl Into<String>,
    ) -> Self {
        Self {
            remove: Some(old.to_owned()),
            set: Some((new.to_owned(), value.into())),
            does: does.into(),
        }
    }
}

/// What a rule has found.
#[derive(Debug, Clone)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The rule, set by who runs the rules.
    pub rule: &'static str,
    /// The key that it is about, if it is there.
    pub key: Option<String>,
    /// Where it is.
    pub span: Range<usize>,
    /// What is found.
    pub message: String,
    /// What follows from it, in one sentence.
    pub consequence: String,
    /// What to write instead.
    pub instead: Option<String>,
    /// The key that was probably meant.
    pub near: Option<String>,
    /// What mends it.
    pub changes: Vec<Change>,
}

impl Finding {
    fn new(
        severity: Severity,
        key: Option<String>,
        span: Range<usize>,
        message: impl Into<String>,
        consequence: impl Into<String>,
    ) -> Self {
        Self {
            severity,
            rule: "",
            key,
            span,
            message: message.into(),
            consequence: consequence.into(),
            instead: None,
            near: None,
            changes: Vec::new(),
        }
    }

    /// About a key.
    pub fn of_key(
        severity: Severity,
        entry: &Entry,
        message: impl Into<String>,
        consequence: impl Into<String>,
    ) -> Self {
        let span = entry.key_span.clone();
        Self::new(
            severity,
            Some(entry.key.clone()),
            span,
            message,
            consequence,
        )
    }

    /// About the value of a key.
    pub fn of_value(
        severity: Severity,
        entry: &Entry,
        message: impl Into<String>,
        consequence: impl Into<String>,
    ) -> Self {
        let span = entry.value_span.clone();
        Self::new(
            severity,
            Some(entry.key.clone()),
            span,
            message,
            consequence,
        )
    }

    /// About something that is not there: placed where the configuration begins.
    pub fn missing(
        severity: Severity,
        document: &Document,
        message: impl Into<String>,
        consequence: impl Into<String>,
    ) -> Self {
        let span = document.start..document.start + 1;
        Self::new(severity, None, span, message, consequence)
    }

    /// Says what to write instead.
    #[must_use]
    pub fn instead(mut self, words: impl Into<String>) -> Self {
        self.instead = Some(words.into());
        self
    }

    /// Names what was probably meant.
    #[must_use]
    pub fn near(mut self, near: Option<String>) -> Self {
        self.near = near;
        self
    }

    /// Adds a change that mends it.
    #[must_use]
    pub fn change(mut self, change: Change) -> Self {
        self.changes.push(change);
        self
    }

    /// As a problem of the file.
    fn problem(&self, document: &Document) -> Problem {
        let message = format!("{}: {} [{}]", self.severity, self.message, self.rule);
        let problem = Problem::at(&document.file, document.shown(), self.span.clone(), message)
            .weighs(self.severity.into())
            .help(&self.consequence)
            .near(self.near.clone());
        match &self.instead {
            Some(instead) => problem.help(instead),
            None => problem,
        }
    }

    /// `file:line:column: severity: what is found [rule]`, the line, the consequence, and what to do.
    pub fn render(&self, document: &Document, colour: bool) -> String {
        self.problem(document).render(colour)
    }

    /// For programs.
    pub fn json(&self, document: &Document) -> serde_json::Value {
        let problem = self.problem(document);
        serde_json::json!({
            "severity": self.severity,
            "rule": self.rule,
            "file": document.file,
            "line": problem.line,
            "column": problem.column,
            "key": self.key,
            "message": self.message,
            "consequence": self.consequence,
            "instead": self.instead,
            "near_miss": self.near,
            "changes": self.changes,
        })
    }
}
