//! The state topic and delta mode, on the real broker that `LAB_BOOTSTRAP` names.
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::support::exporter::{Exporter, Kafka, broker, counter, gauge, unique};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// A killed member's partitions and transactions are free only after their time limits.
const CONVERGED: Duration = Duration::from_secs(120);

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
        let more = [
            ("COUNTER_MODE", mode),
            ("STATE_TOPIC", self.state.as_str()),
            ("STATE_INTERVAL", "200ms"),
        ];
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
    let samples = exporter.until("21", total(21.0));
    assert_eq!(
        samples["exporter_rejected_total{reason=\"negative_counter\"}"],
        1.0
    );
}

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable)
        .ok()
        .map_or(default, |text| text.parse().expect(variable))
}

/// Three partitions, two instances, kills at random moments. `EXPORTER_SEEDS=10 EXPORTER_KILLS=20` makes it
/// the long run of 200 kills.
#[test]
fn deltas_are_counted_exactly_once_whatever_is_killed() {
    for seed in 0..number("EXPORTER_SEEDS", 1) {
        let Some(lab) = Lab::new(3) else { return };
        exactly_once(&lab, seed, number("EXPORTER_KILLS", 6));
    }
}

/// The highest value of every series that an instance has shown; its place keeps it over restarts, as the
/// `instance` label does in Prometheus.
type Seen = BTreeMap<String, f64>;

fn look(exporter: &Exporter, seen: &mut Seen, seed: u64) -> Seen {
    let series = exporter.series();
    for (name, value) in &series {
        let highest = seen.entry(name.clone()).or_insert(*value);
        assert!(
            value >= highest,
            "seed {seed}: {name} fell from {highest} to {value}"
        );
        *highest = *value;
    }
    series
}

fn exactly_once(lab: &Lab, seed: u64, kills: u64) {
    const SERIES: usize = 20;
    let mut random = StdRng::seed_from_u64(seed);
    let mut sent: BTreeMap<String, f64> = BTreeMap::new();
    let mut places = [lab.start("delta"), lab.start("delta")];
    let mut seen = [Seen::new(), Seen::new()];
    let mut produce = |random: &mut StdRng, messages: usize| {
        for _ in 0..messages {
            let which = random.random_range(0..SERIES);
            let amount = f64::from(random.random_range(0..100));
            let name = format!("jobs_{which}_total");
            // Unkeyed on purpose: a series has a sum in each partition.
            lab.kafka.queue(
                &lab.topic,
                random.random_range(0..3),
                &counter(&name, amount),
            );
            *sent.entry(name).or_default() += amount;
        }
        lab.kafka.flush();
        sent.clone()
    };
    for _ in 0..kills {
        let until = Instant::now() + Duration::from_millis(random.random_range(0..2500));
        while Instant::now() < until {
            produce(&mut random, 200);
            for (exporter, seen) in places.iter().zip(&mut seen) {
                look(exporter, seen, seed);
            }
        }
        let victim = random.random_range(0..2);
        places[victim].signal("-KILL");
        places[victim] = lab.start("delta");
    }
    let sent = produce(&mut random, 200);
    let begin = Instant::now();
    loop {
        let mut sums: BTreeMap<String, f64> = BTreeMap::new();
        for (exporter, seen) in places.iter().zip(&mut seen) {
            for (name, value) in look(exporter, seen, seed) {
                *sums
                    .entry(name.split('{').next().unwrap().to_owned())
                    .or_default() += value;
            }
        }
        if sums == sent {
            println!(
                "seed {seed}: {kills} kills, {} counted exactly, settled after {:?}",
                sent.values().sum::<f64>(),
                begin.elapsed()
            );
            return;
        }
        if begin.elapsed() > CONVERGED {
            let differ: Vec<_> = sent
                .iter()
                .map(|(name, value)| (name, value, sums.get(name)))
                .filter(|(_, a, b)| Some(*a) != *b)
                .collect();
            panic!(
                "seed {seed}: {differ:?}\n{:#?}\n{:#?}",
                places[0].log(),
                places[1].log()
            );
        }
        std::thread::sleep(Duration::from_millis(200));
    }
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
