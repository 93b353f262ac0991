//! What an HTTP request goes to and what it is answered with, as scenarios write it.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error, Unexpected};

/// A URL that says whom to ask, or a path on a service that is known otherwise.
#[derive(Debug)]
pub enum Url {
    Whole(String),
    Path(String),
}

impl Url {
    /// As it is written.
    pub fn text(&self) -> &str {
        match self {
            Self::Whole(text) | Self::Path(text) => text,
        }
    }
}

impl<'de> Deserialize<'de> for Url {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.starts_with('/') {
            return Ok(Self::Path(text));
        }
        let parsed = reqwest::Url::parse(&text).ok();
        let right = parsed.is_some_and(|url| {
            ["http", "https"].contains(&url.scheme()) && url.host_str().is_some()
        });
        if right {
            return Ok(Self::Whole(text));
        }
        Err(D::Error::custom(format_args!(
            "this is no URL: {text:?}\nexpected \"http://HOST:PORT/PATH\", where a variable such as ${{connect.rest}} may stand for \"http://HOST:PORT\"; or \"/PATH\" with a `service`"
        )))
    }
}

impl JsonSchema for Url {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Url".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string" })
    }
}

/// The status of an answer.
#[derive(Debug, Clone, Copy)]
pub struct Status(pub u16);

impl<'de> Deserialize<'de> for Status {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let status = u16::deserialize(deserializer)?;
        if (100..=599).contains(&status) {
            return Ok(Self(status));
        }
        Err(D::Error::invalid_value(
            Unexpected::Unsigned(status.into()),
            &"a status of HTTP, from 100 to 599",
        ))
    }
}

impl JsonSchema for Status {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Status".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": 100, "maximum": 599 })
    }
}
