//! What the table holds is what a reader of `/metrics` gets, whatever the messages say.
use std::collections::BTreeMap;
use std::time::Instant;

use crate::support::{hostile, strict};
use exporter::exposition::names::without_controls;
use exporter::exposition::{Escaping, Filter, Syntax, render};
use exporter::table::{Limits, Outcome, Record, Table};
use message::{Kind, Message, Metric};
use proptest::prelude::*;

fn table() -> Table {
    let mut table = Table::new(Limits::default(), false);
    table.assign(0);
    table.release(0);
    table
}

fn expose(table: &mut Table, syntax: Syntax, escaping: Escaping) -> String {
    let mut out = render(table.snapshot(escaping), syntax, Filter::default());
    if syntax == Syntax::OpenMetrics {
        out.extend_from_slice(b"# EOF\n");
    }
    String::from_utf8(out).unwrap()
}

/// Name and labels as one escaping scheme shows them; escaped names are not compared under `dots` and
/// `values`, where the readers of Prometheus unescape them.
fn shown(metric: &Metric<'_>, escaping: Escaping) -> (String, strict::Labels) {
    let labels = metric.labels.iter().map(|(name, value)| {
        let name = without_controls(name);
        (
            escaping.label_name(&name).into_owned(),
            without_controls(value).into_owned(),
        )
    });
    (
        escaping
            .metric_name(&without_controls(&metric.name))
            .into_owned(),
        labels.collect(),
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    /// Messages of hostile metrics go in; each of the eight forms reads back under the strict rules, and
    /// holds exactly the last value of every accepted series.
    #[test]
    fn every_form_reads_back(messages in prop::collection::vec(prop::collection::vec(hostile::metric(), 0..5), 1..6)) {
        let mut table = table();
        let mut expected: Vec<(Metric<'_>, f64)> = Vec::new();
        for (offset, metrics) in (0i64..).zip(&messages) {
            let message = Message { metrics: metrics.clone(), ..Message::default() };
            let record = Record { partition: 0, offset, timestamp_ms: 0 };
            let Outcome::Applied(applied) = table.apply(record, Some(&message), Instant::now()) else {
                return Err(TestCaseError::fail("not applied"));
            };
            for (at, metric) in metrics.iter().enumerate() {
                if applied.refused.iter().any(|(place, _)| *place == at) {
                    continue;
                }
                expected.retain(|(known, _)| (&known.name, &known.labels) != (&metric.name, &metric.labels));
                expected.push((metric.clone(), metric.value));
            }
        }
        for escaping in Escaping::ALL {
            let mut wanted = BTreeMap::new();
            for (metric, value) in &expected {
                let before = wanted.insert(shown(metric, escaping), *value);
                prop_assert!(before.is_none(), "two series in one: {:?}", metric);
            }
            for syntax in [Syntax::Text, Syntax::OpenMetrics] {
                let text = expose(&mut table, syntax, escaping);
                let families = strict::read(&text, syntax).map_err(|why| TestCaseError::fail(format!("{why}\n{text}")))?;
                let found: BTreeMap<_, _> = families
                    .into_iter()
                    .flat_map(|family| family.samples)
                    .map(|(name, labels, value)| ((name, labels), value))
                    .collect();
                prop_assert_eq!(found.keys().collect::<Vec<_>>(), wanted.keys().collect::<Vec<_>>());
                for (series, value) in &found {
                    let reserved = |label: &String| label.starts_with("__") && escaping != Escaping::Dots;
                    prop_assert!(!series.1.keys().any(reserved), "{:?}", series);
                    let wanted = wanted[series];
                    prop_assert!(value.to_bits() == wanted.to_bits() || (value.is_nan() && wanted.is_nan()));
                }
            }
        }
    }
}

#[test]
fn a_family_of_thousands_of_series_stays_together() {
    let mut table = table();
    let mut offset = 0;
    let mut send = |table: &mut Table, metric: Metric<'_>| {
        let message = Message {
            metrics: vec![metric],
            ..Message::default()
        };
        table.apply(
            Record {
                partition: 0,
                offset,
                timestamp_ms: 0,
            },
            Some(&message),
            Instant::now(),
        );
        offset += 1;
    };
    for number in 0..3000 {
        for name in ["a", "b"] {
            let mut metric = Metric::new(Kind::Gauge, name, "h", f64::from(number));
            metric.labels.push(("n".into(), number.to_string().into()));
            send(&mut table, metric);
        }
        send(
            &mut table,
            Metric::new(Kind::Gauge, format!("single_{number}"), "h", 1.0),
        );
    }
    for syntax in [Syntax::Text, Syntax::OpenMetrics] {
        let families =
            strict::read(&expose(&mut table, syntax, Escaping::Underscores), syntax).unwrap();
        assert_eq!(families.len(), 3002);
        let samples: usize = families.iter().map(|family| family.samples.len()).sum();
        assert_eq!(samples, 9000);
    }
    table.revoke(0);
    assert_eq!(expose(&mut table, Syntax::Text, Escaping::Underscores), "");
}
