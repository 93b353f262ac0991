//! Metrics as an enemy would send them.

use message::{Kind, Metric};
use proptest::prelude::*;

/// A strategy that is a text compiles its expression for every value; this one does it once.
fn like(expression: &str) -> impl Strategy<Value = String> + use<> {
    prop::string::string_regex(expression).unwrap()
}

/// Names that meet after sanitising, names that try to forge lines, and names of ours.
pub fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => like("[ab][._:]?[ab]?(_total|_created|_bucket)?"),
        2 => prop::sample::select(vec![
            "a.b", "a-b", "a_b", "a b", "9a", "_", ":", "_total", "a\nb 1", "x 1\n# TYPE y counter\ny", "exporter_series",
            "exporter.up", "\u{0}", "a\r\nb", "\"a\"", "a\\", "\u{1f631}", "\u{202e}abc", "# EOF", "{", "a{b=\"c\"}",
        ]).prop_map(str::to_owned),
        1 => like("\\PC{1,12}"),
        1 => prop::collection::vec(any::<char>(), 1..6).prop_map(String::from_iter),
    ]
}

pub fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => like("[a-z \"\\\\]{0,8}"),
        2 => prop::sample::select(vec![
            "\"} 1\nforged 2\n", "\n# EOF\n", "\\", "\\n", "\r", "\r\n", "\u{0}", "\u{85}", "\u{2028}", "é", "\u{1f631}", "\t",
        ]).prop_map(str::to_owned),
        1 => prop::collection::vec(any::<char>(), 0..6).prop_map(String::from_iter),
    ]
}

pub fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<f64>(),
        prop::sample::select(vec![
            0.0,
            -0.0,
            1.0,
            1e308,
            -1e308,
            5e-324,
            f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY
        ]),
        (0u32..100).prop_map(f64::from),
    ]
}

pub fn metric() -> impl Strategy<Value = Metric<'static>> {
    let label = prop_oneof![
        5 => like("[ab][._]?[ab]?"),
        1 => prop::sample::select(vec!["le", "quantile", "__x", "..x", "a:b", "a\"b", "a\nb", "partition", "9"])
            .prop_map(str::to_owned),
    ];
    let labels = prop::collection::btree_map(
        label,
        text().prop_filter("no empty values", |v| !v.is_empty()),
        0..3,
    );
    let unit = prop::option::weighted(
        0.3,
        prop_oneof![Just("b".to_owned()), Just("total".to_owned()), text()],
    );
    (any::<bool>(), name(), text(), value(), labels, unit).prop_map(
        |(counter, name, help, value, labels, unit)| {
            let counter = counter && value.is_finite();
            let kind = if counter { Kind::Counter } else { Kind::Gauge };
            let mut metric =
                Metric::new(kind, name, help, if counter { value.abs() } else { value });
            metric.labels = labels
                .into_iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect();
            metric.unit = unit.filter(|unit| !unit.is_empty()).map(Into::into);
            metric
        },
    )
}
