//! JSON files, strictly: a key that is there twice is a mistake, and every mistake has its place.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value as Json};

use crate::node::quoted;
use crate::problem::{BYTE_ORDER_MARK, Problem, Source};

/// What begins the message about a key that is there twice; the key as JSON follows.
const TWICE: &str = "twice: ";

/// The value of a text that stands in `file`, or its first mistake: what is not JSON, or a key that is there twice.
///
/// # Errors
/// With the place.
pub fn strict_json(file: &Path, text: &str) -> Result<Json, Box<Problem>> {
    parse(&Source::new(file, text))
}

/// The value of a file, or its first mistake.
pub(crate) fn parse(source: &Arc<Source>) -> Result<Json, Box<Problem>> {
    let text = source.text.trim_start_matches(BYTE_ORDER_MARK);
    let skipped = source.text.len() - text.len();
    serde_json::from_str::<Strict>(text)
        .map(|value| value.0)
        .map_err(|error| {
            let at = skipped + offset(text, error.line(), error.column());
            let message = error.to_string();
            let message = message.split(" at line ").next().unwrap_or("not JSON");
            Box::new(match message.strip_prefix(TWICE) {
                Some(key) => {
                    // The mistake is seen when the key has been read: it is the last of that name before.
                    let before = &source.text[..(at + 1).min(source.text.len())];
                    let start = before.rfind(key).unwrap_or(at);
                    Problem::new(
                        source,
                        start..start + key.len(),
                        format!("the key {key} is there twice"),
                    )
                    .help("a key stands once in an object: only the last one would count")
                }
                None if message == "recursion limit exceeded" => {
                    Problem::new(source, at..at + 1, "nested too deeply").help("at most 127 levels")
                }
                None => Problem::new(source, at..at + 1, format!("not JSON: {message}")).help(
                    if message == "trailing comma" {
                        "JSON has no comma before `}` and `]`"
                    } else {
                        "expected JSON: keys and strings in double quotes, no comments"
                    },
                ),
            })
        })
}

/// The byte offset of a line and column in bytes, both from 1.
fn offset(text: &str, line: usize, column: usize) -> usize {
    let start: usize = text
        .split_inclusive('\n')
        .take(line.saturating_sub(1))
        .map(str::len)
        .sum();
    start + column.saturating_sub(1)
}

struct Strict(Json);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue).map(Self)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Json;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_unit<E: Error>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E: Error>(self, boolean: bool) -> Result<Json, E> {
        Ok(Json::from(boolean))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Json, E> {
        Ok(Json::from(number))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Json, E> {
        Ok(Json::from(number))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Json, E> {
        Ok(Json::from(number))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Json, E> {
        Ok(Json::from(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let mut array = Vec::new();
        while let Some(Strict(item)) = items.next_element()? {
            array.push(item);
        }
        Ok(Json::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Json, A::Error> {
        let mut object = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            if object.contains_key(&key) {
                return Err(A::Error::custom(format_args!("{TWICE}{}", quoted(&key))));
            }
            let Strict(value) = entries.next_value()?;
            object.insert(key, value);
        }
        Ok(Json::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::parse;
    use crate::problem::Source;
    use rstest::rstest;

    #[rstest]
    #[case::all_kinds(r#"{"a": [null, true, -1, 1.5, "x", {}]}"#)]
    #[case::same_key_in_two_objects(r#"[{"a": 1}, {"a": 2}]"#)]
    #[case::byte_order_mark("\u{feff}{}")]
    #[case::largest_number("18446744073709551615")]
    fn reads(#[case] text: &str) {
        let expected: serde_json::Value =
            serde_json::from_str(text.trim_start_matches('\u{feff}')).unwrap();
        assert_eq!(parse(&Source::new("x.json", text)).unwrap(), expected);
    }

    #[rstest]
    #[case::twice("{\n  \"a\": 1,\n  \"a\": 2\n}", "3:3: the key \"a\" is there twice")]
    #[case::comma("{\"a\": 1,}", "1:9: not JSON: trailing comma")]
    #[case::byte_order_mark("\u{feff}{]", "1:2: not JSON: key must be a string")]
    #[case::end("{\n", "2:1: not JSON: EOF while parsing an object")]
    #[case::empty("", "1:1: not JSON: EOF while parsing a value")]
    #[case::after_the_end("{}\n{}", "2:1: not JSON: trailing characters")]
    #[case::characters("{\"é\": nul}", "1:10: not JSON: expected ident")]
    fn refuses(#[case] text: &str, #[case] expected: &str) {
        let problem = parse(&Source::new("x.json", text)).unwrap_err();
        let shown = format!("{}:{}: {}", problem.line, problem.column, problem.message);
        assert_eq!(shown, expected);
    }
}
