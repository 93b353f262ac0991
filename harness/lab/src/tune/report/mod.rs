//! An experiment in several forms: a file each.

mod csv;
mod html;
mod markdown;
mod processors;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::arguments::shorten;
use super::limits::Bottleneck;
use super::outcome::{Experiment, RowOutcome};
use super::warm_up::QUIET;
use super::{connector_patch, worker_patch};
use crate::report::put;
use crate::runner::Grid;

/// Each measurement as it was done, a line of JSON each: written while the experiment goes on.
pub(crate) const SAMPLES: &str = "samples.jsonl";
/// Rows for `lab tune --rows`: the defaults and what a search has found.
pub(crate) const BEST: &str = "best.rows.json";

/// Processors: more than the lab itself needs to look on.
const OTHERS: f64 = 0.25;

/// Seconds that did not count, in words.
fn warm_up(experiment: &Experiment) -> String {
    let [least, most] = experiment.warm_up.map(f64::round);
    match most > least {
        true => format!("{least:.0} to {most:.0} s"),
        false => format!("{most:.0} s"),
    }
}

/// Writes every form into a folder, and says where the readable one is.
///
/// # Errors
/// When a file cannot be written.
pub(crate) fn write(experiment: &Experiment, folder: &Path) -> Result<PathBuf> {
    let put = |name: &str, text: &str| put(folder, name, text);
    put("tune.json", &json(experiment)?)?;
    put("tune.csv", &csv::document(experiment)?)?;
    put("tune.md", &markdown::document(experiment))?;
    if let Some(winner) = experiment
        .search
        .as_ref()
        .and_then(|found| found.winner.as_ref())
    {
        let rows = serde_json::json!([{ "name": super::search::DEFAULTS }, named(winner)]);
        put(BEST, &format!("{rows:#}\n"))?;
        let patch = connector_patch(winner);
        put(
            "best.connector.json",
            &format!("{:#}\n", serde_json::Value::Object(patch)),
        )?;
        put(
            "best.worker.properties",
            &format!("{}\n", worker_patch(winner)),
        )?;
    }
    put("tune.html", &html::page(experiment))
}

fn named(row: &super::Row) -> serde_json::Value {
    let mut value = serde_json::to_value(&row.settings).unwrap_or_default();
    if let Some(object) = value.as_object_mut() {
        object.insert("name".to_owned(), row.name.clone().into());
    }
    value
}

/// The experiment as JSON.
///
/// # Errors
/// Never, as far as is known.
pub(crate) fn json(experiment: &Experiment) -> Result<String> {
    Ok(format!("{:#}\n", serde_json::to_value(experiment)?))
}

fn number(value: Option<f64>, decimals: usize) -> String {
    match value {
        Some(value) if value.is_finite() => format!("{value:.decimals$}"),
        _ => "–".to_owned(),
    }
}

/// The rate, or why there is none.
fn rate(row: &RowOutcome) -> String {
    match (&row.rate, &row.no_rate) {
        (Some(rate), _) => format!("{:.0}", rate.median),
        (None, reason) => format!("none: {}", reason.as_deref().unwrap_or_default()),
    }
}

fn spread(row: &RowOutcome) -> String {
    match row.rate {
        Some(rate) if row.rounds > 1 => format!("{:.0}–{:.0}", rate.least, rate.most),
        Some(_) => "one round".to_owned(),
        None => "–".to_owned(),
    }
}

/// The ratio to the first row, where noise does not hide it.
fn ratio(experiment: &Experiment, row: &RowOutcome) -> String {
    use crate::statistics::Difference;
    let first = experiment.rows.first();
    if first.is_some_and(|first| first.row.name == row.row.name) {
        return "1".to_owned();
    }
    match (row.ratio, row.difference) {
        (_, Some(Difference::Unclear)) => "noise hides it".to_owned(),
        (Some(ratio), _) if ratio.ratio >= 10.0 => {
            format!("{:.1} ({:.1}–{:.1})", ratio.ratio, ratio.low, ratio.high)
        }
        (Some(ratio), _) => format!("{:.2} ({:.2}–{:.2})", ratio.ratio, ratio.low, ratio.high),
        (None, _) => match row.rate.zip(first.and_then(|first| first.rate)) {
            Some((rate, first)) => format!("{:.2}, no interval", rate.median / first.median),
            None => "–".to_owned(),
        },
    }
}

/// Rates and ratios.
pub(crate) fn grid(experiment: &Experiment) -> Grid {
    let header = [
        "row",
        "settings",
        "records/s",
        "spread",
        "× first row (95 %)",
        "windowed JMX rate",
        "by end offsets",
        "records counted",
        "on the topics",
        "limited by",
    ];
    let rows = experiment.rows.iter().map(|row| {
        vec![
            shorten(&row.row.name),
            row.row.settings.words(),
            rate(row),
            spread(row),
            ratio(experiment, row),
            number(row.windowed_rate, 0),
            number(row.end_offset_rate, 0),
            format!("{:.0}", row.total),
            row.end_offsets.to_string(),
            row.limit.what.to_string(),
        ]
    });
    Grid {
        header: header.map(str::to_owned).to_vec(),
        rows: rows.collect(),
    }
}

/// What producer and machine say.
pub(crate) fn details(experiment: &Experiment) -> Grid {
    let header = [
        "row",
        "batch-size-avg",
        "record-queue-time-avg",
        "compression-rate-avg",
        "request-rate",
        "request-latency-avg",
        "buffer waits",
        "garbage collection",
        "processors used",
        "of these the worker's threads",
        "machine busy",
    ];
    let rows = experiment.rows.iter().map(|row| {
        let readings = &row.readings;
        let unit = |text: String, unit: &str| match text.as_str() {
            "–" => text,
            _ => format!("{text} {unit}"),
        };
        let percent = |share: Option<f64>| unit(number(share.map(|share| 100.0 * share), 0), "%");
        vec![
            shorten(&row.row.name),
            unit(number(readings.batch_size_avg, 0), "B"),
            unit(number(readings.record_queue_time_avg, 1), "ms"),
            number(readings.compression_rate_avg, 2),
            unit(number(readings.request_rate, 0), "/s"),
            unit(number(readings.request_latency_avg_ms, 1), "ms"),
            percent(readings.bufferpool_wait_ratio),
            percent(readings.gc_share),
            row.cpu.words(),
            row.cpu.thread_words(),
            percent(row.cpu.busy),
        ]
    });
    Grid {
        header: header.map(str::to_owned).to_vec(),
        rows: rows.collect(),
    }
}

/// In a line.
pub(crate) fn summary(experiment: &Experiment) -> String {
    let parts: Vec<_> = experiment
        .rows
        .iter()
        .map(|row| match row.rate {
            Some(rate) => format!(
                "{}: {:.1} k records/s (×{})",
                shorten(&row.row.name),
                rate.median / 1000.0,
                ratio(experiment, row)
            ),
            None => format!("{}: {}", shorten(&row.row.name), rate(row)),
        })
        .collect();
    parts.join(", ")
}

/// What is to be said in sentences: verdicts of rows, knobs, what limited what, records, and what was left out.
pub(crate) fn sentences(experiment: &Experiment) -> Vec<String> {
    let mut all = Vec::new();
    if let Some(reason) = &experiment.cut_short {
        all.push(format!("Ended early: {reason}"));
    }
    for row in &experiment.rows {
        all.push(format!("Row {}: {}.", shorten(&row.row.name), row.verdict));
    }
    for row in experiment.rows.iter().filter(|row| row.rounds > 0) {
        let name = shorten(&row.row.name);
        let limit = &row.limit;
        all.push(match limit.what {
            Bottleneck::Unclear => format!("What limited row {name} is unclear: {}.", limit.why),
            what => format!("Row {name} was limited by {what}: {}.", limit.why),
        });
    }
    for row in &experiment.rows {
        if let Some(compilers) = row.cpu.thread("compiler").filter(|used| *used >= QUIET) {
            all.push(format!(
                "The worker still compiled while row {} was measured ({compilers:.2} processors): a longer `longest_warm_up` and more records may show a higher rate.",
                shorten(&row.row.name)
            ));
        }
    }
    let others = experiment
        .rows
        .iter()
        .filter_map(|row| row.cpu.others)
        .fold(0.0, f64::max);
    if others > OTHERS {
        all.push(format!(
            "Other programs on this machine used up to {others:.2} of its {} processors meanwhile: rates are lower than they could be, and noise is larger.",
            experiment.processors
        ));
    }
    for knob in &experiment.knobs {
        all.push(format!("{}.", knob.words()));
    }
    for row in experiment.rows.iter().skip(1) {
        match row.same_records {
            Some(true) => {}
            Some(false) => all.push(format!(
                "Row {} writes other records than the first row, or in another order: part of its ratio may come from that.",
                shorten(&row.row.name)
            )),
            None if row.rounds > 0 => all.push(format!(
                "Whether row {} writes the same records was not seen.",
                shorten(&row.row.name)
            )),
            None => {}
        }
    }
    let compared = experiment
        .rows
        .iter()
        .skip(1)
        .filter(|row| row.same_records == Some(true));
    if compared.count() > 0 {
        all.push(
            "Where nothing else is said, the first records of each row are those of the first row, byte for byte: key, value and headers, but for the connector's name, Debezium's moments (ts_ms and the like) and its id of the run."
                .to_owned(),
        );
    }
    if experiment.rows.len() > 2 && experiment.rows.iter().any(|row| row.ratio.is_some()) {
        all.push(
            "Each interval is a 95 % one of its own: of twenty comparisons without a difference, about one would still show one."
                .to_owned(),
        );
    }
    all
}

/// The path of a search: a line a candidate.
pub(crate) fn path(experiment: &Experiment) -> Option<Grid> {
    let found = experiment.search.as_ref()?;
    let rows = found.rungs.iter().enumerate().flat_map(|(number, rung)| {
        rung.tried.iter().map(move |tried| {
            let rates: Vec<_> = tried
                .rates
                .iter()
                .map(|rate| format!("{rate:.0}"))
                .collect();
            vec![
                (number + 1).to_string(),
                tried.settings.words(),
                rates.join(" "),
                tried
                    .ratio
                    .map_or_else(|| "–".to_owned(), |ratio| format!("{ratio:.2}")),
                match (&tried.failed, tried.kept) {
                    (Some(reason), _) => format!("out: {reason}"),
                    (None, true) => "goes on".to_owned(),
                    (None, false) => "out".to_owned(),
                },
            ]
        })
    });
    Some(Grid {
        header: ["rung", "settings", "records/s", "× defaults", "then"]
            .map(str::to_owned)
            .to_vec(),
        rows: rows.collect(),
    })
}
