//! What a record does to the series.
use std::time::{Duration, Instant};

use exporter::exposition::{Escaping, Filter, Syntax, render};
use exporter::table::{Applied, Dirty, Limits, Outcome, Record, Refused, Table};
use message::{Kind, Message, Metric};
use rstest::rstest;

struct Bench {
    table: Table,
    now: Instant,
}

impl Bench {
    fn new(limits: Limits) -> Bench {
        let mut table = Table::new(limits, false);
        table.assign(0);
        table.release(0);
        Bench {
            table,
            now: Instant::now(),
        }
    }

    fn at(
        &mut self,
        partition: i32,
        offset: i64,
        timestamp_ms: i64,
        metrics: &[Metric<'_>],
    ) -> Outcome {
        let message = Message {
            metrics: metrics.to_vec(),
            ..Message::default()
        };
        self.table.apply(
            Record {
                partition,
                offset,
                timestamp_ms,
            },
            Some(&message),
            self.now,
        )
    }

    fn applied(
        &mut self,
        partition: i32,
        offset: i64,
        timestamp_ms: i64,
        metrics: &[Metric<'_>],
    ) -> Applied {
        match self.at(partition, offset, timestamp_ms, metrics) {
            Outcome::Applied(applied) => applied,
            other => panic!("{other:?}"),
        }
    }

    /// Why the metrics of a next message were refused.
    fn refused(&mut self, metrics: &[Metric<'_>]) -> Vec<Refused> {
        let offset = self.table.applied(0).map_or(0, |applied| applied + 1);
        self.applied(0, offset, 0, metrics)
            .refused
            .into_iter()
            .map(|(_, refused)| refused)
            .collect()
    }

    fn text(&mut self) -> String {
        let out = render(
            self.table.snapshot(Escaping::Underscores),
            Syntax::Text,
            Filter::default(),
        );
        String::from_utf8(out).unwrap()
    }

    /// The sample lines of `/metrics`.
    fn lines(&mut self) -> Vec<String> {
        self.text()
            .lines()
            .filter(|line| !line.starts_with('#'))
            .map(str::to_owned)
            .collect()
    }
}

fn gauge(name: &str, value: f64) -> Metric<'_> {
    Metric::new(Kind::Gauge, name, "", value)
}

fn counter(name: &str, value: f64) -> Metric<'_> {
    Metric::new(Kind::Counter, name, "", value)
}

fn labelled<'a>(name: &'a str, labels: &[(&'a str, &'a str)]) -> Metric<'a> {
    let mut metric = gauge(name, 1.0);
    metric.labels = labels
        .iter()
        .map(|(name, value)| ((*name).into(), (*value).into()))
        .collect();
    metric
}

/// `name[]=w` found a gauge `w_total`, too.
#[rstest]
#[case::counter("c_total", "c_total 1")]
#[case::counter_in_openmetrics("c", "c_total 1")]
#[case::gauge("w_total", "w_total 2")]
#[case::no_counter("w", "")]
#[case::nothing("", "")]
fn families_are_found_by_the_names_that_a_page_has(#[case] wanted: &str, #[case] shown: &str) {
    let mut bench = Bench::new(Limits::default());
    bench.refused(&[
        counter("c_total", 1.0),
        gauge("w_total", 2.0),
        counter("_total", 3.0),
    ]);
    let filter = Filter::names(vec![wanted.to_owned()]);
    let snapshot = bench.table.snapshot(Escaping::Underscores);
    let text = String::from_utf8(render(snapshot, Syntax::Text, filter)).unwrap();
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(lines.concat(), shown);
}

#[test]
fn the_last_value_stays_until_the_next_message() {
    let mut bench = Bench::new(Limits::default());
    bench.at(0, 0, 0, &[gauge("a", 1.0), counter("b_total", 5.0)]);
    bench.at(0, 1, 0, &[gauge("a", 2.0)]);
    assert_eq!(bench.lines(), ["a 2", "b_total 5"]);
}

#[rstest]
#[case::the_same(5)]
#[case::older(3)]
fn a_record_at_or_below_the_last_applied_offset_changes_nothing(#[case] offset: i64) {
    let mut bench = Bench::new(Limits::default());
    bench.at(0, 5, 0, &[counter("a_total", 10.0)]);
    assert_eq!(
        bench.at(0, offset, 0, &[counter("a_total", 3.0)]),
        Outcome::Duplicate
    );
    assert_eq!(bench.lines(), ["a_total 10"]);
}

#[test]
fn a_fall_in_a_new_record_is_a_reset_and_shown() {
    let mut bench = Bench::new(Limits::default());
    bench.at(0, 0, 0, &[counter("a_total", 10.0)]);
    assert_eq!(bench.applied(0, 1, 0, &[counter("a_total", 3.0)]).resets, 1);
    assert_eq!(bench.lines(), ["a_total 3"]);
}

#[test]
fn a_new_partition_is_hidden_until_it_has_caught_up() {
    let mut bench = Bench::new(Limits::default());
    bench.table.assign(1);
    bench.at(1, 0, 0, &[counter("a_total", 1.0)]);
    assert_eq!(bench.lines(), Vec::<String>::new());
    bench.at(1, 1, 0, &[counter("a_total", 2.0)]);
    bench.table.release(1);
    assert_eq!(bench.lines(), ["a_total 2"]);
}

#[test]
fn a_revoked_partition_leaves_at_once_and_alone() {
    let mut bench = Bench::new(Limits::default());
    bench.table.assign(1);
    bench.table.release(1);
    bench.at(0, 0, 0, &[gauge("a", 1.0)]);
    bench.at(1, 0, 0, &[gauge("b", 1.0), labelled("c", &[("x", "1")])]);
    bench.table.revoke(1);
    assert_eq!(bench.lines(), ["a 1"]);
    assert_eq!(bench.table.series(), 1);
    assert_eq!(bench.at(1, 1, 0, &[gauge("b", 2.0)]), Outcome::NotAssigned);
    assert_eq!(bench.lines(), ["a 1"]);
}

#[test]
fn the_newer_record_wins_between_partitions_and_moves_are_counted() {
    let mut bench = Bench::new(Limits::default());
    bench.table.assign(1);
    bench.table.release(1);
    bench.at(0, 0, 100, &[gauge("a", 1.0)]);
    assert_eq!(bench.applied(1, 0, 200, &[gauge("a", 2.0)]).moved, 1);
    let late = bench.applied(0, 1, 150, &[gauge("a", 3.0)]);
    assert_eq!(late.refused, [(0, Refused::OlderThanOtherPartition)]);
    assert_eq!(bench.lines(), ["a 2"]);
    // Equal timestamps: the later arrival.
    assert_eq!(bench.applied(0, 2, 200, &[gauge("a", 4.0)]).moved, 1);
    assert_eq!(bench.lines(), ["a 4"]);
    // It is partition 0's now.
    bench.table.revoke(1);
    assert_eq!(bench.lines(), ["a 4"]);
}

#[test]
fn a_series_does_not_vanish_because_a_partition_that_catches_up_has_it_too() {
    let mut bench = Bench::new(Limits::default());
    bench.at(0, 0, 100, &[gauge("a", 1.0)]);
    bench.table.assign(1);
    bench.at(1, 0, 200, &[gauge("a", 2.0)]);
    assert_eq!(bench.lines(), ["a 2"]);
}

#[test]
fn with_the_partition_label_the_series_are_two() {
    let mut table = Table::new(Limits::default(), true);
    for partition in [0, 1] {
        table.assign(partition);
        table.release(partition);
    }
    let mut bench = Bench {
        table,
        now: Instant::now(),
    };
    bench.at(0, 0, 0, &[gauge("a", 1.0)]);
    assert_eq!(bench.applied(1, 0, 0, &[gauge("a", 2.0)]).moved, 0);
    assert_eq!(
        bench.lines(),
        ["a{partition=\"0\"} 1", "a{partition=\"1\"} 2"]
    );
    let taken = Refused::ReservedLabel {
        label: "partition".to_owned(),
    };
    assert_eq!(
        bench.refused(&[labelled("b", &[("partition", "9")])]),
        [taken]
    );
}

#[test]
fn the_first_type_wins() {
    let mut bench = Bench::new(Limits::default());
    bench.at(0, 0, 0, &[gauge("a", 1.0)]);
    let conflict = Refused::TypeConflict {
        known: Kind::Gauge,
        given: Kind::Counter,
    };
    assert_eq!(bench.refused(&[counter("a", 5.0)]), [conflict]);
    assert_eq!(bench.lines(), ["a 1"]);
}

#[rstest]
#[case::sanitised(gauge("a.b", 1.0), gauge("a-b", 2.0))]
#[case::sanitised_onto_a_plain_name(gauge("a_b", 1.0), gauge("a.b", 2.0))]
#[case::openmetrics_family_of_a_counter(counter("a_total", 1.0), gauge("a", 2.0))]
#[case::openmetrics_family_comes_second(gauge("a", 1.0), counter("a_total", 2.0))]
#[case::created(counter("a_total", 1.0), gauge("a_created", 2.0))]
fn names_that_meet_are_a_collision(#[case] first: Metric<'_>, #[case] second: Metric<'_>) {
    let mut bench = Bench::new(Limits::default());
    bench.at(0, 0, 0, &[first]);
    assert!(matches!(
        bench.refused(&[second])[..],
        [Refused::NameCollision { .. }]
    ));
    assert_eq!(bench.lines().len(), 1);
}

#[rstest]
#[case::between_series(&[("a.b", "1")], &[("a-b", "1")])]
#[case::onto_plain(&[("a_b", "1")], &[("a.b", "1")])]
#[case::plain_onto_changed(&[("a.b", "1")], &[("a_b", "1")])]
#[case::values(&[("a", "\r")], &[("a", "\0")])]
fn label_sets_that_meet_are_a_collision(
    #[case] first: &[(&str, &str)],
    #[case] second: &[(&str, &str)],
) {
    let mut bench = Bench::new(Limits::default());
    bench.at(0, 0, 0, &[labelled("m", first)]);
    assert_eq!(
        bench.refused(&[labelled("m", second)]),
        [Refused::LabelCollision]
    );
}

#[rstest]
#[case(&[("a.b", "1"), ("a_b", "2")], Refused::LabelCollision)]
#[case(&[("le", "1")], Refused::ReservedLabel { label: "le".to_owned() })]
#[case(&[("quantile", "1")], Refused::ReservedLabel { label: "quantile".to_owned() })]
#[case(&[("__name__", "1")], Refused::ReservedLabel { label: "__name__".to_owned() })]
#[case(&[("-.x", "1")], Refused::ReservedLabel { label: "-.x".to_owned() })]
fn labels_that_cannot_be_shown(#[case] labels: &[(&str, &str)], #[case] expected: Refused) {
    let mut bench = Bench::new(Limits::default());
    assert_eq!(bench.refused(&[labelled("m", labels)]), [expected]);
    assert_eq!(bench.lines(), Vec::<String>::new());
}

#[rstest]
#[case("exporter_series")]
#[case("exporter.anything")]
fn the_exporters_own_names_are_reserved(#[case] name: &str) {
    assert_eq!(
        Bench::new(Limits::default()).refused(&[gauge(name, 1.0)]),
        [Refused::ReservedName]
    );
}

#[test]
fn a_name_is_free_again_when_its_family_is_gone() {
    let mut bench = Bench::new(Limits::default());
    bench.table.assign(1);
    bench.at(
        1,
        0,
        0,
        &[
            gauge("a.b", 1.0),
            counter("c_total", 1.0),
            labelled("d", &[("x.y", "1")]),
        ],
    );
    bench.table.revoke(1);
    assert_eq!(bench.table.text_bytes(), 0);
    assert_eq!(
        bench.refused(&[
            counter("a-b", 1.0),
            gauge("c", 1.0),
            labelled("d", &[("x-y", "1")])
        ]),
        []
    );
}

#[test]
fn limits_refuse_what_is_new_and_keep_what_is_there() {
    let mut bench = Bench::new(Limits {
        series: 2,
        ..Limits::default()
    });
    bench.at(0, 0, 0, &[gauge("a", 1.0), gauge("b", 1.0)]);
    assert_eq!(
        bench.refused(&[gauge("c", 1.0), gauge("a", 2.0)]),
        [Refused::SeriesLimit]
    );
    assert_eq!(bench.lines(), ["a 2", "b 1"]);
}

#[rstest]
#[case::name(gauge("abcdefghi", 1.0), Refused::NameTooLong)]
#[case::description(
    Metric::new(Kind::Gauge, "a", "abcdefghi", 1.0),
    Refused::DescriptionTooLong
)]
#[case::label_count(labelled("a", &[("a", "1"), ("b", "1"), ("c", "1")]), Refused::TooManyLabels)]
#[case::label_value(labelled("a", &[("a", "abcdefghi")]), Refused::LabelTooLong)]
#[case::label_name(labelled("a", &[("abcdefghi", "1")]), Refused::LabelTooLong)]
#[case::text(Metric::new(Kind::Gauge, "abcdef", "abcdef", 1.0), Refused::TextLimit)]
fn lengths_are_limited(#[case] metric: Metric<'_>, #[case] expected: Refused) {
    let limits = Limits {
        labels: 2,
        name_length: 8,
        label_value_length: 8,
        description_length: 8,
        text_bytes: 10,
        ..Limits::default()
    };
    assert_eq!(Bench::new(limits).refused(&[metric]), [expected]);
}

/// A unit that came later was not counted.
#[rstest]
#[case::description("abcdef", None, "")]
#[case::unit("", Some("abcdef"), "")]
#[case::what_fits("abc", None, "abc")]
fn a_description_that_does_not_fit_is_not_taken(
    #[case] help: &'static str,
    #[case] unit: Option<&'static str>,
    #[case] shown: &str,
) {
    let mut bench = Bench::new(Limits {
        text_bytes: 6,
        ..Limits::default()
    });
    bench.refused(&[gauge("a", 1.0)]);
    let mut described = Metric::new(Kind::Gauge, "a", help, 2.0);
    described.unit = unit.map(Into::into);
    assert_eq!(bench.refused(&[described]), []);
    assert_eq!(bench.lines(), ["a 2"]);
    assert!(bench.text().contains(&format!("# HELP a {shown}\n")));
    assert!(bench.table.text_bytes() <= 6);
}

#[test]
fn a_message_may_not_bring_more_series_than_allowed() {
    let mut bench = Bench::new(Limits {
        series_per_message: 1,
        ..Limits::default()
    });
    assert_eq!(
        bench.refused(&[gauge("a", 1.0), gauge("b", 1.0)]),
        [Refused::MessageSeriesLimit]
    );
    assert_eq!(bench.lines(), ["a 1"]);
}

#[test]
fn a_ttl_counts_from_the_last_message_whatever_its_value() {
    let ttl = Duration::from_secs(60);
    let mut bench = Bench::new(Limits {
        ttl: Some(ttl),
        ..Limits::default()
    });
    bench.at(0, 0, 0, &[gauge("a", 1.0), gauge("b", 1.0)]);
    bench.now += ttl / 2;
    bench.at(0, 1, 0, &[gauge("a", 1.0)]);
    bench.now += ttl / 2 + Duration::from_secs(1);
    assert_eq!(bench.table.expire(bench.now), 1);
    assert_eq!(bench.lines(), ["a 1"]);
}

#[test]
fn the_last_message_describes_the_family_and_an_empty_description_does_not() {
    let mut bench = Bench::new(Limits::default());
    bench.at(0, 0, 0, &[Metric::new(Kind::Gauge, "a", "old", 1.0)]);
    bench.lines();
    bench.at(
        0,
        1,
        0,
        &[Metric::new(Kind::Gauge, "a", "new", 1.0), gauge("a", 2.0)],
    );
    let out = render(
        bench.table.snapshot(Escaping::Underscores),
        Syntax::Text,
        Filter::default(),
    );
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "# HELP a new\n# TYPE a gauge\na 2\n"
    );
}

#[test]
fn a_log_that_begins_again_is_read_again() {
    let mut bench = Bench::new(Limits::default());
    bench.at(0, 7, 0, &[gauge("a", 1.0)]);
    bench.table.restart_log(0);
    bench.at(0, 0, 0, &[gauge("a", 2.0)]);
    assert_eq!(bench.lines(), ["a 2"]);
}

#[test]
fn what_changed_is_written_once_and_restores_to_the_same() {
    let fresh = || {
        let mut table = Table::new(Limits::default(), false).with_changes();
        table.assign(0);
        table.release(0);
        Bench {
            table,
            now: Instant::now(),
        }
    };
    let mut bench = fresh();
    let mut special = labelled("a.b", &[("x", "1\n"), ("y", "\"")]);
    special.value = f64::NEG_INFINITY;
    special.unit = Some("seconds".into());
    bench.at(
        0,
        0,
        50,
        &[special, counter("b_total", 5.0), gauge("c", f64::NAN)],
    );
    bench.at(0, 1, 60, &[counter("b_total", 6.0)]);
    let dirty = dirty(&bench.table);
    assert_eq!(dirty.len(), 3);
    bench.table.clean();
    assert_eq!(self::dirty(&bench.table), []);
    let mut restored = fresh();
    for record in &dirty {
        let message = message::parse(record.value.as_deref().unwrap()).unwrap();
        let fits = restored.table.restore(
            record.partition,
            message.timestamp_ms.unwrap(),
            &message,
            restored.now,
        );
        assert!(fits);
    }
    assert_eq!(self::dirty(&restored.table), []);
    restored.table.resume(0, 2);
    assert_eq!(restored.at(0, 1, 0, &[gauge("c", 1.0)]), Outcome::Duplicate);
    // Shown once the partition has caught up.
    assert_eq!(restored.lines(), Vec::<String>::new());
    restored.table.assign(1);
    restored.table.revoke(1);
    restored.at(0, 2, 70, &[counter("d", 1.0)]);
    assert_eq!(self::dirty(&restored.table).len(), 1);
}

fn dirty(table: &Table) -> Vec<Dirty> {
    // By parts, as it is written.
    (0..table.dirty_count())
        .flat_map(|at| table.dirty(at..at + 1))
        .collect()
}

/// What a key's last record leaves of the state topic, by partition and key.
fn compacted(records: Vec<Dirty>) -> Vec<(i32, Option<Vec<u8>>)> {
    let mut last = std::collections::BTreeMap::new();
    for record in records {
        last.insert((record.partition, record.key), record.value);
    }
    last.into_iter()
        .map(|((partition, _), value)| (partition, value))
        .collect()
}

fn keeping_state(ttl: Option<Duration>) -> Bench {
    let mut table = Table::new(
        Limits {
            ttl,
            ..Limits::default()
        },
        false,
    )
    .with_changes();
    for partition in [0, 1] {
        table.assign(partition);
        table.release(partition);
    }
    Bench {
        table,
        now: Instant::now(),
    }
}

/// Dead series once stayed in the state topic for good, and filled the limits of whoever restored them.
#[test]
fn the_state_forgets_what_expired_and_keeps_what_came_back() {
    let ttl = Duration::from_secs(60);
    let mut bench = keeping_state(Some(ttl));
    bench.at(0, 0, 0, &[gauge("a", 1.0), gauge("b", 1.0)]);
    bench.table.clean();
    bench.now += ttl * 2;
    bench.table.expire(bench.now);
    bench.at(0, 1, 0, &[gauge("b", 2.0)]);
    let left = compacted(dirty(&bench.table));
    assert_eq!(left.len(), 2);
    assert_eq!(left[0], (0, None), "a is gone");
    assert!(left[1].1.is_some(), "b came back");
}

#[test]
fn the_state_of_a_series_that_moved_is_with_its_new_partition_alone() {
    let mut bench = keeping_state(None);
    bench.at(0, 0, 0, &[gauge("a", 1.0)]);
    bench.at(1, 0, 1, &[gauge("a", 2.0)]);
    let left = compacted(dirty(&bench.table));
    assert_eq!((left[0].0, left[0].1.is_some()), (0, false));
    assert_eq!((left[1].0, left[1].1.is_some()), (1, true));
    // And there and back again.
    bench.at(0, 1, 2, &[gauge("a", 3.0)]);
    let left = compacted(dirty(&bench.table));
    assert_eq!((left[0].0, left[0].1.is_some()), (0, true));
    assert_eq!((left[1].0, left[1].1.is_some()), (1, false));
}

#[test]
fn nothing_is_written_for_a_partition_that_is_another_instances() {
    let ttl = Duration::from_secs(60);
    let mut bench = keeping_state(Some(ttl));
    bench.at(0, 0, 0, &[gauge("a", 1.0)]);
    bench.at(1, 0, 0, &[gauge("b", 1.0)]);
    bench.now += ttl * 2;
    bench.table.expire(bench.now);
    bench.at(1, 1, 0, &[gauge("b", 2.0)]);
    bench.table.revoke(1);
    let partitions: Vec<_> = dirty(&bench.table)
        .iter()
        .map(|record| record.partition)
        .collect();
    assert_eq!(partitions, [0]);
}

#[test]
fn deltas_add_up_and_gauges_do_not() {
    let mut table =
        Table::new(Limits::default(), true).with_counters(exporter::table::CounterMode::Delta);
    table.assign(0);
    table.release(0);
    let mut bench = Bench {
        table,
        now: Instant::now(),
    };
    bench.at(0, 0, 0, &[counter("a_total", 1.5), gauge("b", 1.0)]);
    bench.at(0, 1, 0, &[counter("a_total", 2.0), gauge("b", 2.0)]);
    // Redelivered.
    bench.at(0, 1, 0, &[counter("a_total", 2.0), gauge("b", 2.0)]);
    assert_eq!(
        bench.lines(),
        ["a_total{partition=\"0\"} 3.5", "b{partition=\"0\"} 2"]
    );
    bench.at(0, 2, 0, &[counter("a_total", f64::MAX)]);
    assert_eq!(
        bench.refused(&[counter("a_total", f64::MAX)]),
        [Refused::CounterOverflow]
    );
}
