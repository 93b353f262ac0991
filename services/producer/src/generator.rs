//! Makes messages that look like those of real hosts: gauges that wander, counters that only rise.

use std::borrow::Cow;

use message::{Kind, Metric};
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::Outgoing;

/// How many series there are, how they are spread over messages, and how messages of a source differ.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shape {
    /// Distinct series in all.
    pub series: u32,
    /// Series of one source, which all go into each of its messages.
    pub metrics_per_message: u32,
    /// Whether sources differ by a label instead of by the metrics' names.
    pub labels: bool,
    /// What names are made of.
    pub names: Names,
    /// Whether each message has its metrics in an order of its own.
    pub shuffled: bool,
    /// How often a metric has a new description, of 1.
    pub described_anew: f64,
    /// How often a metric has a new name from then on, of 1.
    pub renamed: f64,
}

impl Default for Shape {
    /// Ten series in one message, always in the same words.
    fn default() -> Shape {
        Shape {
            series: 10,
            metrics_per_message: 10,
            labels: false,
            names: Names::Plain,
            shuffled: false,
            described_anew: 0.0,
            renamed: 0.0,
        }
    }
}

/// What names and descriptions are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Names {
    /// Letters, digits and underscores of ASCII.
    Plain,
    /// Letters beyond ASCII, too.
    Unicode,
    /// The same, as JSON that is ASCII alone: \u00fc.
    Escaped,
}

/// An endless row of messages, the same for the same seed.
pub struct Generator {
    shape: Shape,
    random: StdRng,
    sources: Vec<Source>,
    next: usize,
}

struct Source {
    key: String,
    label: Option<String>,
    series: Vec<Series>,
}

struct Series {
    name: String,
    template: &'static Template,
    value: f64,
    /// How often it was described anew, and renamed.
    revision: u32,
    generation: u32,
    marked: bool,
}

/// One kind of metric that hosts have.
struct Template {
    name: &'static str,
    description: &'static str,
    movement: Movement,
}

enum Movement {
    /// A random walk that stays between two bounds.
    Walk { low: f64, high: f64 },
    /// A counter that grows by up to this much in each message.
    Climb { at_most: u32 },
}

const CATALOGUE: &[Template] = &[
    walk("cpu_usage_percent", "CPU in use", 0.0, 100.0),
    climb("http_requests_total", "HTTP requests answered", 50),
    walk("memory_used_bytes", "Memory in use", 1e8, 8e9),
    climb(
        "network_received_bytes_total",
        "Bytes received from the network",
        1_500_000,
    ),
    walk(
        "disk_free_bytes",
        "Space left on the data volume",
        1e9,
        5e11,
    ),
    climb("errors_total", "Requests that ended in an error", 2),
    walk(
        "temperature_celsius",
        "Temperature of the processor",
        20.0,
        95.0,
    ),
    climb(
        "jobs_processed_total",
        "Jobs taken from the queue and finished",
        20,
    ),
    walk("queue_length", "Jobs that wait", 0.0, 500.0),
    climb(
        "disk_written_bytes_total",
        "Bytes written to the data volume",
        4_000_000,
    ),
];

const fn walk(name: &'static str, description: &'static str, low: f64, high: f64) -> Template {
    Template {
        name,
        description,
        movement: Movement::Walk { low, high },
    }
}

const fn climb(name: &'static str, description: &'static str, at_most: u32) -> Template {
    Template {
        name,
        description,
        movement: Movement::Climb { at_most },
    }
}

impl Generator {
    /// Starts the row of messages that belongs to `seed`.
    pub fn new(shape: Shape, seed: u64) -> Generator {
        let mut random = StdRng::seed_from_u64(seed);
        let per_source = shape.metrics_per_message.max(1);
        let mut sources = Vec::new();
        let mut left = shape.series;
        while left > 0 {
            let size = left.min(per_source);
            sources.push(Source::new(sources.len(), size, &shape, &mut random));
            left -= size;
        }
        Generator {
            shape,
            random,
            sources,
            next: 0,
        }
    }
}

impl Iterator for Generator {
    type Item = Outgoing;

    fn next(&mut self) -> Option<Outgoing> {
        let sources = self.sources.len();
        let source = self.sources.get_mut(self.next)?;
        self.next = (self.next + 1) % sources;
        for series in &mut source.series {
            series.advance(&mut self.random);
            // No chance is drawn where there is none, so that a seed's messages stay the same.
            let mut comes = |share: f64| share > 0.0 && self.random.random_bool(share);
            series.revision += u32::from(comes(self.shape.described_anew));
            series.generation += u32::from(comes(self.shape.renamed));
        }
        if self.shape.shuffled {
            source.series.shuffle(&mut self.random);
        }
        let source = &*source;
        // Maps with string keys and writing to memory cannot fail.
        let mut payload = serde_json::to_vec(source).unwrap_or_default();
        if self.shape.names == Names::Escaped {
            payload = in_ascii(&payload);
        }
        Some(Outgoing {
            key: source.key.clone(),
            payload,
            ends_round: self.next == 0,
        })
    }
}

impl Source {
    fn new(number: usize, size: u32, shape: &Shape, random: &mut StdRng) -> Source {
        let labels = shape.labels;
        let key = format!("source-{number}");
        let templates = CATALOGUE.iter().cycle().zip(0..size);
        let series = templates.map(|(template, position)| {
            // Past the end of the catalogue names repeat with a number, before a counter's suffix.
            let again = position as usize / CATALOGUE.len();
            let prefix = if labels {
                String::new()
            } else {
                format!("source_{number}_")
            };
            let name = match (again, template.name.strip_suffix("_total")) {
                (0, _) => format!("{prefix}{}", template.name),
                (_, Some(stem)) => format!("{prefix}{stem}_{again}_total"),
                (_, None) => format!("{prefix}{}_{again}", template.name),
            };
            let value = match template.movement {
                Movement::Walk { low, high } => random.random_range(low..high),
                Movement::Climb { .. } => 0.0,
            };
            Series {
                name,
                template,
                value,
                revision: 0,
                generation: 0,
                marked: shape.names != Names::Plain,
            }
        });
        let series = series.collect();
        Source {
            label: labels.then(|| key.clone()),
            key,
            series,
        }
    }
}

impl Series {
    fn advance(&mut self, random: &mut StdRng) {
        match self.template.movement {
            Movement::Walk { low, high } => {
                let step = (high - low) / 50.0;
                let moved = (self.value + random.random_range(-step..step)).clamp(low, high);
                // Two decimals are what such sources send, and they keep messages short.
                self.value = (moved * 100.0).round() / 100.0;
            }
            Movement::Climb { at_most } => {
                self.value += f64::from(random.random_range(0..=at_most))
            }
        }
    }
}

impl Series {
    fn name(&self) -> Cow<'_, str> {
        let mut name = Cow::Borrowed(self.name.as_str());
        if self.marked {
            name.to_mut().insert_str(0, "größe_");
        }
        if self.generation > 0 {
            name.to_mut()
                .insert_str(0, &format!("g{}_", self.generation));
        }
        name
    }

    fn description(&self) -> Cow<'_, str> {
        let mut description = Cow::Borrowed(self.template.description);
        if self.marked {
            description.to_mut().push_str(" 測定");
        }
        if self.revision > 0 {
            description
                .to_mut()
                .push_str(&format!(", revision {}", self.revision));
        }
        description
    }
}

/// JSON with every character beyond ASCII as an escape, as many encoders write it.
fn in_ascii(json: &[u8]) -> Vec<u8> {
    let mut ascii = Vec::with_capacity(json.len() * 2);
    let mut units = [0; 2];
    for character in String::from_utf8_lossy(json).chars() {
        if let Ok(byte) = u8::try_from(character)
            && byte.is_ascii()
        {
            ascii.push(byte);
            continue;
        }
        for unit in character.encode_utf16(&mut units) {
            ascii.extend_from_slice(format!("\\u{unit:04x}").as_bytes());
        }
    }
    ascii
}

impl Serialize for Source {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.series.len()))?;
        for series in &self.series {
            let kind = match series.template.movement {
                Movement::Walk { .. } => Kind::Gauge,
                Movement::Climb { .. } => Kind::Counter,
            };
            let name = series.name();
            let mut metric = Metric::new(kind, &*name, series.description(), series.value);
            metric.labels.extend(
                self.label
                    .as_deref()
                    .map(|label| ("source".into(), label.into())),
            );
            map.serialize_entry(&name, &metric)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::collections::{BTreeMap, BTreeSet};

    use rstest::rstest;

    use super::*;

    fn shape(series: u32, metrics_per_message: u32, labels: bool) -> Shape {
        Shape {
            series,
            metrics_per_message,
            labels,
            ..Shape::default()
        }
    }

    #[test]
    fn the_same_seed_makes_the_same_messages() {
        let messages = |seed| {
            Generator::new(shape(25, 10, false), seed)
                .take(20)
                .collect::<Vec<_>>()
        };
        assert_eq!(messages(7), messages(7));
        assert_ne!(messages(7), messages(8));
    }

    #[rstest]
    #[case::plain(shape(57, 25, false))]
    #[case::labelled(shape(57, 25, true))]
    #[case::one_series(shape(1, 10, false))]
    fn there_are_as_many_series_as_asked_for(#[case] shape: Shape) {
        let mut series = BTreeSet::new();
        let sources = shape.series.div_ceil(shape.metrics_per_message) as usize;
        for outgoing in Generator::new(shape, 1).take(sources * 2) {
            let message = message::parse(&outgoing.payload).unwrap();
            assert_eq!(message.refused, []);
            assert!(message.metrics.len() <= shape.metrics_per_message as usize);
            for metric in message.metrics {
                series.insert((metric.name.into_owned(), format!("{:?}", metric.labels)));
            }
        }
        assert_eq!(series.len(), shape.series as usize);
    }

    #[test]
    fn counters_never_fall_and_a_series_keeps_its_key() {
        let mut last = BTreeMap::new();
        for outgoing in Generator::new(shape(30, 10, false), 3).take(300) {
            for metric in message::parse(&outgoing.payload).unwrap().metrics {
                let before = last.insert(
                    metric.name.to_string(),
                    (outgoing.key.clone(), metric.value),
                );
                if let Some((key, value)) = before {
                    assert_eq!(key, outgoing.key);
                    assert!(
                        metric.kind == Kind::Gauge || metric.value >= value,
                        "{}",
                        metric.name
                    );
                }
            }
        }
    }

    /// Messages of one source, each as the names and descriptions that it has.
    fn words(shape: Shape) -> Vec<Vec<(String, String)>> {
        Generator::new(shape, 1)
            .take(40)
            .map(|outgoing| {
                let message = message::parse(&outgoing.payload).unwrap();
                assert_eq!(message.refused, []);
                let metrics = message.metrics.into_iter();
                metrics
                    .map(|metric| (metric.name.into_owned(), metric.description.into_owned()))
                    .collect()
            })
            .collect()
    }

    #[test]
    fn a_shuffled_message_has_the_same_series_in_another_order() {
        let messages = words(Shape {
            shuffled: true,
            ..Shape::default()
        });
        let sorted = |message: &Vec<_>| message.iter().cloned().collect::<BTreeSet<_>>();
        assert_ne!(messages[0], messages[1]);
        assert!(
            messages
                .iter()
                .all(|message| sorted(message) == sorted(&messages[0]))
        );
    }

    #[rstest]
    #[case::described_anew(Shape { described_anew: 0.1, ..Shape::default() })]
    #[case::renamed(Shape { renamed: 0.1, ..Shape::default() })]
    fn a_share_of_the_metrics_changes_its_words(#[case] shape: Shape) {
        let messages = words(shape);
        let changed = messages.windows(2).map(|pair| {
            let pairs = pair[0].iter().zip(&pair[1]);
            pairs.filter(|(before, after)| before != after).count()
        });
        let changed: usize = changed.sum();
        assert!((20..60).contains(&changed), "{changed} of 390");
    }

    #[test]
    fn escaped_names_are_ascii_and_mean_those_that_are_not() {
        let shape = |names| Shape {
            names,
            ..Shape::default()
        };
        let escaped = Generator::new(shape(Names::Escaped), 1).next().unwrap();
        assert!(escaped.payload.is_ascii());
        assert_eq!(words(shape(Names::Escaped)), words(shape(Names::Unicode)));
        assert_eq!(
            words(shape(Names::Unicode))[0][0].0,
            "größe_source_0_cpu_usage_percent"
        );
    }

    #[test]
    fn a_round_ends_with_the_last_source() {
        let ends: Vec<_> = Generator::new(shape(30, 10, false), 1)
            .take(6)
            .map(|outgoing| outgoing.ends_round)
            .collect();
        assert_eq!(ends, [false, false, true, false, false, true]);
    }
}
