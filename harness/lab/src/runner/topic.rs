//! Names of topics in scenarios: one that Kafka would refuse is found as the file is read.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error};

/// Kafka's own limit: the name is that of a directory.
const LONGEST: usize = 249;

/// The name of a topic.
#[derive(Debug, Clone)]
pub struct Topic(String);

impl Topic {
    /// What Kafka would refuse, in words.
    fn unfit(name: &str) -> Option<String> {
        let fits = |c: char| c.is_ascii_alphanumeric() || ['.', '_', '-'].contains(&c);
        if name.is_empty() || name == "." || name == ".." {
            return Some("it is the name of no topic".to_owned());
        }
        if let Some(c) = name.chars().find(|c| !fits(*c)) {
            return Some(format!("{c:?} is in the name of no topic"));
        }
        let length = name.len();
        (length > LONGEST).then(|| format!("a name of {length} characters is too long for a topic"))
    }
}

impl<'de> Deserialize<'de> for Topic {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        match Self::unfit(&name) {
            None => Ok(Self(name)),
            Some(why) => Err(D::Error::custom(format_args!(
                "{why}\nKafka takes at most {LONGEST} letters, digits, `.`, `_` and `-`, and neither `.` nor `..` alone"
            ))),
        }
    }
}

// No pattern: a variable may stand in it.
impl JsonSchema for Topic {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Topic".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string" })
    }
}

impl Deref for Topic {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}
