//! The state topic and delta mode, on the real broker that `LAB_BOOTSTRAP` names.
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::support::exporter::{Exporter, Kafka, PATIENCE, broker, counter, gauge, unique};
use rstest::rstest;

struct Lab {
    kafka: Kafka,
    topic: String,
    group: String,
    state: String,
}

impl Lab {
    fn new(partitions: i32) -> Option<Lab> {
        let kafka = Kafka::new(&broker()?);
        let topic = unique("state-test");
        kafka.create(&topic, partitions);
        Some(Lab {
            kafka,
            group: unique("group"),
            state: format!("{topic}-state"),
            topic,
        })
    }

    fn start(&self, mode: &str) -> Exporter {
        self.start_with(mode, &[])
    }

    /// How many series the state topic has. The keys of series are JSON.
    fn series_of_the_state(&self) -> usize {
        let values = self.kafka.last_values(&self.state);
        let series = values
            .iter()
            .filter(|((_, key), value)| key.starts_with(b"[") && value.is_some());
        series.count()
    }

    fn start_with(&self, mode: &str, more: &[(&str, &str)]) -> Exporter {
        let mut all = vec![
            ("COUNTER_MODE", mode),
            ("STATE_TOPIC", self.state.as_str()),
            ("STATE_INTERVAL", "200ms"),
        ];
        all.extend_from_slice(more);
        let more = all;
        Exporter::on(&self.kafka.bootstrap, &self.topic, &self.group, &more)
    }
}

#[test]
fn a_restart_has_every_series_again_without_a_replay() {
    let Some(lab) = Lab::new(2) else { return };
    for number in 0..100 {
        lab.kafka.queue(
            &lab.topic,
            number % 2,
            &gauge(&format!("m{number}"), f64::from(number)),
        );
    }
    lab.kafka.flush();
    let exporter = lab.start("absolute");
    exporter.until("100 series", |samples| {
        samples.get("exporter_series") == Some(&100.0)
    });
    exporter.ready();
    let before = exporter.series();
    lab.kafka.committed(&lab.group, &lab.topic, 2, 100);
    assert!(exporter.stop().0.success());
    let exporter = lab.start("absolute");
    exporter.ready();
    assert_eq!(exporter.series(), before);
    let replayed: f64 = exporter
        .samples()
        .iter()
        .filter(|(name, _)| name.starts_with("exporter_messages_total"))
        .map(|(_, value)| value)
        .sum();
    assert_eq!(replayed, 0.0);
    lab.kafka.send(&lab.topic, 0, &gauge("m0", 7.0));
    exporter.until("the next value", |samples| samples.get("m0") == Some(&7.0));
}

#[test]
fn an_end_by_sigterm_writes_what_no_interval_has_written_yet() {
    let Some(lab) = Lab::new(1) else { return };
    let exporter = lab.start_with("absolute", &[("STATE_INTERVAL", "1h")]);
    lab.kafka.send(&lab.topic, 0, &gauge("a", 7.0));
    exporter.until("the value", |samples| samples.get("a") == Some(&7.0));
    assert_eq!(lab.series_of_the_state(), 0);
    assert!(exporter.stop().0.success());
    assert_eq!(lab.series_of_the_state(), 1);
    lab.kafka.committed(&lab.group, &lab.topic, 1, 1);
}

#[test]
fn deltas_add_up_over_a_kill() {
    let Some(lab) = Lab::new(1) else { return };
    let total = |wanted: f64| {
        move |samples: &BTreeMap<String, f64>| {
            samples.get("jobs_total{partition=\"0\"}") == Some(&wanted)
        }
    };
    for _ in 0..10 {
        lab.kafka.send(&lab.topic, 0, &counter("jobs_total", 2.0));
    }
    let exporter = lab.start("delta");
    exporter.until("20", total(20.0));
    exporter.signal("-KILL");
    lab.kafka.send(&lab.topic, 0, &counter("jobs_total", 1.0));
    lab.kafka.send(
        &lab.topic,
        0,
        br#"{"m":{"Type":"counter","Name":"jobs_total","Value":-5}}"#,
    );
    let exporter = lab.start("delta");
    let rejected = "exporter_rejected_total{reason=\"negative_counter\"}";
    // The message that is refused comes after the one that makes 21, and a scrape may come between.
    let samples = exporter.until("21, and a refusal", |samples| {
        total(21.0)(samples) && samples.get(rejected) > Some(&0.0)
    });
    assert_eq!(samples[rejected], 1.0);
}

/// The state topic once came into being with one partition and without compaction, because a producer's
/// question about it made the broker create it.
#[test]
fn the_state_topic_is_made_with_every_partition_and_compacted() {
    let Some(lab) = Lab::new(3) else { return };
    lab.kafka.send(&lab.topic, 2, &gauge("a", 1.0));
    let exporter = lab.start("absolute");
    exporter.until("a write", |samples| {
        samples.get("exporter_state_transactions_total{outcome=\"committed\"}") >= Some(&1.0)
    });
    assert_eq!(lab.kafka.partitions(&lab.state), 3);
    assert_eq!(lab.kafka.setting(&lab.state, "cleanup.policy"), "compact");
}

/// Records of dead series once stayed, and filled the limits of whoever restored them.
#[test]
fn what_expired_is_not_restored_and_takes_no_room() {
    let Some(lab) = Lab::new(1) else { return };
    let limits = [("SERIES_TTL", "2s"), ("MAX_SERIES", "2")];
    let exporter = lab.start_with("absolute", &limits);
    lab.kafka.send(&lab.topic, 0, &gauge("dead_1", 1.0));
    lab.kafka.send(&lab.topic, 0, &gauge("dead_2", 1.0));
    exporter.until("two series", |samples| samples.contains_key("dead_2"));
    exporter.until("none", |samples| samples["exporter_series"] == 0.0);
    // Nothing comes meanwhile: the expiry alone is written.
    let begin = Instant::now();
    while lab.series_of_the_state() > 0 {
        assert!(begin.elapsed() < PATIENCE, "the state topic still has them");
    }
    exporter.stop();
    let exporter = lab.start_with("absolute", &limits);
    exporter.ready();
    assert_eq!(exporter.samples()["exporter_series"], 0.0);
    for name in ["alive_1", "alive_2"] {
        lab.kafka.send(&lab.topic, 0, &gauge(name, 2.0));
    }
    exporter.until("both", |samples| {
        samples.contains_key("alive_1") && samples.contains_key("alive_2")
    });
}

/// What broke: an abort left unserved the delivery reports of what the transaction had sent, and never ended; the next one was
/// refused for it ("Conflicting abort_transaction API call is already in progress"), and so for ever. After a longer freeze the
/// coordinator had ended the transaction by itself, and the exporter ended with a fatal error.
#[rstest]
#[case::longer_than_its_session(8)]
#[case::longer_than_its_transaction(14)]
fn a_frozen_instance_wakes_and_goes_on(#[case] seconds: u64) {
    let Some(lab) = Lab::new(1) else { return };
    // Nearly always in a transaction.
    let exporter = lab.start_with("delta", &[("STATE_INTERVAL", "50ms")]);
    exporter.ready();
    let mut sent = 0.0;
    let mut send = |times: u32| {
        for _ in 0..times {
            let delta = counter("sum_total", 1.0);
            lab.kafka.queue(&lab.topic, 0, &delta);
            sent += 1.0;
            std::thread::sleep(Duration::from_millis(5));
        }
        lab.kafka.flush();
        sent
    };
    // A freeze may fall between two transactions.
    for _ in 0..5 {
        send(50);
        exporter.signal("-STOP");
        send(50);
        std::thread::sleep(Duration::from_secs(seconds));
        exporter.signal("-CONT");
        let wanted = send(50);
        let samples = exporter.until("sum", |samples| {
            samples.get("sum_total{partition=\"0\"}") == Some(&wanted)
        });
        if samples["exporter_state_transactions_total{outcome=\"failed\"}"] > 0.0 {
            println!("{:#?}", exporter.log());
            return;
        }
    }
    panic!("no transaction was refused: {:#?}", exporter.log());
}

/// What broke: a renamed group went on with the sums of the old one, from the first record on, and doubled them; the state of another
/// topic was served beside the own; and a topic of metrics got partitions and state.
#[rstest]
#[case::another_group(&[("KAFKA_GROUP_ID", "another")], "is the state of the group \"group-")]
#[case::another_topic(&[("KAFKA_TOPIC", "another")], "and this is the group \"group-")]
#[case::another_mode(&[("COUNTER_MODE", "absolute")], "with COUNTER_MODE=delta, and this is")]
fn a_state_topic_of_another_is_refused(#[case] more: &[(&str, &str)], #[case] words: &str) {
    let Some(lab) = Lab::new(1) else { return };
    let exporter = lab.start("delta");
    lab.kafka.send(&lab.topic, 0, &counter("a_total", 1.0));
    lab.kafka.committed(&lab.group, &lab.topic, 1, 1);
    assert!(exporter.stop().0.success());
    let mut more = more.to_vec();
    let topic = unique("another");
    if let [("KAFKA_TOPIC", name)] = more.as_mut_slice() {
        // More partitions than the state has.
        lab.kafka.create(&topic, 3);
        *name = &topic;
    }
    refused(&mut lab.start_with("delta", &more), words);
    assert_eq!(lab.kafka.partitions(&lab.state), 1);
    // The rightful one goes on.
    let exporter = lab.start("delta");
    lab.kafka.send(&lab.topic, 0, &counter("a_total", 1.0));
    exporter.until("2", |samples| {
        samples.get("a_total{partition=\"0\"}") == Some(&2.0)
    });
}

#[rstest]
#[case::of_metrics("compact", "has records that are no exporter's state")]
#[case::not_compacted("delete", "has cleanup.policy=delete")]
fn a_topic_that_is_no_state_is_left_as_it_was(#[case] policy: &str, #[case] words: &str) {
    let Some(lab) = Lab::new(3) else { return };
    lab.kafka
        .create_with(&lab.state, 1, &[("cleanup.policy", policy)]);
    lab.kafka.send(&lab.state, 0, &gauge("a", 1.0));
    refused(&mut lab.start("delta"), words);
    assert_eq!(lab.kafka.partitions(&lab.state), 1);
}

fn refused(exporter: &mut Exporter, words: &str) {
    assert_eq!(exporter.ended().code(), Some(2));
    let log = exporter.log();
    assert!(log.iter().any(|line| line.contains(words)), "{log:#?}");
}
