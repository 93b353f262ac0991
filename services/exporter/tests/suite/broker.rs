//! The exporter on a real broker, named by `LAB_BOOTSTRAP`.
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::support::exporter::{Exporter, Kafka, PATIENCE, broker, counter, gauge, unique};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Headers, Message};

/// Broker, a fresh topic and a fresh group; or nothing, having said why.
fn lab(partitions: i32) -> Option<(Kafka, String, String)> {
    let kafka = Kafka::new(&broker()?);
    let topic = unique("exporter-test");
    if partitions > 0 {
        kafka.create(&topic, partitions);
    }
    let group = unique("group");
    Some((kafka, topic, group))
}

fn has(name: &str, value: f64) -> impl Fn(&BTreeMap<String, f64>) -> bool {
    move |samples| samples.get(name) == Some(&value)
}

#[test]
fn the_original_example_arrives() {
    let Some((kafka, topic, group)) = lab(1) else {
        return;
    };
    let message = include_bytes!("../../../message/tests/fixtures/valid/original.json");
    kafka.send(&topic, 0, message);
    let exporter = Exporter::on(&kafka.bootstrap, &topic, &group, &[]);
    exporter.until("MetricName1", has("MetricName1", 123.45));
    assert_eq!(exporter.series()["MetricName2"], 67.89);
    let own = exporter.samples();
    let labels = format!("partition=\"0\",topic=\"{topic}\"");
    assert_eq!(
        own[&format!("exporter_messages_total{{outcome=\"ok\",{labels}}}")],
        1.0
    );
    assert_eq!(own[&format!("exporter_consumer_offset{{{labels}}}")], 1.0);
    exporter.until(
        "lag 0",
        has(&format!("exporter_consumer_lag{{{labels}}}"), 0.0),
    );
}

#[test]
fn a_topic_that_comes_later_is_found() {
    let Some((kafka, topic, group)) = lab(0) else {
        return;
    };
    let exporter = Exporter::on(&kafka.bootstrap, &topic, &group, &[]);
    exporter.until_ready(|answer| {
        assert_eq!(answer.status, 503);
        answer.text().contains(&topic) && answer.text().contains("does not exist")
    });
    // Whoever looks at the log later sees it, too.
    let mut log = exporter.logged("does not exist yet");
    log.extend(exporter.logged("does not exist yet"));
    kafka.create(&topic, 1);
    kafka.send(&topic, 0, &gauge("late", 1.0));
    exporter.until("late", has("late", 1.0));
    exporter.ready();
    log.extend(exporter.logged(&format!("the topic {topic:?} is there")));
    assert!(
        !log.iter().any(|line| line.contains("trouble with Kafka")),
        "{log:#?}"
    );
}

/// The members of a group whose topic was deleted have no partitions and no error, and called that ready.
#[test]
fn ready_says_that_the_topic_was_deleted_until_it_is_there_again() {
    let Some((kafka, topic, group)) = lab(1) else {
        return;
    };
    kafka.send(&topic, 0, &gauge("a", 1.0));
    let exporter = Exporter::on(&kafka.bootstrap, &topic, &group, &[]);
    exporter.ready();
    kafka.delete(&topic);
    exporter.until_ready(|answer| answer.status == 503 && answer.text().contains("does not exist"));
    kafka.create(&topic, 1);
    kafka.send(&topic, 0, &gauge("b", 2.0));
    exporter.until("the new topic's series", has("b", 2.0));
    exporter.ready();
}

#[test]
fn an_end_by_sigterm_commits_and_leaves_the_group() {
    let Some((kafka, topic, group)) = lab(1) else {
        return;
    };
    kafka.send(&topic, 0, &gauge("a", 1.0));
    let exporter = Exporter::on(&kafka.bootstrap, &topic, &group, &[]);
    exporter.until("a", has("a", 1.0));
    let (status, took) = exporter.stop();
    assert!(
        status.success() && took < Duration::from_secs(2),
        "{status} after {took:?}"
    );
    // Not left, the group would make the next member wait for the session's 6 s.
    let begin = Instant::now();
    let next = Exporter::on(
        &kafka.bootstrap,
        &topic,
        &group,
        &[("START_FROM", "committed")],
    );
    next.ready();
    assert!(
        begin.elapsed() < Duration::from_secs(5),
        "{:?}",
        begin.elapsed()
    );
    // Committed: the record does not come again.
    assert_eq!(next.series(), BTreeMap::new());
    kafka.send(&topic, 0, &gauge("b", 2.0));
    next.until("b", has("b", 2.0));
}

#[test]
fn a_restart_replays_without_ever_showing_a_fall() {
    let Some((kafka, topic, group)) = lab(1) else {
        return;
    };
    for value in 0..20_000 {
        kafka.queue(&topic, 0, &counter("jobs_total", f64::from(value)));
    }
    kafka.flush();
    let mut highest = 0.0;
    for _ in 0..2 {
        let exporter = Exporter::on(&kafka.bootstrap, &topic, &group, &[]);
        let begin = Instant::now();
        loop {
            if let Some(value) = exporter.series().get("jobs_total") {
                assert!(*value >= highest, "{value} after {highest}");
                highest = *value;
            }
            if highest >= 19_999.0 && exporter.get("/ready", &[]).status == 200 {
                break;
            }
            assert!(begin.elapsed() < PATIENCE);
        }
        // The first value ever seen is the last one sent: what lies before is a replay.
        assert_eq!(highest, 19_999.0);
        exporter.stop();
    }
}

#[test]
fn bad_messages_stop_nothing_and_go_to_the_dead_letter_topic() {
    let Some((kafka, topic, group)) = lab(1) else {
        return;
    };
    let letters = unique("letters");
    kafka.create(&letters, 1);
    kafka.send(&topic, 0, b"{\"cut");
    kafka.send(&topic, 0, &gauge("a", 1.0));
    kafka.send(&topic, 0, &counter("a", 2.0));
    kafka.send(&topic, 0, b"\xff\xfe");
    kafka.send(&topic, 0, &gauge("a", 3.0));
    for run in 0..2 {
        let exporter = Exporter::on(
            &kafka.bootstrap,
            &topic,
            &group,
            &[("DEAD_LETTER_TOPIC", &letters)],
        );
        let samples = exporter.until("a", has("a", 3.0));
        assert_eq!(samples["exporter_rejected_total{reason=\"not_json\"}"], 2.0);
        assert_eq!(
            samples["exporter_rejected_total{reason=\"type_conflict\"}"],
            1.0
        );
        let invalid = format!(
            "exporter_messages_total{{outcome=\"invalid\",partition=\"0\",topic=\"{topic}\"}}"
        );
        // The one in conflict as well: nothing in it could be used.
        assert_eq!(samples[&invalid], 3.0);
        if run == 0 {
            exporter.until(
                "three letters",
                has("exporter_dead_letters_total{outcome=\"written\"}", 3.0),
            );
        } else {
            // A replay writes none again.
            exporter.ready();
        }
        exporter.stop();
    }
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", &kafka.bootstrap)
        .set("group.id", unique("reader"))
        .set("auto.offset.reset", "earliest")
        .set("enable.partition.eof", "true")
        .create()
        .unwrap();
    consumer.subscribe(&[&letters]).unwrap();
    let mut found = Vec::new();
    let begin = Instant::now();
    loop {
        assert!(begin.elapsed() < PATIENCE, "{found:?}");
        match consumer.poll(Duration::from_millis(100)) {
            None => {}
            Some(Ok(letter)) => {
                let header = |key: &str| {
                    let headers = letter.headers().unwrap();
                    let header = headers.iter().find(|header| header.key == key).unwrap();
                    String::from_utf8(header.value.unwrap().to_vec()).unwrap()
                };
                assert_eq!(
                    (letter.key(), header("from").as_str()),
                    (Some(&b"key"[..]), "test")
                );
                assert_eq!(header("exporter.topic"), topic);
                found.push((
                    letter.payload().unwrap().to_vec(),
                    header("exporter.reason"),
                    header("exporter.offset"),
                ));
            }
            Some(Err(rdkafka::error::KafkaError::PartitionEOF(_))) => break,
            Some(Err(error)) => panic!("{error}"),
        }
    }
    let expected = [
        (b"{\"cut".to_vec(), "not_json".to_owned(), "0".to_owned()),
        (
            counter("a", 2.0),
            "type_conflict".to_owned(),
            "2".to_owned(),
        ),
        (b"\xff\xfe".to_vec(), "not_json".to_owned(), "3".to_owned()),
    ];
    assert_eq!(found, expected);
}

/// The consumer panicked: the name was taken for text.
#[test]
fn a_header_whose_name_is_no_text_does_not_end_the_consumer() {
    let Some((kafka, topic, group)) = lab(1) else {
        return;
    };
    let letters = unique("letters");
    kafka.create(&letters, 1);
    kafka.send_with_header(&topic, b"{\"cut", c"n\xff");
    kafka.send(&topic, 0, &gauge("a", 1.0));
    let exporter = Exporter::on(
        &kafka.bootstrap,
        &topic,
        &group,
        &[("DEAD_LETTER_TOPIC", &letters)],
    );
    exporter.until("a", has("a", 1.0));
    exporter.until(
        "a letter",
        has("exporter_dead_letters_total{outcome=\"written\"}", 1.0),
    );
}

/// A letter of more than a megabyte was refused by the exporter's own client.
#[test]
fn a_long_message_is_a_dead_letter_too() {
    let Some(bootstrap) = broker() else { return };
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", &bootstrap)
        .set("message.max.bytes", "8000000");
    let kafka = Kafka::with(config);
    let (topic, letters) = (unique("exporter-test"), unique("letters"));
    for topic in [&topic, &letters] {
        kafka.create_with(topic, 1, &[("max.message.bytes", "8000000")]);
    }
    let long = vec![b'x'; 5_000_000];
    kafka.send(&topic, 0, &long);
    let exporter = Exporter::on(
        &bootstrap,
        &topic,
        &unique("group"),
        &[("DEAD_LETTER_TOPIC", &letters)],
    );
    let samples = exporter.until("a letter", |samples| {
        samples["exporter_dead_letters_total{outcome=\"written\"}"] == 1.0
    });
    assert_eq!(
        samples["exporter_rejected_total{reason=\"message_too_long\"}"],
        1.0
    );
    let found = kafka.records(&letters);
    assert!(found.len() == 1 && found[0].2.as_ref() == Some(&long));
}

#[test]
fn two_instances_share_the_series_and_hand_them_over_whole() {
    let Some((kafka, topic, group)) = lab(4) else {
        return;
    };
    let value = |number: i32| f64::from(number) + 0.5;
    for number in 0..200 {
        kafka.queue(
            &topic,
            number % 4,
            &gauge(&format!("m{number}"), value(number)),
        );
    }
    kafka.flush();
    let first = Exporter::on(&kafka.bootstrap, &topic, &group, &[]);
    first.until("200 series", has("exporter_series", 200.0));
    let second = Exporter::on(&kafka.bootstrap, &topic, &group, &[]);
    let begin = Instant::now();
    let (one, two) = loop {
        let (one, two) = (first.series(), second.series());
        if one.len() + two.len() == 200 && !two.is_empty() {
            break (one, two);
        }
        assert!(begin.elapsed() < PATIENCE, "{} + {}", one.len(), two.len());
    };
    assert!(
        one.keys().all(|name| !two.contains_key(name)),
        "a series on both"
    );
    let all: BTreeMap<_, _> = one.into_iter().chain(two).collect();
    let sent: BTreeMap<_, _> = (0..200)
        .map(|number| (format!("m{number}"), value(number)))
        .collect();
    assert_eq!(all, sent);
    let lags = |exporter: &Exporter| {
        exporter
            .samples()
            .keys()
            .filter(|name| name.starts_with("exporter_consumer_offset"))
            .count()
    };
    assert_eq!(lags(&first) + lags(&second), 4);
    first.stop();
    let begin = Instant::now();
    while second.series() != sent {
        assert!(
            begin.elapsed() < PATIENCE,
            "{} of 200 series",
            second.series().len()
        );
    }
}

#[test]
fn the_same_series_from_two_partitions_is_counted() {
    let Some((kafka, topic, group)) = lab(2) else {
        return;
    };
    let exporter = Exporter::on(&kafka.bootstrap, &topic, &group, &[]);
    exporter.ready();
    for round in 0..5 {
        for partition in 0..2 {
            let value = f64::from(round * 2 + partition);
            kafka.send(&topic, partition, &gauge("shared", value));
            exporter.until("the value", has("shared", value));
        }
    }
    assert_eq!(exporter.samples()["exporter_series_moved_total"], 9.0);
}

#[test]
fn a_topic_that_is_made_anew_is_read_from_its_start() {
    let Some((kafka, topic, group)) = lab(1) else {
        return;
    };
    let exporter = Exporter::on(&kafka.bootstrap, &topic, &group, &[]);
    for value in 0..5 {
        kafka.send(&topic, 0, &gauge("a", f64::from(value)));
    }
    exporter.until("a", has("a", 4.0));
    kafka.delete(&topic);
    // The broker deletes in the background: creating succeeds once the name is free.
    let begin = Instant::now();
    while std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| kafka.create(&topic, 1)))
        .is_err()
    {
        assert!(begin.elapsed() < PATIENCE);
        std::thread::sleep(Duration::from_millis(100));
    }
    kafka.send(&topic, 0, &gauge("a", 9.0));
    exporter.until("the new value", has("a", 9.0));
}

#[test]
fn the_start_can_be_chosen() {
    let Some((kafka, topic, _)) = lab(1) else {
        return;
    };
    kafka.send(&topic, 0, &gauge("old", 1.0));
    for (start, sees_old) in [
        ("latest", false),
        ("committed", true),
        ("earliest", true),
        ("1h", true),
        ("0", true),
        ("1ms", false),
    ] {
        let exporter = Exporter::on(
            &kafka.bootstrap,
            &topic,
            &unique("group"),
            &[("START_FROM", start)],
        );
        exporter.ready();
        let name = format!("new-{start}");
        kafka.send(&topic, 0, &gauge(&name, 1.0));
        let shown = name.replace('-', "_");
        let samples = exporter.until(&shown, has(&shown, 1.0));
        assert_eq!(samples.contains_key("old"), sees_old, "{start}");
    }
}
