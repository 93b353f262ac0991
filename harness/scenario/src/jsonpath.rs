//! Paths into values, as RFC 9535 has them.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde_json::Value as Json;

const FORM: &str = "a JSONPath (RFC 9535) such as \"$.value.id\" or \"$[0].value\"";

/// A JSONPath (RFC 9535): `$.value.id`, `$[0]`, `$..name`.
#[derive(Clone, Debug)]
pub struct JsonPath {
    text: String,
    path: serde_json_path::JsonPath,
}

/// A path that leads to nothing, or to several values where one was wanted.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{path} leads to {found} values, expected one")]
pub struct NotOne {
    path: String,
    found: usize,
}

impl JsonPath {
    /// The path as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Every value that the path leads to.
    #[must_use]
    pub fn all<'a>(&self, value: &'a Json) -> Vec<&'a Json> {
        self.path.query(value).all()
    }

    /// The one value that the path leads to.
    ///
    /// # Errors
    /// When it leads to none or to several.
    pub fn one<'a>(&self, value: &'a Json) -> Result<&'a Json, NotOne> {
        let found = self.all(value);
        match found.as_slice() {
            [one] => Ok(one),
            _ => Err(NotOne {
                path: self.text.clone(),
                found: found.len(),
            }),
        }
    }
}

impl fmt::Display for JsonPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl FromStr for JsonPath {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        serde_json_path::JsonPath::parse(text)
            .map(|path| JsonPath {
                text: text.to_owned(),
                path,
            })
            .map_err(|error| {
                let reason = match error.message() {
                    "parser error" => "it goes wrong",
                    reason => reason,
                };
                format!(
                    "not a JSONPath: {reason} at character {}\nexpected {FORM}",
                    error.position() + 1
                )
            })
    }
}

impl<'de> Deserialize<'de> for JsonPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = JsonPath;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(FORM)
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<JsonPath, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Text)
    }
}

impl JsonSchema for JsonPath {
    fn schema_name() -> Cow<'static, str> {
        "JsonPath".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A JSONPath (RFC 9535) into what the step observed.",
            "examples": ["$.value.id", "$[0].value"]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::JsonPath;
    use rstest::rstest;
    use serde_json::{Value as Json, json};

    fn path(text: &str) -> JsonPath {
        serde_json::from_value(Json::from(text)).unwrap()
    }

    #[rstest]
    #[case::of_an_object("$.a.b", Ok(json!(1)))]
    #[case::of_an_array("$.list[1]", Ok(json!("y")))]
    #[case::the_whole("$", Ok(json!({"a": {"b": 1}, "list": ["x", "y"]})))]
    #[case::none("$.c", Err("$.c leads to 0 values, expected one"))]
    #[case::several("$.list[*]", Err("$.list[*] leads to 2 values, expected one"))]
    fn leads_to_one_value(#[case] text: &str, #[case] expected: Result<Json, &str>) {
        let value = json!({"a": {"b": 1}, "list": ["x", "y"]});
        let found = path(text).one(&value).cloned();
        assert_eq!(
            found.map_err(|error| error.to_string()),
            expected.map_err(str::to_owned)
        );
    }
}
