//! Makes messages that look like those of real hosts: gauges that wander, counters that only rise.

use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};

use crate::catalogue::CATALOGUE;
use crate::series::{Series, after};
use crate::{Messages, Outgoing};

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
    /// What follows the value of each of its metrics.
    after: Box<[u8]>,
    series: Vec<Series>,
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

impl Messages for Generator {
    fn next_into(&mut self, outgoing: &mut Outgoing) -> bool {
        let sources = self.sources.len();
        let Some(source) = self.sources.get_mut(self.next) else {
            return false;
        };
        self.next = (self.next + 1) % sources;
        for series in &mut source.series {
            series.advance(&mut self.random);
            // No chance is drawn where there is none, so that a seed's messages stay the same.
            let mut comes = |share: f64| share > 0.0 && self.random.random_bool(share);
            let (described_anew, renamed) =
                (comes(self.shape.described_anew), comes(self.shape.renamed));
            series.reword(described_anew, renamed);
        }
        if self.shape.shuffled {
            source.series.shuffle(&mut self.random);
        }
        source.write(&mut outgoing.payload);
        outgoing.key.clone_from(&source.key);
        outgoing.ends_round = self.next == 0;
        true
    }
}

impl Iterator for Generator {
    type Item = Outgoing;

    fn next(&mut self) -> Option<Outgoing> {
        self.next_owned()
    }
}

impl Source {
    fn new(number: usize, size: u32, shape: &Shape, random: &mut StdRng) -> Source {
        let key = format!("source-{number}");
        let templates = CATALOGUE.iter().cycle().zip(0..size);
        let series = templates.map(|(template, position)| {
            // Past the end of the catalogue names repeat with a number, before a counter's suffix.
            let again = position as usize / CATALOGUE.len();
            let prefix = if shape.labels {
                String::new()
            } else {
                format!("source_{number}_")
            };
            let name = match (again, template.name.strip_suffix("_total")) {
                (0, _) => format!("{prefix}{}", template.name),
                (_, Some(stem)) => format!("{prefix}{stem}_{again}_total"),
                (_, None) => format!("{prefix}{}_{again}", template.name),
            };
            Series::new(name, template, shape.names, random)
        });
        let series = series.collect();
        let after = after(shape.labels.then_some(&key));
        Source { key, after, series }
    }

    /// Writes its message over `json`.
    fn write(&self, json: &mut Vec<u8>) {
        json.clear();
        json.push(b'{');
        for (position, series) in self.series.iter().enumerate() {
            if position > 0 {
                json.push(b',');
            }
            series.write(json, &self.after);
        }
        json.push(b'}');
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::collections::{BTreeMap, BTreeSet};

    use message::Kind;
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

    /// The message as serde writes it, all at once.
    fn written_by_serde(source: &Source, shape: &Shape) -> Vec<u8> {
        use serde::ser::{SerializeMap, Serializer};

        let mut json = Vec::new();
        let mut serializer = serde_json::Serializer::new(&mut json);
        let mut map = serializer.serialize_map(None).unwrap();
        for series in &source.series {
            let mut metric = series.metric();
            if shape.labels {
                let label = ("source".into(), source.key.as_str().into());
                metric.labels.push(label);
            }
            map.serialize_entry(&metric.name, &metric).unwrap();
        }
        map.end().unwrap();
        if shape.names == Names::Escaped {
            let text = String::from_utf8(json).unwrap();
            json = crate::series::in_ascii(&text).into_bytes();
        }
        json
    }

    #[rstest]
    fn messages_are_byte_for_byte_what_serde_writes(
        #[values(false, true)] labels: bool,
        #[values(Names::Plain, Names::Unicode, Names::Escaped)] names: Names,
        #[values(false, true)] shuffled: bool,
        #[values(0.0, 0.2)] described_anew: f64,
        #[values(0.0, 0.2)] renamed: f64,
    ) {
        let shape = Shape {
            series: 57,
            metrics_per_message: 25,
            labels,
            names,
            shuffled,
            described_anew,
            renamed,
        };
        let mut generator = Generator::new(shape, 5);
        for number in 0..90 {
            let outgoing = generator.next().unwrap();
            let source = &generator.sources[number % 3];
            assert_eq!(outgoing.key, source.key);
            let expected = written_by_serde(source, &shape);
            assert_eq!(
                String::from_utf8(outgoing.payload).unwrap(),
                String::from_utf8(expected).unwrap()
            );
        }
    }

    #[test]
    fn memory_that_is_used_again_holds_the_message_alone() {
        let mut generator = Generator::new(shape(25, 10, false), 1);
        let mut outgoing = Outgoing::default();
        for expected in Generator::new(shape(25, 10, false), 1).take(9) {
            assert!(generator.next_into(&mut outgoing));
            assert_eq!(outgoing, expected);
        }
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
