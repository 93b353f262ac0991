//! What all of it came to, as tables, JSON and a page.

use std::collections::{BTreeMap, BTreeSet};

use maud::html;
use serde::Serialize;
use serde_json::{Value, json};

use super::latency::Latency;
use super::peers::Peer;
use super::producing::{Sender, Sent};
use super::scrape::Scrapes;
use super::throughput::Sample;
use super::workload::Shape;
use crate::report::{box_plot, document, grid_table};
use crate::runner::Grid;
use crate::statistics::{Ratio, median, ratio};

/// All samples, and where they were taken.
#[derive(Debug, Default, Serialize)]
pub(super) struct Outcome {
    pub began: String,
    pub command: String,
    pub processors: usize,
    /// The processor's name for itself.
    pub processor: String,
    pub versions: BTreeMap<String, String>,
    pub shapes: Vec<Shape>,
    /// Of each shape: messages of its topic, and what these came to.
    pub topics: BTreeMap<&'static str, Value>,
    pub throughput: Vec<Sample>,
    pub scrapes: Vec<Scrapes>,
    pub latency: Option<Latency>,
    pub producing: Vec<Sent>,
}

impl Outcome {
    fn of(&self, shape: &str, peer: Peer) -> Vec<&Sample> {
        let own = |one: &&Sample| one.shape == shape && one.peer == peer;
        self.throughput.iter().filter(own).collect()
    }

    /// How many times the rate of another peer's: paired by round.
    fn times(&self, shape: &str, peer: Peer, other: Peer) -> Option<Ratio> {
        let (ours, theirs) = (self.of(shape, peer), self.of(shape, other));
        let pairs = ours.iter().filter_map(|one| {
            let same = theirs.iter().find(|other| other.round == one.round)?;
            Some((one.rate, same.rate))
        });
        ratio(&pairs.collect::<Vec<_>>())
    }

    pub(super) fn throughput(&self) -> Grid {
        let mut rows = Vec::new();
        for shape in &self.shapes {
            for peer in Peer::ALL {
                let own = self.of(shape.name, peer);
                if own.is_empty() {
                    continue;
                }
                let rates: Vec<f64> = own.iter().map(|one| one.rate).collect();
                let metrics =
                    |one: &&Sample| one.rate * one.seconds * f64::from(shape.metrics) / 1000.0;
                let cpu: Vec<f64> = own
                    .iter()
                    .map(|one| one.cpu_seconds / metrics(one))
                    .collect();
                let resident = median_of(
                    own.iter()
                        .filter_map(|one| one.resident)
                        .map(|b| b as f64 / 1e6),
                );
                let predicted = median_of(
                    own.iter()
                        .filter_map(|one| one.predicted)
                        .map(|p| p * 100.0),
                );
                rows.push(vec![
                    shape.name.to_owned(),
                    peer.name().to_owned(),
                    spread(&rates),
                    times(self.times(shape.name, peer, Peer::Go)),
                    times(self.times(shape.name, peer, Peer::Librdkafka)),
                    format!("{:.2}", median(&cpu)),
                    resident.map_or_else(none, |mb| format!("{mb:.0}")),
                    predicted.map_or_else(none, |percent| format!("{percent:.1}")),
                ]);
            }
        }
        let header = [
            "messages",
            "read by",
            "thousand/s (least–most)",
            "× Go",
            "× librdkafka",
            "CPU s a million metrics",
            "MB resident",
            "% predicted",
        ];
        grid(&header, rows)
    }

    pub(super) fn scraping(&self) -> Grid {
        let rows = self.scrapes.iter().map(|one| {
            let weight = |resident: u64| {
                (resident as f64 - one.resident_empty as f64) / f64::from(one.series)
            };
            vec![
                one.series.to_string(),
                one.peer.name().to_owned(),
                percentiles(&one.plain),
                percentiles(&one.gzip),
                format!("{:.2}", one.plain_bytes as f64 / 1e6),
                format!("{:.2}", one.gzip_bytes as f64 / 1e6),
                format!("{:.1}", one.resident_full as f64 / 1e6),
                format!("{:.1}", one.resident_scraped as f64 / 1e6),
                format!("{:.0}", weight(one.resident_full)),
            ]
        });
        let header = [
            "series",
            "scraped",
            "ms plain, p50 / p99",
            "ms gzip, p50 / p99",
            "MB plain",
            "MB gzip",
            "MB resident",
            "after scrapes",
            "bytes a series",
        ];
        grid(&header, rows.collect())
    }

    pub(super) fn producing(&self) -> Grid {
        let mut rows = Vec::new();
        let kind = |one: &Sent| (one.metrics, one.batch_size);
        let kinds: BTreeSet<_> = self.producing.iter().map(kind).collect();
        for (metrics, batch_size) in kinds {
            for sender in Sender::ALL {
                let of = |sender| {
                    let own = self.producing.iter();
                    own.filter(move |one| {
                        kind(one) == (metrics, batch_size) && one.sender == sender
                    })
                };
                let rates: Vec<f64> = of(sender).map(|one| one.rate).collect();
                let pairs = of(sender).filter_map(|one| {
                    let same =
                        of(Sender::ProducerPerformance).find(|other| other.round == one.round)?;
                    Some((one.rate, same.rate))
                });
                let records = median_of(of(sender).filter_map(|one| one.records_a_batch));
                rows.push(vec![
                    metrics.to_string(),
                    batch_size.to_string(),
                    sender.name().to_owned(),
                    records.map_or_else(none, |records| format!("{records:.0}")),
                    spread(&rates),
                    times(ratio(&pairs.collect::<Vec<_>>())),
                ]);
            }
        }
        let header = [
            "metrics a message",
            "batch.size",
            "sent by",
            "records a batch",
            "thousand/s (least–most)",
            "× ProducerPerformance",
        ];
        grid(&header, rows)
    }

    pub(super) fn latency(&self) -> Option<String> {
        let latency = self.latency.as_ref()?;
        Some(format!(
            "from produced to visible, beside {} messages/s: p50 {:.1} ms, p99 {:.1} ms, most {:.1} ms of {} values",
            latency.rate,
            percentile(&latency.milliseconds, 0.5),
            percentile(&latency.milliseconds, 0.99),
            percentile(&latency.milliseconds, 1.0),
            latency.milliseconds.len()
        ))
    }

    pub(super) fn to_json(&self) -> serde_json::Result<Value> {
        let mut ratios = BTreeMap::new();
        for shape in &self.shapes {
            ratios.insert(
                shape.name,
                json!({
                    "exporter_to_go": self.times(shape.name, Peer::Exporter, Peer::Go),
                    "exporter_to_librdkafka": self.times(shape.name, Peer::Exporter, Peer::Librdkafka),
                }),
            );
        }
        let mut whole = serde_json::to_value(self)?;
        whole["ratios"] = json!(ratios);
        Ok(whole)
    }

    pub(super) fn page(&self) -> String {
        let about = format!(
            "begun {}, {} processors ({}); {}",
            self.began,
            self.processors,
            self.processor,
            self.versions
                .iter()
                .map(|(name, version)| format!("{name} {version}"))
                .collect::<Vec<_>>()
                .join(", ")
        );
        let rates = |shape: &Shape| -> Vec<(String, Vec<f64>)> {
            let of = |peer| {
                self.of(shape.name, peer)
                    .iter()
                    .map(|one| one.rate)
                    .collect()
            };
            Peer::ALL
                .map(|peer| (peer.name().to_owned(), of(peer)))
                .into()
        };
        let body = html! {
            header { h1 { "bench exporter" } p.file { (about) } }
            main {
                @if !self.throughput.is_empty() {
                    h2 { "Reading a backlog" }
                    (grid_table(&self.throughput()))
                    @for shape in &self.shapes { (box_plot(shape.about, "thousand messages/s", &rates(shape))) }
                }
                @if !self.scrapes.is_empty() {
                    h2 { "Scrapes" }
                    (grid_table(&self.scraping()))
                    @for one in &self.scrapes {
                        (box_plot(
                            &format!("A scrape of {} series by {}", one.series, one.peer.name()),
                            "ms",
                            &[("plain".to_owned(), one.plain.clone()), ("gzip".to_owned(), one.gzip.clone())],
                        ))
                    }
                }
                @if let Some(latency) = &self.latency {
                    h2 { "From produced to visible" }
                    p { (self.latency().unwrap_or_default()) }
                    (box_plot("A value", "ms", &[("all".to_owned(), latency.milliseconds.clone())]))
                }
                @if !self.producing.is_empty() {
                    h2 { "Producing" }
                    (grid_table(&self.producing()))
                }
                h2 { "Again" }
                pre { (self.command) }
            }
        };
        document("bench exporter", "", &body)
    }
}

fn grid(header: &[&str], rows: Vec<Vec<String>>) -> Grid {
    Grid {
        header: header.iter().map(|cell| (*cell).to_owned()).collect(),
        rows,
    }
}

fn none() -> String {
    "–".to_owned()
}

fn median_of(samples: impl Iterator<Item = f64>) -> Option<f64> {
    let samples: Vec<f64> = samples.collect();
    (!samples.is_empty()).then(|| median(&samples))
}

fn spread(samples: &[f64]) -> String {
    let least = samples.iter().copied().fold(f64::INFINITY, f64::min);
    let most = samples.iter().copied().fold(0.0, f64::max);
    format!("{:.1} ({least:.1}–{most:.1})", median(samples))
}

fn times(ratio: Option<Ratio>) -> String {
    ratio.map_or_else(none, |ratio| {
        format!("{:.2} ({:.2}–{:.2})", ratio.ratio, ratio.low, ratio.high)
    })
}

fn percentiles(samples: &[f64]) -> String {
    format!(
        "{:.2} / {:.2}",
        percentile(samples, 0.5),
        percentile(samples, 0.99)
    )
}

/// The least sample that so large a share does not exceed.
fn percentile(samples: &[f64], share: f64) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = (share * sorted.len() as f64).ceil().max(1.0) as usize - 1;
    sorted.get(place).copied().unwrap_or(f64::NAN)
}
