//! A connector's file: its keys and values with their places, in any of the forms that go in and out of Connect's REST.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use scenario::{Problem, is_secret_name, near_miss, strict_json};
use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use super::case::{Case, Reading};
use super::definitions::Definitions;
use super::secrets;

/// How the configuration is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// The configuration alone: what `PUT /connectors/{name}/config` takes.
    Config,
    /// `{name, config}`: what `POST /connectors` takes, and, with `tasks` and `type`, what `GET /connectors/{name}` answers.
    Named,
}

/// A key of the configuration.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its name.
    pub key: String,
    /// Where the name stands, with its quotes.
    pub key_span: Range<usize>,
    /// The value.
    pub value: Value,
    /// Where it stands.
    pub value_span: Range<usize>,
}

impl Entry {
    /// The value as Connect reads it: everything that is one text, number or boolean is a text to it.
    pub fn text(&self) -> Option<String> {
        match &self.value {
            Value::String(text) => Some(text.clone()),
            Value::Number(_) | Value::Bool(_) => Some(self.value.to_string()),
            _ => None,
        }
    }
}

/// A connector's file.
#[derive(Debug, Clone)]
pub struct Document {
    /// What messages call it.
    pub file: PathBuf,
    /// Its text with stars in the place of each byte of a secret.
    shown: String,
    /// How it is written.
    pub form: Form,
    /// The connector's name beside the configuration.
    pub name: Option<Entry>,
    /// The configuration in the order of the file.
    pub entries: Vec<Entry>,
    /// Where the configuration begins.
    pub start: usize,
}

impl Document {
    /// Reads the text of a file.
    ///
    /// # Errors
    /// What is wrong with it, without what may be a secret.
    pub fn parse(file: &Path, text: &str) -> Result<Self, Box<Problem>> {
        let blind = secrets::blind(text);
        strict_json(file, text).map_err(|problem| {
            // The same words over a line in which no secret is left.
            let span = problem.span.clone();
            let shown = Problem::at(file, &blind, span, problem.message.clone());
            Box::new(problem.help.into_iter().fold(shown, Problem::help))
        })?;
        let wrong = |at: usize, message: &str| {
            Box::new(
                Problem::at(file, &blind, at..at + 1, message)
                    .help("expected the `config` object alone, or {\"name\": …, \"config\": {…}}"),
            )
        };
        let body = text.trim_start_matches('\u{feff}');
        let begin = text.len() - body.len() + (body.len() - body.trim_start().len());
        let Ok(top) = serde_json::from_str::<Members<'_>>(body) else {
            return Err(wrong(begin, "a connector is a JSON object"));
        };
        let entries = top.entries(text, begin);
        let config = entries.iter().find(|entry| entry.key == "config");
        let named = config.filter(|entry| {
            entry.value.is_object() || !entries.iter().any(|one| one.key == "connector.class")
        });
        let Some(config) = named.cloned() else {
            return Ok(Self::new(file, text, Form::Config, None, entries, begin));
        };
        let raw = &text[config.value_span.clone()];
        let Ok(members) = serde_json::from_str::<Members<'_>>(raw) else {
            return Err(wrong(config.value_span.start, "`config` is a JSON object"));
        };
        const BESIDE: [&str; 5] = ["name", "config", "tasks", "type", "initial_state"];
        if let Some(other) = entries
            .iter()
            .find(|entry| !BESIDE.contains(&entry.key.as_str()))
        {
            let message = format!("there is no \"{}\" beside `config`", other.key);
            let problem = Problem::at(file, &blind, other.key_span.clone(), message)
                .help("expected name, config, tasks, type or initial_state: settings stand inside `config`")
                .near(near_miss(&other.key, BESIDE));
            return Err(Box::new(problem));
        }
        let start = config.value_span.start;
        let name = entries.into_iter().find(|entry| entry.key == "name");
        let inner = members.entries(text, start);
        Ok(Self::new(file, text, Form::Named, name, inner, start))
    }

    fn new(
        file: &Path,
        text: &str,
        form: Form,
        name: Option<Entry>,
        entries: Vec<Entry>,
        start: usize,
    ) -> Self {
        let secret: Vec<_> = entries
            .iter()
            .filter(|entry| is_secret_name(&entry.key))
            .collect();
        Self {
            file: file.to_owned(),
            shown: secrets::masked(text, &secret),
            form,
            name,
            entries,
            start,
        }
    }

    /// The text without secrets, as long as it was.
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// Hides what a plugin defines as a password, too.
    pub fn hide_passwords(&mut self, definitions: &Definitions) {
        let secret = {
            let Ok(case) = Case::new(self, definitions) else {
                return;
            };
            let is_password = |entry: &&Entry| matches!(case.reading(&entry.key), Reading::Defined(key) if key.kind == "PASSWORD");
            let secret = self.entries.iter().filter(is_password).cloned();
            secret.collect::<Vec<_>>()
        };
        self.shown = secrets::masked(&self.shown, &secret.iter().collect::<Vec<_>>());
    }

    /// A key.
    pub fn get(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }
}

/// The members of an object, their values as they are written.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl Members<'_> {
    /// With their places in the text, of which the object is a part that begins at `start`.
    fn entries(&self, text: &str, start: usize) -> Vec<Entry> {
        let mut before = start;
        let mut entries = Vec::with_capacity(self.0.len());
        for (key, raw) in &self.0 {
            let raw = raw.get();
            let at = (raw.as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
            // Between two values stand a comma, the key and a colon.
            let between = text.get(before..at).unwrap_or_default();
            let open = before + between.find('"').unwrap_or_default();
            let close = before + between.rfind('"').map_or(between.len(), |quote| quote + 1);
            before = at + raw.len();
            entries.push(Entry {
                key: key.clone(),
                key_span: open..close,
                value: serde_json::from_str(raw).unwrap_or_default(),
                value_span: at..before,
            });
        }
        entries
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Members<'de>;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some(key) = map.next_key::<String>()? {
                    let raw = map
                        .next_value::<&'de RawValue>()
                        .map_err(A::Error::custom)?;
                    members.push((key, raw));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::path::Path;

    use rstest::rstest;

    use super::{Document, Form};

    #[rstest]
    #[case::config(r#"{"connector.class": "X", "a": 1}"#, Form::Config)]
    #[case::named(
        r#"{"name": "n", "config": {"connector.class": "X", "a": 1}}"#,
        Form::Named
    )]
    #[case::answer(
        "\u{feff} {\"name\": \"n\", \"config\": {\"connector.class\": \"X\", \"a\": 1}, \"tasks\": [{\"connector\": \"n\", \"task\": 0}], \"type\": \"source\"}",
        Form::Named
    )]
    fn each_form_is_read_with_places(#[case] text: &str, #[case] form: Form) {
        let document = Document::parse(Path::new("c.json"), text).unwrap();
        assert_eq!(document.form, form);
        let a = document.get("a").unwrap();
        assert_eq!(&text[a.key_span.clone()], "\"a\"");
        assert_eq!(&text[a.value_span.clone()], "1");
        assert_eq!(a.text().as_deref(), Some("1"));
    }

    #[rstest]
    #[case::escaped_key(r#"{"a\"b": "c"}"#, "a\"b", r#""a\"b""#)]
    #[case::nested_before(r#"{"x": {"y": [1, "\"}"]}, "b": "c"}"#, "b", r#""b""#)]
    fn keys_have_places(#[case] text: &str, #[case] key: &str, #[case] written: &str) {
        let document = Document::parse(Path::new("c.json"), text).unwrap();
        assert_eq!(&text[document.get(key).unwrap().key_span.clone()], written);
    }

    #[rstest]
    #[case::passwords(r#"{"database.password": "s3cret", "url": "http://u:s3cret@h"}"#)]
    #[case::broken(r#"{"database.password": "s3cret" "#)]
    #[case::jaas(
        r#"{"producer.override.sasl.jaas.config": "X username=\"u\" password=\"s3cret\";"}"#
    )]
    fn no_secret_is_shown(#[case] text: &str) {
        match Document::parse(Path::new("c.json"), text) {
            Ok(document) => {
                assert!(!document.shown().contains("s3cret"), "{}", document.shown());
                assert_eq!(document.shown().len(), text.len());
            }
            Err(problem) => assert!(!problem.to_string().contains("s3cret"), "{problem}"),
        }
    }
}
