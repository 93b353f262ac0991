//! Messages that are read by comparing do what they would have done if each had been read by itself.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use exporter::exposition::{Escaping, Filter, Syntax, render};
use exporter::reading::Predictor;
use exporter::table::{CounterMode, Limits, Outcome, Record, Table};
use proptest::prelude::*;
use rstest::rstest;

#[derive(Clone, Debug)]
struct Entry {
    key: &'static str,
    name: &'static str,
    kind: &'static str,
    description: &'static str,
    /// After the value, so that an entry has something behind it.
    labels: &'static str,
}

fn entry() -> impl Strategy<Value = Entry> {
    let pick = prop::sample::select::<&'static str>;
    (
        pick(vec!["a", "b", "ä", "\\n"]),
        pick(vec!["a", "a", "b", "c_total", "\\u0061", "", "exporter_x"]),
        pick(vec!["gauge", "gauge", "counter", "histogram"]),
        pick(vec!["", "x", "y", "\\\"ö"]),
        pick(vec![
            "",
            r#","Labels":{"h":"1"}"#,
            r#","Labels":{"h":"2"},"Unit":"s""#,
            r#", "Other":[{}]"#,
        ]),
    )
        .prop_map(|(key, name, kind, description, labels)| Entry {
            key,
            name,
            kind,
            description,
            labels,
        })
}

#[derive(Clone, Debug)]
enum Event {
    Message {
        partition: i32,
        base: usize,
        /// One entry is another one, or is missing.
        change: Option<(prop::sample::Index, Option<Entry>)>,
        values: Vec<&'static str>,
        timestamp: Option<&'static str>,
        pretty: bool,
    },
    Revoke(i32),
    Assign(i32),
    /// Time goes by.
    Wait,
}

fn event() -> impl Strategy<Value = Event> {
    let value = prop::sample::select(vec![
        "0", "1", "2.5", "-0", "-1e-3", "1e308", "1e999", "01", "\"NaN\"", "null",
    ]);
    let timestamp =
        prop::option::weighted(0.3, prop::sample::select(vec!["5", "6", "-1", "{}", "1e2"]));
    let change = prop::option::weighted(
        0.3,
        (any::<prop::sample::Index>(), prop::option::of(entry())),
    );
    let usual = prop::sample::select(vec!["1", "2", "3.25"]);
    let values = prop::collection::vec(prop_oneof![9 => usual, 1 => value], 6);
    let message = (0..2, 0usize..2, change, values, timestamp, any::<bool>()).prop_map(
        |(partition, base, change, values, timestamp, pretty)| Event::Message {
            partition,
            base,
            change,
            values,
            timestamp,
            pretty,
        },
    );
    prop_oneof![20 => message, 1 => (0..2).prop_map(Event::Revoke), 2 => (0..2).prop_map(Event::Assign), 1 => Just(Event::Wait)]
}

fn text(entries: &[Entry], values: &[&str], timestamp: Option<&str>, pretty: bool) -> String {
    let blank = if pretty { "\n " } else { "" };
    let mut parts: Vec<String> = Vec::new();
    if let Some(timestamp) = timestamp {
        parts.push(format!(r#""Timestamp":{blank}{timestamp}"#));
    }
    for (entry, value) in entries.iter().zip(values.iter().cycle()) {
        let Entry {
            key,
            name,
            kind,
            description,
            labels,
        } = entry;
        parts.push(format!(
            r#""{key}":{{"Type":"{kind}","Name":"{name}","Description":"{description}","Value":{blank}{value}{labels}}}"#
        ));
    }
    // A timestamp may stand anywhere.
    if pretty {
        parts.reverse();
    }
    format!(
        "{{{blank}{}{blank}}}",
        parts.join(&format!("{blank},{blank}"))
    )
}

/// All that can be seen of a table.
fn seen(table: &mut Table) -> String {
    let out = render(
        table.snapshot(Escaping::AllowUtf8),
        Syntax::OpenMetrics,
        Filter::default(),
    );
    let mut seen = String::from_utf8(out).unwrap();
    let dirty = table.dirty(0..table.dirty_count());
    write!(seen, "{} {} {dirty:?}", table.series(), table.text_bytes()).unwrap();
    seen
}

/// Tables that take in the same messages: with a predictor, and without.
struct Pair {
    predicted: Table,
    plain: Table,
    predictor: Predictor,
    offset: i64,
    now: Instant,
}

impl Pair {
    fn new(limits: Limits, partition_label: bool, counters: CounterMode, most_text: usize) -> Pair {
        let table = || {
            Table::new(limits, partition_label)
                .with_counters(counters)
                .with_changes()
        };
        let mut pair = Pair {
            predicted: table(),
            plain: table(),
            predictor: Predictor::new(most_text),
            offset: 0,
            now: Instant::now(),
        };
        pair.assign(0);
        pair.assign(1);
        pair
    }

    fn assign(&mut self, partition: i32) {
        for table in [&mut self.predicted, &mut self.plain] {
            table.assign(partition);
            table.release(partition);
        }
    }

    /// What became of the record in either table, and how many of its metrics were known.
    fn send(&mut self, partition: i32, bytes: &[u8]) -> ([Outcome; 2], usize) {
        self.offset += 1;
        let record = |timestamp_ms: Option<i64>| Record {
            partition,
            offset: self.offset,
            timestamp_ms: timestamp_ms.unwrap_or(5),
        };
        let message = message::reference(bytes);
        let at = record(
            message
                .as_ref()
                .ok()
                .and_then(|message| message.timestamp_ms),
        );
        let plain = self.plain.apply(at, message.as_ref().ok(), self.now);
        let reading = self.predictor.read(partition, bytes);
        assert_eq!(
            format!(
                "{:?}",
                reading
                    .as_ref()
                    .map(|reading| (reading.timestamp_ms, &reading.refused))
            ),
            format!(
                "{:?}",
                message
                    .as_ref()
                    .map(|message| (message.timestamp_ms, &message.refused))
            ),
        );
        let Ok(reading) = reading else {
            return ([self.predicted.apply(at, None, self.now), plain], 0);
        };
        let mut found = Vec::new();
        let known = reading.known_count();
        let predicted = self
            .predicted
            .apply_reading(at, &reading, self.now, &mut found);
        if let (Outcome::Applied(applied), Ok(message)) = (&predicted, &message) {
            for (at, _) in &applied.refused {
                assert_eq!(reading.name(*at), message.metrics[*at].name);
            }
            self.predictor.learn(partition, reading, &found);
        }
        ([predicted, plain], known)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn predicted_and_plain_are_the_same(
        bases in prop::collection::vec(prop::collection::vec(entry(), 0..5), 2),
        events in prop::collection::vec(event(), 1..25),
        series in prop::sample::select(vec![2, 1000]),
        series_per_message in prop::sample::select(vec![2, 1000]),
        held_text in prop::sample::select(vec![12, 1000]),
        kept_text in prop::sample::select(vec![0, 150, 10_000]),
        modes in prop::sample::select(vec![(false, CounterMode::Absolute), (true, CounterMode::Absolute), (true, CounterMode::Delta)]),
    ) {
        let limits = Limits {
            series,
            series_per_message,
            text_bytes: held_text,
            ttl: Some(Duration::from_secs(10)),
            ..Limits::default()
        };
        let mut pair = Pair::new(limits, modes.0, modes.1, kept_text);
        for event in &events {
            match event {
                Event::Assign(partition) => pair.assign(*partition),
                Event::Revoke(partition) => {
                    pair.predicted.revoke(*partition);
                    pair.plain.revoke(*partition);
                }
                Event::Wait => {
                    pair.now += Duration::from_secs(6);
                    prop_assert_eq!(pair.predicted.expire(pair.now), pair.plain.expire(pair.now));
                }
                Event::Message { partition, base, change, values, timestamp, pretty } => {
                    let mut entries = bases[*base].clone();
                    if let Some((at, other)) = change && !entries.is_empty() {
                        let at = at.index(entries.len());
                        entries.splice(at..=at, other.clone());
                    }
                    let bytes = text(&entries, values, *timestamp, *pretty);
                    let ([predicted, plain], _) = pair.send(*partition, bytes.as_bytes());
                    prop_assert_eq!(predicted, plain, "{}", bytes);
                }
            }
            prop_assert_eq!(seen(&mut pair.predicted), seen(&mut pair.plain));
        }
    }
}

fn pair() -> Pair {
    Pair::new(Limits::default(), false, CounterMode::Absolute, 10_000)
}

fn message(names: &[&str], description: &str, value: u32) -> String {
    let entry = |name: &&str| {
        format!(
            r#""{name}":{{"Type":"gauge","Name":"{name}","Description":"{description}","Value":{value}}}"#
        )
    };
    format!(
        "{{{}}}",
        names.iter().map(entry).collect::<Vec<_>>().join(",")
    )
}

#[rstest]
#[case::the_same_again(&["abc", "abc"], 3)]
#[case::messages_in_turn(&["abc", "def", "abc"], 3)]
#[case::one_more(&["abc", "abxc"], 3)]
#[case::one_fewer(&["abc", "ac"], 2)]
#[case::other_order(&["abc", "cba"], 3)]
#[case::nothing_like_it(&["abc", "def"], 0)]
fn known_by_their_text_are(#[case] messages: &[&str], #[case] known: usize) {
    let mut pair = pair();
    let mut last = 0;
    for (value, names) in (0..).zip(messages) {
        let names: Vec<String> = names.chars().map(String::from).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let (outcomes, known) = pair.send(0, message(&names, "", value).as_bytes());
        assert_eq!(outcomes[0], outcomes[1]);
        last = known;
    }
    assert_eq!(last, known);
}

#[test]
fn a_new_description_is_read_and_what_follows_it_is_known() {
    let mut pair = pair();
    let with = |b: &str| format!("{{{},{},{}}}", part("a", "x"), part("b", b), part("c", "x"));
    fn part(name: &str, description: &str) -> String {
        let whole = message(&[name], description, 1);
        whole[1..whole.len() - 1].to_owned()
    }
    let known: Vec<usize> = ["x", "x", "y", "y"]
        .map(|description| pair.send(0, with(description).as_bytes()).1)
        .into();
    assert_eq!(known, [0, 3, 2, 3]);
    assert_eq!(seen(&mut pair.predicted), seen(&mut pair.plain));
}

#[test]
fn series_that_left_with_their_partition_are_not_known_any_more() {
    let mut pair = pair();
    let bytes = message(&["a", "b"], "", 1);
    pair.send(0, bytes.as_bytes());
    for table in [&mut pair.predicted, &mut pair.plain] {
        table.revoke(0);
    }
    pair.assign(0);
    // By text they are; the table finds that the series are gone, and makes them anew.
    let ([predicted, plain], known) = pair.send(0, bytes.as_bytes());
    assert_eq!((&predicted, known), (&plain, 2));
    assert_eq!(pair.predicted.series(), 2);
    assert_eq!(seen(&mut pair.predicted), seen(&mut pair.plain));
}
