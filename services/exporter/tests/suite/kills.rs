//! Two instances, killed at random moments while a source sends and Prometheus scrapes: nothing is lost, nothing counted twice, and
//! no series ever falls.
//!
//! A short run by default. `EXPORTER_SEEDS=0..10 EXPORTER_KILLS=20` makes it the long one of 200 kills.
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::support::exporter::{Exporter, Kafka, broker, counter, gauge, unique};
use crate::support::prometheus::{Prometheus, stable_port};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rstest::rstest;

/// A killed member's partitions and transactions are free only after their time limits.
const CONVERGED: Duration = Duration::from_secs(120);
const PARTITIONS: i32 = 3;
const SERIES: i32 = 20;
/// Samples of Prometheus, without which it would have seen too little.
const ENOUGH: f64 = 100.0;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Mode {
    Delta,
    Absolute { state_topic: bool },
}

fn kills(default: u64) -> u64 {
    std::env::var("EXPORTER_KILLS")
        .ok()
        .map_or(default, |text| text.parse().expect("EXPORTER_KILLS"))
}

/// `EXPORTER_SEEDS`, as `0..10`.
fn seeds() -> std::ops::Range<u64> {
    let text = std::env::var("EXPORTER_SEEDS").unwrap_or_else(|_| "0..1".to_owned());
    let (from, to) = text.split_once("..").expect("EXPORTER_SEEDS=0..10");
    from.parse().expect("EXPORTER_SEEDS")..to.parse().expect("EXPORTER_SEEDS")
}

#[test]
fn deltas_are_counted_exactly_once_whatever_is_killed() {
    for seed in seeds() {
        run(Mode::Delta, seed, kills(6));
    }
}

#[rstest]
#[case::from_the_topic(false)]
#[case::from_the_state(true)]
fn the_last_value_of_every_series_survives_whatever_is_killed(#[case] state_topic: bool) {
    for seed in seeds() {
        run(Mode::Absolute { state_topic }, seed, kills(3));
    }
}

/// Where instances run: what changes between two runs of one place is only the process, as with a pod or a host.
struct Places {
    kafka: Kafka,
    topic: String,
    group: String,
    mode: Mode,
    /// Every other seed has static members, which come back to their partitions at once.
    is_static: bool,
    ports: [u16; 2],
    running: Vec<Exporter>,
    /// The highest value of every counter that a place has shown.
    seen: [BTreeMap<String, f64>; 2],
}

impl Places {
    fn start(&self, place: usize) -> Exporter {
        let state = format!("{}-state", self.topic);
        let address = format!("127.0.0.1:{}", self.ports[place]);
        let instance = format!("place-{place}");
        let mut more = vec![("LISTEN_ADDR", address.as_str())];
        if self.mode == Mode::Delta {
            more.push(("COUNTER_MODE", "delta"));
        }
        if self.mode != (Mode::Absolute { state_topic: false }) {
            more.extend([("STATE_TOPIC", state.as_str()), ("STATE_INTERVAL", "200ms")]);
        }
        if self.is_static {
            more.push(("KAFKA_GROUP_INSTANCE_ID", &instance));
        }
        Exporter::on(&self.kafka.bootstrap, &self.topic, &self.group, &more)
    }

    fn kill(&mut self, place: usize) {
        self.running.remove(place).kill();
        let next = self.start(place);
        self.running.insert(place, next);
    }

    /// The series of a place. No counter is lower than this place has ever shown it.
    fn look(&mut self, place: usize) -> BTreeMap<String, f64> {
        let series = self.running[place].series();
        for (name, value) in series.iter().filter(|(name, _)| name.contains("_total")) {
            let highest = self.seen[place].entry(name.clone()).or_insert(*value);
            assert!(
                value >= highest,
                "place {place}: {name} fell from {highest} to {value}"
            );
            *highest = *value;
        }
        series
    }

    fn is_serving(&self, place: usize) -> bool {
        !self.running[place].series().is_empty()
    }
}

/// What was sent, and so what has to be shown: the sum of a series' deltas, or its last value.
struct Source {
    mode: Mode,
    random: StdRng,
    shown: BTreeMap<String, f64>,
}

impl Source {
    fn counters(&self) -> impl Iterator<Item = &String> {
        self.shown.keys().filter(|name| name.ends_with("_total"))
    }

    fn send(&mut self, kafka: &Kafka, topic: &str, messages: usize) {
        for _ in 0..messages {
            let which = self.random.random_range(0..SERIES);
            let is_counter = self.mode == Mode::Delta || which % 2 == 0;
            let amount = f64::from(self.random.random_range(0..100));
            let name = format!("jobs_{which}{}", if is_counter { "_total" } else { "" });
            let shown = self.shown.entry(name.clone()).or_default();
            *shown = if is_counter { *shown + amount } else { amount };
            let (partition, payload) = match self.mode {
                // Unkeyed on purpose: a series has a sum in each partition.
                Mode::Delta => (
                    self.random.random_range(0..PARTITIONS),
                    counter(&name, amount),
                ),
                Mode::Absolute { .. } if is_counter => (which % PARTITIONS, counter(&name, *shown)),
                Mode::Absolute { .. } => (which % PARTITIONS, gauge(&name, amount)),
            };
            kafka.queue(topic, partition, &payload);
        }
        kafka.flush();
    }
}

fn run(mode: Mode, seed: u64, kills: u64) {
    let Some(bootstrap) = broker() else { return };
    let kafka = Kafka::new(&bootstrap);
    let topic = unique("kills");
    kafka.create(&topic, PARTITIONS);
    let mut places = Places {
        kafka,
        topic,
        group: unique("group"),
        mode,
        is_static: seed % 2 == 1,
        ports: [stable_port(), stable_port()],
        running: Vec::new(),
        seen: Default::default(),
    };
    for place in 0..2 {
        let instance = places.start(place);
        places.running.push(instance);
    }
    let prometheus = Prometheus::start(&format!(
        "scrape_configs: [{{job_name: exporter, scrape_interval: 200ms, scrape_timeout: 200ms, static_configs: [{{targets: \
         ['127.0.0.1:{}', '127.0.0.1:{}']}}]}}]",
        places.ports[0], places.ports[1]
    ));
    let mut source = Source {
        mode,
        random: StdRng::seed_from_u64(seed),
        shown: BTreeMap::new(),
    };
    let mut random = StdRng::seed_from_u64(seed ^ 0xdead);
    let mut of_serving = 0;
    let mut done = 0;
    // On a busy machine Prometheus looks seldom: then there are more kills for it to see.
    while done < kills
        || (done < 4 * kills
            && (prometheus.as_ref())
                .is_some_and(|prometheus| samples(prometheus, &source).0 <= ENOUGH))
    {
        done += 1;
        let victim = random.random_range(0..2);
        // Half of the kills hit whatever state a restart is in, the others an instance at work.
        let wants_work = random.random_bool(0.5);
        let mut pause = Duration::from_millis(random.random_range(0..2500));
        let patience = Instant::now() + Duration::from_secs(20);
        let mut until = Instant::now() + pause;
        loop {
            source.send(&places.kafka, &places.topic, 200);
            places.look(0);
            places.look(1);
            // A source's pace: what was sent is replayed after every kill.
            std::thread::sleep(Duration::from_millis(40));
            let now = Instant::now();
            if wants_work && !places.is_serving(victim) && now < patience {
                pause = pause.min(Duration::from_secs(1));
                until = now + pause;
            } else if now >= until {
                break;
            }
        }
        of_serving += u64::from(places.is_serving(victim));
        places.kill(victim);
    }
    source.send(&places.kafka, &places.topic, 200);
    settle(&mut places, &source, seed);
    println!(
        "{mode:?}, seed {seed}: {done} kills, {of_serving} of them of an instance that served series; {} series right, {} in all",
        source.shown.len(),
        source.shown.values().sum::<f64>()
    );
    if let Some(prometheus) = prometheus {
        agrees(&prometheus, &source, seed);
    }
}

/// Waits until both places together show what was sent.
fn settle(places: &mut Places, source: &Source, seed: u64) {
    let begin = Instant::now();
    loop {
        let shown = [places.look(0), places.look(1)];
        let mut together: BTreeMap<String, f64> = BTreeMap::new();
        let mut twice = Vec::new();
        for (name, value) in shown.iter().flatten() {
            let family = name.split('{').next().unwrap().to_owned();
            if source.mode != Mode::Delta && together.contains_key(&family) {
                twice.push(family.clone());
            }
            *together.entry(family).or_default() += value;
        }
        if together == source.shown && twice.is_empty() {
            return;
        }
        if begin.elapsed() > CONVERGED {
            let differ: Vec<_> = source
                .shown
                .iter()
                .map(|(name, value)| (name, value, together.get(name)))
                .filter(|(_, a, b)| Some(*a) != *b)
                .collect();
            panic!(
                "seed {seed}: {differ:?}, on both: {twice:?}\n{:#?}\n{:#?}",
                places.running[0].log(),
                places.running[1].log()
            );
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// What Prometheus recorded: no fall of any counter on any instance, and in the end the same values.
fn agrees(prometheus: &Prometheus, source: &Source, seed: u64) {
    let begin = Instant::now();
    loop {
        let rows = prometheus.query("sum by (__name__) ({__name__=~\"jobs_.*\"})");
        let last: BTreeMap<String, f64> = rows
            .into_iter()
            .map(|(labels, value)| (labels["__name__"].as_str().unwrap().to_owned(), value))
            .collect();
        if last == source.shown {
            break;
        }
        assert!(
            begin.elapsed() < Duration::from_secs(10),
            "seed {seed}: Prometheus has {last:?}, sent was {:?}",
            source.shown
        );
        std::thread::sleep(Duration::from_millis(100));
    }
    for counter in source.counters() {
        let falls = prometheus.query(&format!("resets({counter}[1h]) > 0"));
        assert!(falls.is_empty(), "seed {seed}: Prometheus saw {falls:?}");
    }
    let (samples, series) = samples(prometheus, source);
    assert!(samples > ENOUGH, "seed {seed}: only {samples} samples");
    println!(
        "  Prometheus: {samples} samples of {series} counters, no fall, and the same values in the end"
    );
}

/// How many samples of how many counters Prometheus has.
fn samples(prometheus: &Prometheus, source: &Source) -> (f64, usize) {
    // One by one: what a function gives has no name, and two counters would be the same series.
    let counts: Vec<_> = source
        .counters()
        .flat_map(|counter| prometheus.query(&format!("count_over_time({counter}[1h])")))
        .collect();
    (counts.iter().map(|(_, count)| count).sum(), counts.len())
}
