//! What holds for every message.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;

use message::{Kind, Metric, parse};
use proptest::prelude::*;
use serde_json::{Value, json};

/// JSON near the format: every field sometimes missing, sometimes of another type.
fn near_metric() -> impl Strategy<Value = Value> {
    let value = prop_oneof![
        any::<f64>()
            .prop_filter("JSON has no NaN", |v| v.is_finite())
            .prop_map(|v| json!(v)),
        Just(json!("NaN")),
        Just(json!("+Inf")),
        ".{0,6}".prop_map(|s| json!(s)),
        Just(json!(null)),
        Just(json!(-3)),
    ];
    let kind = prop_oneof![3 => Just(json!("gauge")), 3 => Just(json!("counter")), 1 => Just(json!("summary")), 1 => Just(json!(1))];
    let name = prop_oneof![5 => ".{0,8}".prop_map(|s| json!(s)), 1 => Just(json!(true))];
    let labels = prop_oneof![
        3 => prop::collection::btree_map(".{0,4}", ".{0,4}", 0..3).prop_map(|labels| json!(labels)),
        1 => Just(json!({"a": 1})),
        1 => Just(json!([])),
    ];
    (
        prop::option::weighted(0.9, kind),
        prop::option::weighted(0.9, name),
        prop::option::of(".{0,8}".prop_map(|s| json!(s))),
        prop::option::weighted(0.9, value),
        prop::option::of(labels),
    )
        .prop_map(|(kind, name, description, value, labels)| {
            let fields = [
                ("Type", kind),
                ("Name", name),
                ("Description", description),
                ("Value", value),
                ("Labels", labels),
            ];
            fields
                .into_iter()
                .filter_map(|(field, value)| Some((field.to_owned(), value?)))
                .collect::<serde_json::Map<_, _>>()
                .into()
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Schema and parser agree on every document that the schema can judge.
    #[test]
    fn the_schema_accepts_what_the_parser_accepts(entries in prop::collection::btree_map(".{0,5}", near_metric(), 0..4)) {
        let document = json!(entries);
        let bytes = serde_json::to_vec(&document).unwrap();
        let parsed = parse(&bytes).is_ok_and(|message| message.refused.is_empty());
        let schema = serde_json::from_str(message::SCHEMA).unwrap();
        prop_assert_eq!(parsed, jsonschema::is_valid(&schema, &document), "{}", document);
    }

    #[test]
    fn what_was_written_is_read_again(
        counter: bool,
        name in ".{1,20}",
        description in ".{0,20}",
        value in any::<f64>(),
        labels in prop::collection::btree_map(".{1,5}", ".{1,5}", 0..4),
    ) {
        let (kind, value) = if counter && value.is_finite() { (Kind::Counter, value.abs()) } else { (Kind::Gauge, value) };
        let mut metric = Metric::new(kind, name, description, value);
        metric.labels = labels.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        let bytes = serde_json::to_vec(&BTreeMap::from([("key", &metric)])).unwrap();
        let message = parse(&bytes).unwrap();
        prop_assert_eq!(message.refused.len(), 0);
        let read = &message.metrics[0];
        prop_assert!(read.value == value || (read.value.is_nan() && value.is_nan()));
        prop_assert_eq!((read.kind, &read.name, &read.description, &read.labels), (metric.kind, &metric.name, &metric.description, &metric.labels));
    }

    #[test]
    fn any_bytes_are_read_or_refused_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(&bytes);
    }
}
