#![allow(clippy::unwrap_used)]

use rstest::rstest;
use serde_json::json;

use super::super::testing::{record, row, told};
use super::*;

type Rates<'a> = &'a [f64];

#[rstest]
#[case::faster(&[100.0, 110.0, 120.0], &[150.0, 166.0, 179.0], Some(Difference::Faster), "faster by")]
#[case::many_times(&[100.0, 110.0, 120.0], &[1650.0, 1800.0, 2000.0], Some(Difference::Faster), "16.5 times as fast (95 %:")]
#[case::slower(&[100.0, 110.0, 120.0], &[90.0, 99.5, 107.5], Some(Difference::Slower), "slower by 10.")]
#[case::same(&[100.0, 110.0, 120.0, 90.0], &[101.0, 109.5, 121.0, 89.5], Some(Difference::None), "no difference: within ±5 %")]
#[case::noise(&[100.0, 110.0, 120.0], &[130.0, 80.0, 150.0], Some(Difference::Unclear), "noise hides the effect")]
#[case::one_round(&[100.0], &[150.0], None, "one round: no interval")]
#[case::two_rounds(&[100.0, 100.0], &[150.0, 150.0], None, "2 rounds: too few")]
#[case::not_measured(&[100.0], &[], None, "not measured")]
fn a_row_gets_one_verdict(
    #[case] first: Rates<'_>,
    #[case] second: Rates<'_>,
    #[case] difference: Option<Difference>,
    #[case] words: &str,
) {
    let rows = vec![row("a", json!({})), row("b", json!({ "linger.ms": 5 }))];
    let experiment = told(&record(rows, &[("a", first), ("b", second)]));
    let outcome = &experiment.rows[1];
    assert_eq!(outcome.difference, difference, "{outcome:?}");
    assert!(outcome.verdict.contains(words), "{}", outcome.verdict);
}

/// A machine that others use doubles and halves both; in pairs it drops out.
#[test]
fn what_a_round_does_to_all_rows_is_no_noise() {
    let rows = vec![row("a", json!({})), row("b", json!({ "linger.ms": 5 }))];
    let first = [100.0, 200.0, 50.0, 120.0, 80.0];
    let second = first.map(|rate| rate * 1.1);
    let experiment = told(&record(rows, &[("a", &first), ("b", &second)]));
    let ratio = experiment.rows[1].ratio.unwrap();
    assert!(
        (ratio.ratio - 1.1).abs() < 1e-9 && ratio.low > 1.09,
        "{ratio:?}"
    );
}

#[test]
fn a_round_that_was_interrupted_does_not_shift_the_pairs() {
    let rows = vec![row("a", json!({})), row("b", json!({ "linger.ms": 5 }))];
    let mut record = record(
        rows,
        &[
            ("a", &[100.0, 110.0, 120.0, 400.0]),
            ("b", &[200.0, 220.0, 240.0]),
        ],
    );
    record.cut_short = Some("interrupted by SIGINT".to_owned());
    let experiment = told(&record);
    assert_eq!(experiment.rounds, 3);
    assert_eq!(experiment.rows[0].rounds, 4);
    assert!((experiment.rows[1].ratio.unwrap().ratio - 2.0).abs() < 1e-9);
}

#[test]
fn a_row_whose_cross_checks_disagree_has_no_number() {
    let rows = vec![row("a", json!({})), row("b", json!({ "linger.ms": 5 }))];
    let rates: Rates<'_> = &[100.0, 110.0, 120.0];
    for doubtful in ["a", "b"] {
        let mut record = record(rows.clone(), &[("a", rates), ("b", rates)]);
        let sample = record
            .samples
            .iter_mut()
            .find(|sample| sample.row == doubtful);
        sample.unwrap().disagreement = Some("Connect counts 5, its topics hold 4".to_owned());
        let experiment = told(&record);
        let outcome = experiment
            .rows
            .iter()
            .find(|one| one.row.name == doubtful)
            .unwrap();
        assert!(outcome.rate.is_none(), "{outcome:?}");
        assert!(
            outcome.verdict.contains("its topics hold 4"),
            "{}",
            outcome.verdict
        );
        assert_eq!(experiment.rows[1].ratio, None);
        assert!(experiment.knobs.is_empty());
    }
}

/// Of a grid, each setting is judged over all rows that differ in nothing else.
#[test]
fn a_setting_that_made_no_difference_is_named() {
    let rows: Vec<_> = [(100, 0), (100, 50), (65536, 0), (65536, 50)]
        .iter()
        .map(|(batch, linger)| {
            row(
                &format!("{batch} {linger}"),
                json!({ "batch.size": batch, "linger.ms": linger }),
            )
        })
        .collect();
    let slow: Rates<'_> = &[100.0, 103.0, 98.0, 101.0];
    let fast: Rates<'_> = &[400.0, 409.0, 391.0, 405.0];
    let rates = [
        ("100 0", slow),
        ("100 50", slow),
        ("65536 0", fast),
        ("65536 50", fast),
    ];
    let words: Vec<_> = told(&record(rows, &rates))
        .knobs
        .iter()
        .map(Knob::words)
        .collect();
    assert_eq!(words.len(), 2, "{words:?}");
    assert!(
        words[0].starts_with("batch.size 100 → 65536: made it faster (×3.99"),
        "{words:?}"
    );
    assert!(
        words[1].starts_with("linger.ms 0 → 50: made no difference"),
        "{words:?}"
    );
}

/// As in the original table, where no two rows differ in one setting alone.
#[test]
fn settings_that_never_change_alone_are_judged_together() {
    let rows = vec![
        row("3", json!({ "batch.size": 65536, "buffer.memory": 64 })),
        row("4", json!({ "batch.size": 131072, "buffer.memory": 128 })),
    ];
    let rates: Rates<'_> = &[100.0, 103.0, 98.0, 101.0];
    let experiment = told(&record(rows, &[("3", rates), ("4", rates)]));
    let words = experiment.knobs[0].words();
    assert!(
        words.starts_with(
            "batch.size 65536 → 131072, buffer.memory 64 → 128, together: made no difference"
        ),
        "{words}"
    );
}

#[test]
fn patches_are_what_connector_and_worker_take() {
    let mut best = row("best", json!({ "linger.ms": 5 }));
    best.settings.connector = json!({ "max.batch.size": 16384 })
        .as_object()
        .unwrap()
        .clone();
    best.settings.worker = json!({ "offset.flush.interval.ms": 10000 })
        .as_object()
        .unwrap()
        .clone();
    assert_eq!(
        serde_json::Value::Object(connector_patch(&best)),
        json!({ "producer.override.linger.ms": "5", "max.batch.size": "16384" })
    );
    assert_eq!(
        worker_patch(&best),
        "offset.flush.interval.ms=10000\nconnector.client.config.override.policy=All"
    );
}

/// `kafka-run-class.sh` adds `-XX:+UseG1GC` unless its own variable says otherwise.
#[rstest]
#[case::none(&[], "")]
#[case::heap(&["-Xms1g", "-Xmx2g"], "KAFKA_HEAP_OPTS=\"-Xms1g -Xmx2g\"")]
#[case::option(&["-XX:+UseTransparentHugePages"], "KAFKA_OPTS=\"-XX:+UseTransparentHugePages\"")]
#[case::collector(&["-XX:+UseParallelGC", "-XX:+AlwaysPreTouch"], "KAFKA_JVM_PERFORMANCE_OPTS=\"-XX:+UseParallelGC -XX:+AlwaysPreTouch\"")]
#[case::both(&["-XX:+UseParallelGC", "-Xmn1g"], "KAFKA_HEAP_OPTS=\"-Xmn1g -Xmx2G\", KAFKA_JVM_PERFORMANCE_OPTS=\"-XX:+UseParallelGC\"")]
fn options_of_the_jvm_go_where_kafkas_scripts_take_them(
    #[case] options: &[&str],
    #[case] expected: &str,
) {
    let mut best = row("best", json!({}));
    best.settings.jvm = options.iter().map(|option| (*option).to_owned()).collect();
    let lines: Vec<_> = expected
        .split(", ")
        .filter(|variable| !variable.is_empty())
        .map(|variable| format!("# environment of the worker: {variable}"))
        .collect();
    assert_eq!(worker_patch(&best), lines.join("\n"));
}
