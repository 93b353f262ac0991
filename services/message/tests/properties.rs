//! What holds for every message.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;

use message::{Kind, Metric, parse, reference};
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

    /// The fast path is the reference's, to the bit: NaN and the sign of zero, too.
    #[test]
    fn fast_path_and_reference_agree(
        entries in prop::collection::btree_map(".{0,5}", near_metric(), 0..4),
        timestamp in prop::option::of(prop_oneof![any::<i64>().prop_map(|ms| json!(ms)), Just(json!(1.0)), Just(json!({}))]),
        pretty: bool,
        at in any::<prop::sample::Index>(),
        byte in prop::option::weighted(0.5, any::<u8>()),
    ) {
        let mut document = json!(entries);
        if let Some(timestamp) = timestamp {
            document["Timestamp"] = timestamp;
        }
        let mut bytes = match pretty {
            true => serde_json::to_vec_pretty(&document).unwrap(),
            false => serde_json::to_vec(&document).unwrap(),
        };
        // One byte is another one, or is missing.
        if let Some(byte) = byte {
            let at = at.index(bytes.len());
            if byte < 32 {
                bytes.remove(at);
            } else {
                bytes[at] = byte;
            }
        }
        prop_assert_eq!(format!("{:?}", parse(&bytes)), format!("{:?}", reference(&bytes)));
    }

    /// Numbers in every form that JSON has, and in some that it has not.
    #[test]
    fn fast_path_and_reference_agree_on_numbers(number in "-?[0-9]{0,25}(\\.[0-9]{0,25})?([eE][+-]?[0-9]{0,3})?", counter: bool) {
        let kind = if counter { "counter" } else { "gauge" };
        let text = format!(r#"{{"a":{{"Type":"{kind}","Name":"a","Value":{number}}}}}"#);
        let bits = |message: &message::Message<'_>| message.metrics.first().map(|metric| metric.value.to_bits());
        let (ours, theirs) = (parse(text.as_bytes()), reference(text.as_bytes()));
        prop_assert_eq!(format!("{:?}", ours), format!("{:?}", theirs));
        prop_assert_eq!(ours.as_ref().ok().and_then(bits), theirs.as_ref().ok().and_then(bits));
    }

    #[test]
    fn any_bytes_are_read_or_refused_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(&bytes);
    }
}
