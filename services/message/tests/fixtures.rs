//! Every fixture gets the same verdict from the parser and from the committed JSON Schema. A file of
//! `invalid/` is named after the reason for which it is refused.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::PathBuf;

use message::{Kind, MessageError, Metric, parse};
use rstest::rstest;
use serde_json::Value;

fn schema_accepts(document: &Value) -> bool {
    jsonschema::is_valid(&serde_json::from_str(message::SCHEMA).unwrap(), document)
}

#[rstest]
fn valid(#[files("tests/fixtures/valid/*.json")] path: PathBuf) {
    let bytes = std::fs::read(&path).unwrap();
    let message = parse(&bytes).unwrap();
    assert_eq!(message.refused, [], "{}", path.display());
    assert!(
        schema_accepts(&serde_json::from_slice(&bytes).unwrap()),
        "{}",
        path.display()
    );
}

#[rstest]
fn invalid(#[files("tests/fixtures/invalid/*.json")] path: PathBuf) {
    let bytes = std::fs::read(&path).unwrap();
    let reason = match parse(&bytes) {
        Ok(message) => message
            .refused
            .first()
            .map(|refusal| refusal.error.reason()),
        Err(error) => Some(error.reason()),
    };
    assert_eq!(reason, path.file_stem().unwrap().to_str());
    if let Ok(document) = serde_json::from_slice(&bytes) {
        assert!(!schema_accepts(&document), "{}", path.display());
    }
}

/// `"Labels" is a number` was said of an object with one.
#[test]
fn a_label_that_is_no_text_is_named() {
    let bytes = br#"{"a": {"Type": "gauge", "Name": "a", "Value": 1, "Labels": {"host": 1}}}"#;
    let message = parse(bytes).unwrap();
    assert_eq!(
        message.refused[0].error.to_string(),
        "\"host\" is a number, not a string"
    );
}

/// A time belongs to the message; other keys of a metric are nobody's.
#[test]
fn a_timestamp_within_a_metric_is_ignored_as_every_other_key_is() {
    let bytes = include_bytes!("fixtures/valid/timestamp_in_a_metric.json");
    let message = parse(bytes).unwrap();
    assert_eq!(message.timestamp_ms, None);
    assert_eq!(message.metrics, [Metric::new(Kind::Gauge, "cpu", "", 1.0)]);
}

#[test]
fn the_original_example_reads_as_two_metrics() {
    let bytes = include_bytes!("fixtures/valid/original.json");
    let message = parse(bytes).unwrap();
    assert_eq!(
        message.metrics,
        [
            Metric::new(Kind::Gauge, "MetricName1", "Description of Metric1", 123.45),
            Metric::new(
                Kind::Counter,
                "MetricName2",
                "Description of Metric2",
                67.89
            ),
        ]
    );
}

/// JSON that no schema can judge: duplicates, magnitudes, half surrogate pairs, bytes that are no text.
#[rstest]
#[case::duplicate_field(
    br#"{"a":{"Type":"gauge","Name":"a","Name":"b","Value":1}}"#,
    "duplicate_field"
)]
#[case::duplicate_label(
    br#"{"a":{"Type":"gauge","Name":"a","Value":1,"Labels":{"x":"1","x":"2"}}}"#,
    "duplicate_field"
)]
#[case::too_large(
    br#"{"a":{"Type":"gauge","Name":"a","Value":1e999}}"#,
    "value_out_of_range"
)]
#[case::half_a_surrogate_pair(
    br#"{"a":{"Type":"gauge","Name":"\ud800","Value":1}}"#,
    "not_unicode"
)]
#[case::not_utf8(
    b"{\"a\":{\"Type\":\"gauge\",\"Name\":\"\xff\",\"Value\":1}}",
    "not_json"
)]
#[case::trailing_text(br#"{} {}"#, "not_json")]
#[case::bare_nan(br#"{"a":{"Type":"gauge","Name":"a","Value":NaN}}"#, "not_json")]
#[case::nothing(b"", "not_json")]
fn refused_beyond_the_schema(#[case] bytes: &[u8], #[case] expected: &str) {
    let reason = match parse(bytes) {
        Ok(message) => message
            .refused
            .first()
            .map(|refusal| refusal.error.reason()),
        Err(error) => Some(error.reason()),
    };
    assert_eq!(reason, Some(expected));
}

#[test]
fn one_bad_metric_does_not_take_the_others_with_it() {
    let message = parse(br#"{"a":1,"b":{"Type":"gauge","Name":"b","Value":2},"c":{"Type":"gauge","Name":"c","Value":1e999}}"#).unwrap();
    assert_eq!(message.metrics, [Metric::new(Kind::Gauge, "b", "", 2.0)]);
    let keys: Vec<_> = message
        .refused
        .iter()
        .map(|refusal| refusal.key.as_ref())
        .collect();
    assert_eq!(keys, ["a", "c"]);
}

#[test]
fn labels_are_sorted_and_an_empty_value_is_no_label() {
    let message = parse(
        br#"{"a":{"Type":"gauge","Name":"a","Value":1,"Labels":{"z":"1","gone":"","b":"2"}}}"#,
    )
    .unwrap();
    assert_eq!(
        message.metrics[0].labels,
        [("b".into(), "2".into()), ("z".into(), "1".into())]
    );
}

#[test]
fn nesting_without_end_is_an_error_not_a_crash() {
    let deep = format!("{{\"a\":{}", "[".repeat(1_000_000));
    assert!(matches!(parse(deep.as_bytes()), Err(MessageError::Json(_))));
}
