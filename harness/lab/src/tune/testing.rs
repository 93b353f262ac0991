//! Experiments for tests: made up, and the same each time.

use serde_json::json;

use super::analysis::{About, experiment};
use super::arguments::{Form, Row, Settings};
use super::cpu::Cpu;
use super::limits::limit;
use super::outcome::{Experiment, Sample};
use super::readings::Readings;
use super::search::{Found, Rung, Tried};
use super::session::Record;

pub(super) fn row(name: &str, producer: serde_json::Value) -> Row {
    Row {
        name: name.to_owned(),
        settings: Settings {
            producer: producer.as_object().cloned().unwrap_or_default(),
            ..Settings::default()
        },
        slow_down: None,
    }
}

pub(super) fn sample(row: &str, round: usize, rate: f64) -> Sample {
    let readings = Readings {
        batch_size_avg: Some(if rate < 5000.0 { 420.0 } else { 60_000.0 }),
        record_queue_time_avg: Some(12.5),
        compression_rate_avg: Some(0.25),
        request_rate: Some(100.0),
        request_latency_avg_ms: Some(1.5),
        records_per_request_avg: Some(20.0),
        bufferpool_wait_ratio: Some(if rate < 5000.0 { 0.8 } else { 0.0 }),
        buffer_free: Some(0.5),
        task_batch: Some(2048.0),
        poll_share: Some(0.3),
        gc_share: Some(0.02),
    };
    let cpu = Cpu {
        busy: Some(0.97),
        others: Some(0.04),
        processes: [
            ("connect".to_owned(), 1.2),
            ("kafka".to_owned(), 0.5),
            ("postgres".to_owned(), 0.2),
        ]
        .into(),
        threads: [("task".to_owned(), 0.8)].into(),
    };
    Sample {
        row: row.to_owned(),
        round,
        rate,
        windowed_rate: Some(rate * 0.7),
        end_offset_rate: Some(rate * 1.01),
        warm_up: 3.0 + round as f64,
        seconds: 8.0,
        total: rate * 11.0,
        end_offsets: (rate * 11.0) as i64,
        drained: true,
        disagreement: None,
        limit: limit(&readings, &cpu),
        readings,
        cpu,
        fingerprint: Some("1000 records 0011223344556677".to_owned()),
        over_time: (1..=5)
            .map(|second| {
                (
                    f64::from(second),
                    rate * (1.0 + 0.01 * f64::from(second % 3)),
                )
            })
            .collect(),
    }
}

/// Rates by row, a round each.
pub(super) fn record(rows: Vec<Row>, rates: &[(&str, &[f64])]) -> Record {
    let rounds = rates.first().map_or(0, |(_, rates)| rates.len());
    let mut samples = Vec::new();
    for round in 0..rounds {
        for (row, rates) in rates {
            samples.extend(rates.get(round).map(|rate| sample(row, round + 1, *rate)));
        }
    }
    Record {
        source: "Debezium's snapshot of a Postgres table of 1000 rows".to_owned(),
        rows,
        form: Some(Form {
            repeats: rounds,
            warm_up: scenario::Duration::from_secs(3),
            longest_warm_up: scenario::Duration::from_secs(40),
            window: scenario::Duration::from_secs(8),
            records: Some(1000),
            drain: scenario::Duration::from_secs(60),
        }),
        rounds_planned: rounds,
        samples,
        search: None,
        cut_short: None,
        versions: [("kafka".to_owned(), "3.9.2".to_owned())].into(),
    }
}

pub(super) fn told(record: &Record) -> Experiment {
    let about = About {
        name: "tuning/example".to_owned(),
        doc: "What the experiment says.\nAnd <why> | how.".to_owned(),
        began: "2026-11-26T12:00:00Z".to_owned(),
        seconds: 321.0,
        command: "lab tune tuning/example".to_owned(),
    };
    Experiment {
        // The machine's, otherwise.
        processors: 2,
        ..experiment(record, about)
    }
}

/// An experiment in which everything happens that can.
pub(super) fn everything() -> Experiment {
    let rows = vec![
        row("1", json!({ "batch.size": 100, "linger.ms": 0 })),
        row("2", json!({ "batch.size": 65536, "linger.ms": 0 })),
        row("3", json!({ "batch.size": 65536, "linger.ms": 200 })),
        row("noisy | <b>", json!({ "batch.size": 100, "linger.ms": 5 })),
        row(
            "doubtful",
            json!({ "batch.size": 131072, "linger.ms": 200 }),
        ),
    ];
    let mut record = record(
        rows,
        &[
            ("1", &[2000.0, 2100.0, 1950.0, 2050.0]),
            ("2", &[40_000.0, 41_000.0, 39_500.0, 40_500.0]),
            ("3", &[40_100.0, 41_100.0, 39_400.0, 40_400.0]),
            ("noisy | <b>", &[1500.0, 3000.0, 1700.0, 2600.0]),
            ("doubtful", &[40_000.0, 41_000.0, 39_500.0, 40_500.0]),
        ],
    );
    for sample in &mut record.samples {
        if sample.row == "doubtful" && sample.round == 3 {
            sample.disagreement =
                Some("Connect counts 434500 records written, its topics hold 400000".to_owned());
        }
        if sample.row == "3" {
            sample.fingerprint = Some("1000 records 8899aabbccddeeff".to_owned());
        }
    }
    record.cut_short = Some("the budget of 5m had room for 4 of 6 rounds".to_owned());
    record.rounds_planned = 6;
    let tried = |linger: u64, ratio: Option<f64>, kept: bool, failed: Option<&str>| Tried {
        settings: row("x", json!({ "linger.ms": linger })).settings,
        rates: ratio.map(|ratio| 1000.0 * ratio).into_iter().collect(),
        ratio,
        kept,
        failed: failed.map(str::to_owned),
    };
    record.search = Some(Found {
        method: "successive halving",
        seed: 1,
        budget: 600.0,
        space: vec![("linger.ms".to_owned(), vec!["0".to_owned(), "5".to_owned()])],
        combinations: 4,
        rungs: vec![Rung {
            passes: 1,
            tried: vec![
                tried(5, Some(1.5), true, None),
                tried(0, Some(1.1), false, None),
                tried(9, None, false, Some("the connector has failed")),
            ],
        }],
        winner: Some(Row {
            settings: Settings {
                jvm: vec!["-XX:+UseParallelGC".to_owned()],
                worker: json!({ "offset.flush.interval.ms": 10000 })
                    .as_object()
                    .cloned()
                    .unwrap_or_default(),
                ..row("best", json!({ "linger.ms": 5 })).settings
            },
            ..row("best", json!({}))
        }),
    });
    told(&record)
}
