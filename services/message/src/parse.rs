//! The parser: one pass where that is enough, else the reference. That is plain serde, in two passes: the first one finds the
//! entries and proves that the whole message is JSON; the second one reads each entry by itself, so that one bad metric cannot
//! take the others with it.

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::cursor;
use crate::metric::{Kind, Label, Metric};
use crate::reason::{MessageError, MetricError};

/// A message that could be read, with its metrics in the order of the text.
#[derive(Debug, Default, PartialEq)]
pub struct Message<'a> {
    /// When the source made the message, in milliseconds since 1970, if it says so.
    pub timestamp_ms: Option<i64>,
    /// The metrics that conform to the format.
    pub metrics: Vec<Metric<'a>>,
    /// The entries that do not.
    pub refused: Vec<Refusal<'a>>,
}

/// An entry of a message that was refused, and why.
#[derive(Debug, PartialEq)]
pub struct Refusal<'a> {
    /// The entry's key in the message.
    pub key: Cow<'a, str>,
    /// What is wrong with it.
    pub error: MetricError,
}

/// Reads a message.
///
/// # Errors
/// The message as a whole cannot be read. What is wrong with single metrics is in
/// [`Message::refused`] instead.
pub fn parse(bytes: &[u8]) -> Result<Message<'_>, MessageError> {
    match cursor::parse(bytes) {
        Some(message) => Ok(message),
        None => reference(bytes),
    }
}

/// Reads a message as [`parse`] does, by the reference alone: for tests and benchmarks.
///
/// # Errors
/// As [`parse`].
#[doc(hidden)]
pub fn reference(bytes: &[u8]) -> Result<Message<'_>, MessageError> {
    // An object is told from other JSON by its first byte, which gives a better reason than serde's.
    let document: &RawValue = serde_json::from_slice(bytes).map_err(MessageError::Json)?;
    let Entries(entries) = match json_type(document) {
        OBJECT => serde_json::from_str(document.get()).map_err(MessageError::Json)?,
        found => return Err(MessageError::NotAnObject { found }),
    };
    let mut message = Message {
        metrics: Vec::with_capacity(entries.len()),
        ..Message::default()
    };
    for (Text(key), raw) in entries {
        if key == "Timestamp" && json_type(raw) != OBJECT {
            let ms: i64 = serde_json::from_str(raw.get()).map_err(|_| MessageError::Timestamp)?;
            if ms < 0 || message.timestamp_ms.replace(ms).is_some() {
                return Err(MessageError::Timestamp);
            }
            continue;
        }
        match metric(raw) {
            Ok(metric) => message.metrics.push(metric),
            Err(error) => message.refused.push(Refusal { key, error }),
        }
    }
    Ok(message)
}

const OBJECT: &str = "an object";
const STRING: &str = "a string";

/// The JSON type of a value that is known to be JSON.
fn json_type(raw: &RawValue) -> &'static str {
    match raw.get().as_bytes().first() {
        Some(b'{') => OBJECT,
        Some(b'[') => "an array",
        Some(b'"') => STRING,
        Some(b't' | b'f') => "a boolean",
        Some(b'n') => "null",
        _ => "a number",
    }
}

fn metric(raw: &RawValue) -> Result<Metric<'_>, MetricError> {
    if json_type(raw) != OBJECT {
        return Err(MetricError::NotAnObject {
            found: json_type(raw),
        });
    }
    // Nothing but half a surrogate pair in a field's name can fail here: the first pass read it all.
    let Entries(entries) =
        serde_json::from_str(raw.get()).map_err(|_| MetricError::NotUnicode {
            field: "a field's name",
        })?;
    let mut fields = Fields::default();
    for (Text(name), value) in entries {
        let (field, slot) = match name.as_ref() {
            "Type" => ("Type", &mut fields.kind),
            "Name" => ("Name", &mut fields.name),
            "Description" => ("Description", &mut fields.description),
            "Value" => ("Value", &mut fields.value),
            "Labels" => ("Labels", &mut fields.labels),
            "Unit" => ("Unit", &mut fields.unit),
            // Unknown fields are skipped, so that the format can grow.
            _ => continue,
        };
        if slot.replace(value).is_some() {
            return Err(MetricError::Duplicate {
                field: field.to_owned(),
            });
        }
    }
    let kind = kind(fields.kind.ok_or(MetricError::Missing { field: "Type" })?)?;
    let name = text(
        fields.name.ok_or(MetricError::Missing { field: "Name" })?,
        "Name",
    )?;
    if name.is_empty() {
        return Err(MetricError::EmptyName);
    }
    let description = fields
        .description
        .map(|raw| text(raw, "Description"))
        .transpose()?
        .unwrap_or_default();
    let value = value(
        fields
            .value
            .ok_or(MetricError::Missing { field: "Value" })?,
        kind,
    )?;
    let labels = fields.labels.map(labels).transpose()?.unwrap_or_default();
    let unit = fields
        .unit
        .map(|raw| text(raw, "Unit"))
        .transpose()?
        .filter(|unit| !unit.is_empty());
    Ok(Metric {
        kind,
        name,
        description,
        value,
        labels,
        unit,
    })
}

#[derive(Default)]
struct Fields<'a> {
    kind: Option<&'a RawValue>,
    name: Option<&'a RawValue>,
    description: Option<&'a RawValue>,
    value: Option<&'a RawValue>,
    labels: Option<&'a RawValue>,
    unit: Option<&'a RawValue>,
}

fn text<'a>(raw: &'a RawValue, field: &'static str) -> Result<Cow<'a, str>, MetricError> {
    match json_type(raw) {
        STRING => {
            let Text(text) =
                serde_json::from_str(raw.get()).map_err(|_| MetricError::NotUnicode { field })?;
            Ok(text)
        }
        found => Err(MetricError::WrongType {
            field: field.into(),
            expected: STRING,
            found,
        }),
    }
}

fn kind(raw: &RawValue) -> Result<Kind, MetricError> {
    match text(raw, "Type")?.as_ref() {
        "gauge" => Ok(Kind::Gauge),
        "counter" => Ok(Kind::Counter),
        other => Err(MetricError::UnknownType {
            found: shortened(other),
        }),
    }
}

fn value(raw: &RawValue, kind: Kind) -> Result<f64, MetricError> {
    let value = match json_type(raw) {
        // JSON has numbers that no 64-bit float holds; the first pass does not look at magnitudes.
        "a number" => serde_json::from_str(raw.get()).map_err(|_| MetricError::OutOfRange)?,
        STRING => match text(raw, "Value")?.as_ref() {
            "NaN" => f64::NAN,
            "+Inf" => f64::INFINITY,
            "-Inf" => f64::NEG_INFINITY,
            other => {
                return Err(MetricError::ValueString {
                    found: shortened(other),
                });
            }
        },
        found => {
            return Err(MetricError::WrongType {
                field: "Value".into(),
                expected: "a number",
                found,
            });
        }
    };
    match kind {
        Kind::Gauge => Ok(value),
        Kind::Counter if !value.is_finite() => Err(MetricError::NonFiniteCounter),
        Kind::Counter if value < 0.0 => Err(MetricError::NegativeCounter),
        // Adding zero turns -0 into 0: a counter never shows a sign.
        Kind::Counter => Ok(value + 0.0),
    }
}

fn labels(raw: &RawValue) -> Result<Vec<Label<'_>>, MetricError> {
    if json_type(raw) != OBJECT {
        return Err(MetricError::WrongType {
            field: "Labels".into(),
            expected: OBJECT,
            found: json_type(raw),
        });
    }
    let Entries(entries) =
        serde_json::from_str(raw.get()).map_err(|_| MetricError::NotUnicode { field: "Labels" })?;
    let mut labels = Vec::with_capacity(entries.len());
    for (Text(name), value) in entries {
        if name.is_empty() {
            return Err(MetricError::EmptyLabelName);
        }
        if json_type(value) != STRING {
            return Err(MetricError::WrongType {
                field: shortened(&name).into(),
                expected: STRING,
                found: json_type(value),
            });
        }
        labels.push((name, text(value, "Labels")?));
    }
    labels.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
    if let Some(twice) = labels
        .windows(2)
        .find(|pair| matches!(pair, [(a, _), (b, _)] if a == b))
    {
        let field = twice
            .first()
            .map(|(name, _)| shortened(name))
            .unwrap_or_default();
        return Err(MetricError::Duplicate { field });
    }
    labels.retain(|(_, value)| !value.is_empty());
    Ok(labels)
}

/// Hostile text is quoted in errors, and errors go to the log: 80 characters are enough.
fn shortened(text: &str) -> String {
    match text.char_indices().nth(80) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// An object's entries in the order of the text, values untouched.
struct Entries<'a>(Vec<(Text<'a>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Entries<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct EntriesVisitor;
        impl<'de> Visitor<'de> for EntriesVisitor {
            type Value = Entries<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_map(EntriesVisitor)
    }
}

/// A string that is borrowed where it has no escapes; serde's own `Cow` always copies.
pub(crate) struct Text<'a>(pub(crate) Cow<'a, str>);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;
        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(TextVisitor)
    }
}
