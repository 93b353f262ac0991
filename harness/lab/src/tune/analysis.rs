//! From measurements to verdicts.

use std::collections::{BTreeMap, BTreeSet};

use stack::services::is_collector;

use super::arguments::{Row, plain};
use super::cpu::Cpu;
use super::limits;
use super::outcome::{Experiment, Knob, RowOutcome, Sample, Spread};
use super::readings::Readings;
use super::session::Record;
use crate::statistics::{Difference, MATTERS, median, ratio};

/// What a command knows of an experiment beside what was measured.
#[derive(Debug, Clone, Default)]
pub(crate) struct About {
    /// The file's name.
    pub name: String,
    /// What its header says.
    pub doc: String,
    /// When it began.
    pub began: String,
    /// Seconds that it took.
    pub seconds: f64,
    /// The command that does it again.
    pub command: String,
}

/// Everything that a record says.
pub(crate) fn experiment(record: &Record, about: About) -> Experiment {
    let samples = &record.samples;
    let rows = record.rows.iter().map(|row| outcome(row, record)).collect();
    let rounds = record
        .rows
        .iter()
        .map(|row| samples.iter().filter(|one| one.row == row.name).count())
        .min()
        .unwrap_or(0);
    let form = record.form.as_ref();
    Experiment {
        name: about.name,
        doc: about.doc,
        source: record.source.clone(),
        began: about.began,
        seconds: about.seconds,
        versions: record.versions.clone(),
        processors: std::thread::available_parallelism().map_or(1, usize::from),
        rounds_planned: record.rounds_planned,
        rounds,
        cut_short: record.cut_short.clone(),
        warm_up: [
            samples
                .iter()
                .map(|one| one.warm_up)
                .reduce(f64::min)
                .unwrap_or(0.0),
            samples.iter().map(|one| one.warm_up).fold(0.0, f64::max),
        ],
        window: form.map_or(0.0, |form| form.window.get().as_secs_f64()),
        knobs: knobs(&record.rows, samples),
        rows,
        search: record.search.clone(),
        command: about.command,
        samples: samples.clone(),
    }
}

fn of<'a>(samples: &'a [Sample], row: &'a str) -> impl Iterator<Item = &'a Sample> {
    samples.iter().filter(move |sample| sample.row == row)
}

/// Rates of two rows in the rounds that have both.
fn pairs(samples: &[Sample], over: &str, under: &str) -> Vec<(f64, f64)> {
    let denominators: BTreeMap<usize, f64> = of(samples, under)
        .map(|sample| (sample.round, sample.rate))
        .collect();
    of(samples, over)
        .filter_map(|sample| Some((sample.rate, *denominators.get(&sample.round)?)))
        .collect()
}

fn is_trusted(samples: &[Sample], row: &str) -> bool {
    of(samples, row).all(|sample| sample.disagreement.is_none())
}

fn outcome(row: &Row, record: &Record) -> RowOutcome {
    let samples = &record.samples;
    let own: Vec<&Sample> = of(samples, &row.name).collect();
    let rates: Vec<f64> = own.iter().map(|sample| sample.rate).collect();
    let disagreement = own.iter().find_map(|sample| {
        Some(format!(
            "round {}: {}",
            sample.round,
            sample.disagreement.as_ref()?
        ))
    });
    let no_rate = match (own.is_empty(), disagreement) {
        (true, _) => Some("not measured".to_owned()),
        (_, Some(disagreement)) => Some(format!("the cross-checks disagree in {disagreement}")),
        _ => None,
    };
    let first = record.rows.first().map_or("", |row| row.name.as_str());
    let is_first = first == row.name;
    let both_trusted = no_rate.is_none() && is_trusted(samples, first);
    let ratio = (!is_first && both_trusted)
        .then(|| ratio(&pairs(samples, &row.name, first)))
        .flatten();
    let difference = ratio.map(|ratio| ratio.difference());
    let verdict = match (&no_rate, is_first) {
        (Some(reason), _) => reason.clone(),
        (None, true) => "the others are compared with it".to_owned(),
        (None, false) if !both_trusted => {
            "no ratio: the cross-checks of the first row disagree".to_owned()
        }
        (None, false) => verdict(ratio.as_ref(), &pairs(samples, &row.name, first)),
    };
    let some = |values: Vec<f64>| (!values.is_empty()).then(|| median(&values));
    let same_records = own
        .first()
        .and_then(|sample| sample.fingerprint.as_deref())
        .zip(
            of(samples, first)
                .next()
                .and_then(|sample| sample.fingerprint.as_deref()),
        )
        .map(|(own, first)| own == first);
    let readings = Readings::medians(own.iter().map(|one| &one.readings));
    let cpu = Cpu::mean(own.iter().map(|one| &one.cpu));
    RowOutcome {
        row: row.clone(),
        rounds: own.len(),
        rate: no_rate.is_none().then(|| Spread {
            median: median(&rates),
            least: rates.iter().copied().fold(f64::INFINITY, f64::min),
            most: rates.iter().copied().fold(0.0, f64::max),
        }),
        no_rate,
        windowed_rate: some(own.iter().filter_map(|one| one.windowed_rate).collect()),
        end_offset_rate: some(own.iter().filter_map(|one| one.end_offset_rate).collect()),
        total: own.iter().map(|one| one.total).sum(),
        end_offsets: own.iter().map(|one| one.end_offsets).sum(),
        ratio,
        difference,
        verdict,
        limit: limits::of_row(own.iter().map(|one| &one.limit), &readings, &cpu),
        readings,
        cpu,
        same_records,
    }
}

fn verdict(ratio: Option<&crate::statistics::Ratio>, pairs: &[(f64, f64)]) -> String {
    let Some(ratio) = ratio else {
        return match pairs.len() {
            0 => "no round has both it and the first row".to_owned(),
            1 => "one round: no interval".to_owned(),
            many => format!("{many} rounds: too few for an interval"),
        };
    };
    let interval = format!("{:.3}–{:.3}", ratio.low, ratio.high);
    match ratio.difference() {
        Difference::Faster if ratio.ratio >= 2.0 => format!(
            "{:.1} times as fast (95 %: {:.1}–{:.1})",
            ratio.ratio, ratio.low, ratio.high
        ),
        Difference::Faster => format!(
            "faster by {:.1} % (95 %: {interval})",
            100.0 * (ratio.ratio - 1.0)
        ),
        Difference::Slower => format!(
            "slower by {:.1} % (95 %: {interval})",
            100.0 * (1.0 - ratio.ratio)
        ),
        Difference::None => format!(
            "no difference: within ±{:.0} % (95 %: {interval})",
            100.0 * MATTERS
        ),
        Difference::Unclear => format!(
            "noise hides the effect (95 %: {interval}): more rounds, longer windows or a quieter machine would tell"
        ),
    }
}

/// Settings that differ between two rows, with both values.
fn differing(one: &Row, other: &Row) -> Change {
    let (one, other): (BTreeMap<_, _>, BTreeMap<_, _>) = (
        one.settings.flat().into_iter().collect(),
        other.settings.flat().into_iter().collect(),
    );
    let names: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
    let default = || "default".to_owned();
    names
        .into_iter()
        .filter_map(|name| {
            let value =
                |map: &BTreeMap<String, String>| map.get(name).cloned().unwrap_or_else(default);
            let (before, after) = (value(&one), value(&other));
            (before != after).then(|| (name.clone(), (before, after)))
        })
        .collect()
}

/// Settings that differ between two rows, each with what it was and what it becomes.
type Change = BTreeMap<String, (String, String)>;

/// What settings did: for each setting, of the pairs of rows that differ in it those that differ in the least beside. Pairs with
/// the same change (as in a grid) are taken together.
fn knobs(rows: &[Row], samples: &[Sample]) -> Vec<Knob> {
    let mut changes: BTreeMap<Change, Vec<(&str, &str)>> = BTreeMap::new();
    for (place, one) in rows.iter().enumerate() {
        for other in &rows[place + 1..] {
            let change = differing(one, other);
            if !change.is_empty()
                && is_trusted(samples, &one.name)
                && is_trusted(samples, &other.name)
            {
                changes
                    .entry(change)
                    .or_default()
                    .push((&one.name, &other.name));
            }
        }
    }
    let fewest: BTreeMap<String, usize> = changes
        .keys()
        .flat_map(|change| change.keys().map(|name| (name.clone(), change.len())))
        .fold(BTreeMap::new(), |mut least, (name, size)| {
            let entry = least.entry(name).or_insert(size);
            *entry = size.min(*entry);
            least
        });
    let mut knobs: Vec<Knob> = changes
        .into_iter()
        .filter(|(change, _)| {
            change
                .keys()
                .any(|name| fewest.get(name) == Some(&change.len()))
        })
        .map(|(change, rows)| {
            // A round's mean over pairs, so that rounds stay what is independent.
            let mut by_round: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
            for (one, other) in rows {
                for sample in of(samples, other) {
                    let before = of(samples, one).find(|before| before.round == sample.round);
                    if let Some(before) = before {
                        let log = (sample.rate / before.rate).ln();
                        by_round.entry(sample.round).or_default().push(log);
                    }
                }
            }
            let means: Vec<(f64, f64)> = by_round
                .values()
                .map(|logs| ((logs.iter().sum::<f64>() / logs.len() as f64).exp(), 1.0))
                .collect();
            let ratio = ratio(&means);
            let words: Vec<_> = change
                .iter()
                .map(|(name, (before, after))| format!("{name} {before} → {after}"))
                .collect();
            Knob {
                settings: change.into_keys().collect(),
                change: words.join(", "),
                difference: ratio.map(|ratio| ratio.difference()),
                ratio,
            }
        })
        .collect();
    knobs.sort_by_key(|knob| knob.settings.len());
    knobs
}

impl Knob {
    /// In a sentence.
    pub(crate) fn words(&self) -> String {
        let together = if self.settings.len() > 1 {
            ", together"
        } else {
            ""
        };
        let said = match (&self.ratio, self.difference) {
            (Some(ratio), Some(difference)) => {
                let interval = format!(
                    "×{:.3}, 95 %: {:.3}–{:.3}",
                    ratio.ratio, ratio.low, ratio.high
                );
                match difference {
                    Difference::None => {
                        format!("made no difference ({:.3}–{:.3})", ratio.low, ratio.high)
                    }
                    Difference::Unclear => format!(
                        "noise hides the effect ({:.3}–{:.3})",
                        ratio.low, ratio.high
                    ),
                    Difference::Faster => format!("made it faster ({interval})"),
                    Difference::Slower => format!("made it slower ({interval})"),
                }
            }
            _ => "too few rounds to tell".to_owned(),
        };
        format!("{}{together}: {said}", self.change)
    }
}

/// `name=value`, for connectors, as they are put.
pub(crate) fn connector_patch(row: &Row) -> serde_json::Map<String, serde_json::Value> {
    let producer = row.settings.producer.iter();
    let mut patch: serde_json::Map<_, _> = producer
        .map(|(name, value)| (format!("producer.override.{name}"), plain(value).into()))
        .collect();
    patch.extend(
        row.settings
            .connector
            .iter()
            .map(|(name, value)| (name.clone(), plain(value).into())),
    );
    patch
}

/// Lines for the worker's properties, and the options of its JVM.
pub(crate) fn worker_patch(row: &Row) -> String {
    let mut lines: Vec<String> = row
        .settings
        .worker
        .iter()
        .map(|(name, value)| format!("{name}={}", plain(value)))
        .collect();
    if !row.settings.producer.is_empty() {
        lines.push("connector.client.config.override.policy=All".to_owned());
    }
    lines.extend(
        environment(&row.settings.jvm)
            .map(|(name, options)| format!("# environment of the worker: {name}=\"{options}\"")),
    );
    lines.join("\n")
}

/// Options of a JVM as `connect-distributed.sh` takes them: it has heap and collector of its own unless these variables say
/// others, and a JVM with two collectors does not start (Kafka, `bin/kafka-run-class.sh`).
fn environment(options: &[String]) -> impl Iterator<Item = (&'static str, String)> {
    let (mut heap, others): (Vec<&str>, Vec<&str>) = options
        .iter()
        .map(String::as_str)
        .partition(|option| option.starts_with("-Xm"));
    // The script's own is gone with the first option of somebody else's.
    if !heap.is_empty() && heap.iter().all(|option| !option.starts_with("-Xmx")) {
        heap.push("-Xmx2G");
    }
    let name = match others.iter().any(|option| is_collector(option)) {
        true => "KAFKA_JVM_PERFORMANCE_OPTS",
        false => "KAFKA_OPTS",
    };
    [("KAFKA_HEAP_OPTS", heap), (name, others)]
        .into_iter()
        .filter(|(_, options)| !options.is_empty())
        .map(|(name, options)| (name, options.join(" ")))
}

#[cfg(test)]
#[path = "analysis_tests.rs"]
mod tests;
