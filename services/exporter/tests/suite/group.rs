//! Several instances: who serves what, before and after rebalances, on the real broker that `LAB_BOOTSTRAP` names.
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use crate::support::exporter::{Exporter, Kafka, PATIENCE, broker, gauge, unique};
use rstest::rstest;

struct Group {
    kafka: Kafka,
    topic: String,
    group: String,
}

impl Group {
    fn new(partitions: i32) -> Option<Group> {
        let kafka = Kafka::new(&broker()?);
        let topic = unique("group-test");
        kafka.create(&topic, partitions);
        Some(Group {
            kafka,
            topic,
            group: unique("group"),
        })
    }

    fn start(&self, more: &[(&str, &str)]) -> Exporter {
        Exporter::on(&self.kafka.bootstrap, &self.topic, &self.group, more)
    }

    /// A gauge in every partition.
    fn one_of_each(&self, partitions: i32) -> BTreeSet<String> {
        for partition in 0..partitions {
            self.kafka.queue(
                &self.topic,
                partition,
                &gauge(&format!("of_{partition}"), 1.0),
            );
        }
        self.kafka.flush();
        (0..partitions)
            .map(|partition| format!("of_{partition}"))
            .collect()
    }
}

fn names(exporter: &Exporter) -> BTreeSet<String> {
    exporter.series().into_keys().collect()
}

/// Waits until the instances together serve what is wanted, each series on one of them, and each serves something. Gives what each has.
fn shared(instances: &[&Exporter], wanted: &BTreeMap<String, f64>) -> Vec<BTreeMap<String, f64>> {
    let begin = Instant::now();
    loop {
        let shown: Vec<_> = instances.iter().map(|instance| instance.series()).collect();
        let each: usize = shown.iter().map(BTreeMap::len).sum();
        let together: BTreeMap<_, _> = shown
            .iter()
            .flatten()
            .map(|(n, v)| (n.clone(), *v))
            .collect();
        if each == wanted.len() && together == *wanted && shown.iter().all(|one| !one.is_empty()) {
            return shown;
        }
        assert!(
            begin.elapsed() < PATIENCE,
            "{:?} series on the instances, {} distinct, {} wanted; their logs:\n{:#?}",
            shown.iter().map(BTreeMap::len).collect::<Vec<_>>(),
            together.len(),
            wanted.len(),
            instances.iter().map(|one| one.log()).collect::<Vec<_>>()
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Sources that key their messages, instances that come, go and are killed: once the group is stable again, no series is served by
/// two of them, and none is lost.
#[rstest]
#[case::cooperative("cooperative-sticky")]
#[case::range("range")]
#[case::roundrobin("roundrobin")]
fn keyed_series_are_served_by_one_instance_each_after_every_rebalance(#[case] strategy: &str) {
    let Some(group) = Group::new(6) else { return };
    let mut sent = BTreeMap::new();
    let mut send = |round: i32| {
        for source in 0..60 {
            for metric in 0..5 {
                let name = format!("source_{source}_metric_{metric}");
                let value = f64::from(round * 1000 + source * 5 + metric);
                group.kafka.queue_keyed(
                    &group.topic,
                    &format!("source-{source}"),
                    &gauge(&name, value),
                );
                sent.insert(name, value);
            }
        }
        group.kafka.flush();
        sent.clone()
    };
    let start = || group.start(&[("ASSIGNMENT_STRATEGY", strategy)]);
    let check = |instances: &[&Exporter], wanted: &BTreeMap<String, f64>, event: &str| {
        let shown = shared(instances, wanted);
        // Stable: it stays so, and all say that they are ready.
        for instance in instances {
            instance.ready();
        }
        for _ in 0..10 {
            let again: Vec<_> = instances.iter().map(|instance| instance.series()).collect();
            assert_eq!(again, shown, "{strategy}, {event}: not stable");
        }
        let sizes: Vec<_> = shown.iter().map(BTreeMap::len).collect();
        println!("{strategy}, {event}: {sizes:?} series, 300 in all, none twice");
    };
    let wanted = send(0);
    let a = start();
    check(&[&a], &wanted, "one instance");
    let b = start();
    check(&[&a, &b], &wanted, "a second one comes");
    let wanted = send(1);
    check(&[&a, &b], &wanted, "new values");
    let c = start();
    let wanted = send(2);
    check(
        &[&a, &b, &c],
        &wanted,
        "a third one comes while messages do",
    );
    a.stop();
    check(&[&b, &c], &wanted, "one leaves");
    b.kill();
    let wanted = send(3);
    check(&[&c], &wanted, "one is killed");
    let d = start();
    check(&[&c, &d], &wanted, "another one comes");
}

/// Sources that do not key their messages: each instance counts the series that change hands between its partitions.
#[test]
fn unkeyed_series_are_told_by_the_counter_on_every_instance() {
    let Some(group) = Group::new(4) else { return };
    let expected = group.one_of_each(4).into_iter().map(|name| (name, 1.0));
    let expected = expected.collect();
    let (a, b) = (group.start(&[]), group.start(&[]));
    shared(&[&a, &b], &expected);
    for round in 0..5 {
        for partition in 0..4 {
            let value = f64::from(round * 4 + partition);
            group
                .kafka
                .queue(&group.topic, partition, &gauge("shared", value));
        }
        group.kafka.flush();
    }
    for instance in [&a, &b] {
        let samples = instance.until("moves", |samples| {
            samples["exporter_series_moved_total"] > 0.0
        });
        println!("moved: {}", samples["exporter_series_moved_total"]);
    }
    // What no instance can see, since each has its own partitions, a query does.
    assert!(names(&a).contains("shared") && names(&b).contains("shared"));
}

fn rebalances(exporter: &Exporter) -> f64 {
    exporter.samples()["exporter_rebalances_total"]
}

#[test]
fn a_static_member_that_comes_back_in_time_has_its_partitions_again_and_nobody_else_noticed() {
    let Some(group) = Group::new(4) else { return };
    let wanted = group.one_of_each(4);
    let expected = wanted.iter().map(|name| (name.clone(), 1.0)).collect();
    let start = |name: &str| {
        group.start(&[
            ("KAFKA_GROUP_INSTANCE_ID", name),
            ("KAFKA_CONFIG_SESSION_TIMEOUT_MS", "20000"),
        ])
    };
    let (a, b) = (start("a"), start("b"));
    let before = shared(&[&a, &b], &expected);
    let events = rebalances(&b);
    assert!(a.stop().0.success());
    assert_eq!(names(&b), before[1].keys().cloned().collect());
    let a = start("a");
    let after = shared(&[&a, &b], &expected);
    assert_eq!(after, before);
    assert_eq!(rebalances(&b), events, "the other member saw a rebalance");
}

#[test]
fn an_instance_whose_static_name_another_one_takes_ends_and_says_why() {
    let Some(group) = Group::new(1) else { return };
    let wanted = group.one_of_each(1);
    let start = || group.start(&[("KAFKA_GROUP_INSTANCE_ID", "same")]);
    let mut first = start();
    first.ready();
    let second = start();
    assert_eq!(first.ended().code(), Some(1));
    let log = first.log();
    assert!(
        log.iter()
            .any(|line| line.contains("error: Kafka refuses this instance for good")),
        "{log:#?}"
    );
    second.ready();
    assert_eq!(names(&second), wanted);
}

#[test]
fn a_member_with_a_strategy_that_the_group_does_not_know_says_so_and_disturbs_nobody() {
    let Some(group) = Group::new(2) else { return };
    let wanted = group.one_of_each(2);
    let older = group.start(&[("ASSIGNMENT_STRATEGY", "range")]);
    older.ready();
    let newer = group.start(&[]);
    let answer = newer.until_ready(|answer| {
        assert_eq!(answer.status, 503);
        answer.text().to_lowercase().contains("protocol")
    });
    println!("/ready: {}", answer.text());
    assert_eq!(names(&older), wanted);
    assert_eq!(names(&newer), BTreeSet::new());
    // With the older member gone it is let in.
    older.stop();
    newer.ready();
    assert_eq!(names(&newer), wanted);
}

/// The wait was silent, and as long as the session timeout: 45 s by default.
#[test]
fn an_instance_that_has_to_wait_for_a_killed_one_says_so_and_for_how_long() {
    let Some(group) = Group::new(1) else { return };
    let wanted = group.one_of_each(1);
    let start = || group.start(&[("KAFKA_CONFIG_SESSION_TIMEOUT_MS", "10000")]);
    let first = start();
    first.ready();
    first.kill();
    let second = start();
    second.ready();
    assert_eq!(names(&second), wanted);
    let log = second.logged("has assigned partitions");
    let told = |words: &str| log.iter().filter(|line| line.contains(words)).count();
    assert_eq!(told("waiting for the group coordinator"), 1, "{log:#?}");
    assert_eq!(told("(10 s here)"), 1, "{log:#?}");
    assert_eq!(told("the group coordinator has assigned partitions"), 1);
}
