//! Values of a file with the places where they stand.

use std::ops::Range;

use serde_json::Value as Json;

/// How much of a value is known before the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    /// All of it.
    Yes,
    /// Text that contains a variable whose value only the run gives.
    Text,
    /// Nothing: the value is such a variable, whatever its type.
    No,
}

/// A value and its place. Its children stand in the same file.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) value: Value,
    pub(crate) span: Range<usize>,
    pub(crate) known: Known,
}

#[derive(Clone, Debug)]
pub(crate) enum Value {
    /// TOML has no null: this one comes from `${null}`, a capture or a JSON file.
    Null,
    Boolean(bool),
    Integer(i64),
    /// Only for numbers from outside that do not fit an `i64`.
    Unsigned(u64),
    Float(f64),
    String(String),
    Array(Vec<Node>),
    Table(Vec<Entry>),
}

/// A key, its place, and its value.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) key_span: Range<usize>,
    pub(crate) node: Node,
}

/// A step from a value to one inside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Segment {
    Key(String),
    Index(usize),
}

impl Node {
    /// Where the last thing inside it ends: a table with a header of its own has only that header as its place.
    pub(crate) fn end(&self) -> usize {
        let inside = match &self.value {
            Value::Array(items) => items.iter().map(Self::end).max(),
            Value::Table(entries) => entries.iter().map(|entry| entry.node.end()).max(),
            _ => None,
        };
        self.span.end.max(inside.unwrap_or_default())
    }

    pub(crate) fn new(value: Value, span: Range<usize>) -> Self {
        Self {
            value,
            span,
            known: Known::Yes,
        }
    }

    /// A value from outside the file, put where `span` is.
    pub(crate) fn from_json(json: &Json, span: &Range<usize>) -> Self {
        let value = match json {
            Json::Null => Value::Null,
            Json::Bool(boolean) => Value::Boolean(*boolean),
            Json::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
                (Some(integer), _, _) => Value::Integer(integer),
                (None, Some(unsigned), _) => Value::Unsigned(unsigned),
                (None, None, float) => Value::Float(float.unwrap_or_default()),
            },
            Json::String(text) => Value::String(text.clone()),
            Json::Array(items) => Value::Array(
                items
                    .iter()
                    .map(|item| Self::from_json(item, span))
                    .collect(),
            ),
            Json::Object(object) => Value::Table(
                object
                    .iter()
                    .map(|(key, value)| Entry {
                        key: key.clone(),
                        key_span: span.clone(),
                        node: Self::from_json(value, span),
                    })
                    .collect(),
            ),
        };
        Self::new(value, span.clone())
    }

    /// The value without places.
    pub(crate) fn to_json(&self) -> Json {
        match &self.value {
            Value::Null => Json::Null,
            Value::Boolean(boolean) => Json::from(*boolean),
            Value::Integer(integer) => Json::from(*integer),
            Value::Unsigned(unsigned) => Json::from(*unsigned),
            Value::Float(float) => Json::from(*float),
            Value::String(text) => Json::from(text.as_str()),
            Value::Array(items) => Json::Array(items.iter().map(Self::to_json).collect()),
            Value::Table(entries) => Json::Object(
                entries
                    .iter()
                    .map(|entry| (entry.key.clone(), entry.node.to_json()))
                    .collect(),
            ),
        }
    }

    /// What kind of value it is, for messages.
    pub(crate) fn describe(&self) -> String {
        match &self.value {
            Value::Null => "null".to_owned(),
            Value::Boolean(boolean) => boolean.to_string(),
            Value::Integer(integer) => format!("the number {integer}"),
            Value::Unsigned(unsigned) => format!("the number {unsigned}"),
            Value::Float(float) => format!("the number {float}"),
            Value::String(text) => format!("the string {}", quoted(text)),
            Value::Array(_) => "an array".to_owned(),
            Value::Table(_) => "a table".to_owned(),
        }
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Entry> {
        match &self.value {
            Value::Table(entries) => entries.iter().find(|entry| entry.key == key),
            _ => None,
        }
    }

    /// Whether anything in it awaits the run.
    pub(crate) fn is_open(&self) -> bool {
        self.known != Known::Yes
            || match &self.value {
                Value::Array(items) => items.iter().any(Self::is_open),
                Value::Table(entries) => entries.iter().any(|entry| entry.node.is_open()),
                _ => false,
            }
    }

    pub(crate) fn at(&self, path: &[Segment]) -> Option<&Node> {
        path.iter()
            .try_fold(self, |node, segment| match (segment, &node.value) {
                (Segment::Key(key), Value::Table(_)) => node.get(key).map(|entry| &entry.node),
                (Segment::Index(index), Value::Array(items)) => items.get(*index),
                _ => None,
            })
    }

    pub(crate) fn at_mut(&mut self, path: &[Segment]) -> Option<&mut Node> {
        path.iter()
            .try_fold(self, |node, segment| match (segment, &mut node.value) {
                (Segment::Key(key), Value::Table(entries)) => entries
                    .iter_mut()
                    .find(|entry| entry.key == *key)
                    .map(|entry| &mut entry.node),
                (Segment::Index(index), Value::Array(items)) => items.get_mut(*index),
                _ => None,
            })
    }
}

impl Node {
    /// Takes a value out of what it is in; `false` when it is in nothing.
    pub(crate) fn remove(&mut self, path: &[Segment]) -> bool {
        let Some((last, parents)) = path.split_last() else {
            return false;
        };
        let parent = self.at_mut(parents).map(|parent| &mut parent.value);
        match (last, parent) {
            (Segment::Key(key), Some(Value::Table(entries))) => {
                let before = entries.len();
                entries.retain(|entry| entry.key != *key);
                entries.len() < before
            }
            (Segment::Index(index), Some(Value::Array(items))) if *index < items.len() => {
                items.remove(*index);
                true
            }
            _ => false,
        }
    }
}

/// Text in quotes, shortened where it is long.
pub(crate) fn quoted(text: &str) -> String {
    const LONGEST: usize = 40;
    if text.chars().count() <= LONGEST {
        format!("{text:?}")
    } else {
        let start: String = text.chars().take(LONGEST).collect();
        format!("{:?}…", start)
    }
}
