//! Whether JSON is as expected: by subset or exactly.

use assert_json_diff::{CompareMode, Config, NumericMode, assert_json_matches_no_panic};
use serde_json::Value;

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

/// JSON on one line, cut where it gets too long to read.
pub fn short(value: &Value) -> String {
    const LONGEST: usize = 300;
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
