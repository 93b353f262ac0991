//! Whether JSON is as expected: by subset or exactly.

use assert_json_diff::{CompareMode, Config, NumericMode, assert_json_matches_no_panic};
use serde_json::{Map, Value};

use crate::words::count;

/// How JSON is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// What is expected has to be there; more may be.
    Subset,
    /// Nothing else may be there.
    Exact,
}

/// What differs, in words; `None` when nothing does. Numbers are compared by value: 1 is 1.0.
pub fn difference(observed: &Value, expected: &Value, mode: Mode) -> Option<String> {
    let mode = match mode {
        Mode::Subset => CompareMode::Inclusive,
        Mode::Exact => CompareMode::Strict,
    };
    let config = Config::new(mode).numeric_mode(NumericMode::AssumeFloat);
    let words = assert_json_matches_no_panic(observed, expected, config).err()?;
    Some(
        words
            .replace("json atoms at path", "values at")
            .replace(" are not equal:", " differ:")
            .replace("lhs", "observed")
            .replace("rhs", "expected"),
    )
}

/// What JSON is cut to where it is too long: the parts that anything in `shapes` speaks of, and how many others there are.
/// What is asked for and not there is then seen to be missing.
pub fn around(value: &Value, shapes: &[&Value]) -> Value {
    if value.to_string().chars().count() <= LONGEST {
        return value.clone();
    }
    let Value::Object(object) = value else {
        return value.clone();
    };
    let mut kept = Map::new();
    for (key, item) in object {
        let inside: Vec<&Value> = shapes.iter().filter_map(|shape| shape.get(key)).collect();
        if !inside.is_empty() {
            kept.insert(key.clone(), around(item, &inside));
        }
    }
    if kept.is_empty() {
        return value.clone();
    }
    let others = object.len() - kept.len();
    if others > 0 {
        kept.insert("…".to_owned(), count(others, "other key").into());
    }
    kept.into()
}

/// Most characters of JSON on a line.
const LONGEST: usize = 300;

/// JSON on one line, cut where it gets too long to read.
pub fn short(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}… ({} bytes)", &text[..at], text.len()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    #[test]
    fn what_is_too_long_is_shown_round_what_is_asked_for() {
        let long = json!({
            "schema": "x".repeat(400),
            "after": { "id": 1, "text": "y".repeat(400), "name": "Ada" },
            "op": "c"
        });
        let (one, other) = (json!({ "after": { "name": "Eve" } }), json!({ "op": "u" }));
        assert_eq!(
            around(&long, &[&one, &other]),
            json!({ "after": { "name": "Ada", "…": "2 other keys" }, "op": "c", "…": "1 other key" })
        );
        let missing = json!({ "after": { "nme": "Ada" }, "op": "c" });
        assert_eq!(around(&long, &[&missing])["op"], "c");
        let short = json!({ "after": 1 });
        assert_eq!(around(&short, &[&one]), short);
    }

    #[rstest]
    #[case::same(json!({"a": 1}), json!({"a": 1}), Mode::Exact, true)]
    #[case::more(json!({"a": 1, "b": 2}), json!({"a": 1}), Mode::Subset, true)]
    #[case::more_is_too_much(json!({"a": 1, "b": 2}), json!({"a": 1}), Mode::Exact, false)]
    #[case::less(json!({"a": 1}), json!({"a": 1, "b": 2}), Mode::Subset, false)]
    #[case::numbers_by_value(json!({"a": 1.0}), json!({"a": 1}), Mode::Exact, true)]
    #[case::null_is_not_missing(json!({}), json!({"a": null}), Mode::Subset, false)]
    #[case::nested(json!({"a": {"b": [1, 2], "c": 3}}), json!({"a": {"b": [1, 2]}}), Mode::Subset, true)]
    fn json_is_compared(
        #[case] observed: Value,
        #[case] expected: Value,
        #[case] mode: Mode,
        #[case] holds: bool,
    ) {
        assert_eq!(difference(&observed, &expected, mode).is_none(), holds);
    }
}
