//! What came of an experiment: what every form of the report is made from.

use std::collections::BTreeMap;

use serde::Serialize;

use super::arguments::Row;
use super::cpu::Cpu;
use super::limits::Limit;
use super::readings::Readings;
use super::search::Found;
use crate::statistics::{Difference, Ratio};

/// One measurement of one row.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Sample {
    /// Which row.
    pub row: String,
    /// Which round, from 1.
    pub round: usize,
    /// Records a second: the slope of `source-record-write-total`.
    pub rate: f64,
    /// `source-record-write-rate` at the end of the window: an average over Connect's own sliding window, which lags behind.
    pub windowed_rate: Option<f64>,
    /// Records a second: the slope of the end offsets of the connector's topics.
    pub end_offset_rate: Option<f64>,
    /// Seconds from the first record on that do not count.
    pub warm_up: f64,
    /// Seconds between the first and the last sample that count.
    pub seconds: f64,
    /// `source-record-write-total` at the end.
    pub total: f64,
    /// Records on the connector's topics at the end.
    pub end_offsets: i64,
    /// Whether both stood still when they were taken; otherwise what was under way is in the end offsets only.
    pub drained: bool,
    /// Why the figures cannot be trusted, when they disagree.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disagreement: Option<String>,
    /// What the producer and the task say of themselves.
    pub readings: Readings,
    /// Who used the processor.
    pub cpu: Cpu,
    /// What limited it.
    pub limit: Limit,
    /// A digest over the first records (key, value, headers), names and moments of the measurement left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// Records a second, by seconds since the first one.
    pub over_time: Vec<(f64, f64)>,
}

/// What came of a row.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct RowOutcome {
    /// The row.
    #[serde(flatten)]
    pub row: Row,
    /// How often it was measured.
    pub rounds: usize,
    /// Median, least and most of the rates; `None` where they cannot be trusted.
    pub rate: Option<Spread>,
    /// Why there is no rate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub no_rate: Option<String>,
    /// Medians of the cross-checks' rates.
    pub windowed_rate: Option<f64>,
    /// Likewise.
    pub end_offset_rate: Option<f64>,
    /// Records over all rounds, by Connect's total.
    pub total: f64,
    /// By the topics' end offsets.
    pub end_offsets: i64,
    /// The ratio to the first row.
    pub ratio: Option<Ratio>,
    /// What it says.
    pub difference: Option<Difference>,
    /// In words.
    pub verdict: String,
    /// Medians of what producer and task say.
    pub readings: Readings,
    /// Means of who used the processor.
    pub cpu: Cpu,
    /// What limited it most often.
    pub limit: Limit,
    /// Whether the records are those of the first row, byte for byte; `None` where they were not looked at.
    pub same_records: Option<bool>,
}

/// Rates of a row.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Spread {
    /// The median.
    pub median: f64,
    /// The least.
    pub least: f64,
    /// The most.
    pub most: f64,
}

/// What a setting did between rows that differ in it alone, or in as little else as there is.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Knob {
    /// The settings that differ.
    pub settings: Vec<String>,
    /// From which values to which.
    pub change: String,
    /// The ratio.
    pub ratio: Option<Ratio>,
    /// What it says.
    pub difference: Option<Difference>,
}

/// An experiment.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Experiment {
    /// The file's name.
    pub name: String,
    /// What its header says.
    pub doc: String,
    /// What was read, in words.
    pub source: String,
    /// When it began, RFC 3339 in UTC.
    pub began: String,
    /// Seconds that it took.
    pub seconds: f64,
    /// Versions of what it ran on.
    pub versions: BTreeMap<String, String>,
    /// Processors of this machine.
    pub processors: usize,
    /// Rounds that were to be measured.
    pub rounds_planned: usize,
    /// Rounds in which every row was measured.
    pub rounds: usize,
    /// Why it ended early.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cut_short: Option<String>,
    /// Time that did not count in each measurement, in seconds: the least and the most.
    pub warm_up: [f64; 2],
    /// Time that counted.
    pub window: f64,
    /// The rows.
    pub rows: Vec<RowOutcome>,
    /// What settings did.
    pub knobs: Vec<Knob>,
    /// What a search found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub search: Option<Found>,
    /// The command that does it again.
    pub command: String,
    /// Every measurement.
    pub samples: Vec<Sample>,
}
