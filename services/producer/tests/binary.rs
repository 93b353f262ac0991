//! The binary as a user meets it. Tests against a broker use the one that `LAB_BOOTSTRAP` names.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Lines, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, ChildStderr, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};
use rstest::rstest;
use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(30);
const PARTITIONS: i32 = 3;

/// A fresh topic on the broker.
struct Lab {
    config: ClientConfig,
    bootstrap: String,
    topic: String,
}

struct Record {
    partition: i32,
    key: String,
    payload: Vec<u8>,
}

impl Lab {
    /// With settings of the topic; or nothing, having said why.
    fn new(settings: &[(&str, &str)]) -> Option<Lab> {
        let Ok(bootstrap) = std::env::var("LAB_BOOTSTRAP") else {
            println!("skipped: needs a Kafka broker; LAB_BOOTSTRAP=host:port names one");
            return None;
        };
        let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos();
        let topic = format!("producer-test-{}-{now}", std::process::id());
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &bootstrap);
        let admin: AdminClient<DefaultClientContext> = config.create().unwrap();
        let mut new = NewTopic::new(&topic, PARTITIONS, TopicReplication::Fixed(1));
        for (name, value) in settings {
            new = new.set(name, value);
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let created = runtime
            .block_on(admin.create_topics([&new], &AdminOptions::new()))
            .unwrap();
        created.into_iter().for_each(|result| drop(result.unwrap()));
        Some(Lab {
            config,
            bootstrap,
            topic,
        })
    }

    fn command(&self, flags: &[&str]) -> Command {
        self.command_at(&self.bootstrap, flags)
    }

    fn command_at(&self, bootstrap: &str, flags: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_producer"));
        command
            .args(["--bootstrap-servers", bootstrap])
            .args(["--topic", &self.topic])
            .args(flags);
        command
    }

    /// The summary of a run that has to succeed.
    fn summary(&self, flags: &[&str]) -> Value {
        let output = self.command(flags).arg("--json").output().unwrap();
        assert!(output.status.success(), "{output:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Everything in the topic.
    fn records(&self) -> Vec<Record> {
        let consumer: BaseConsumer = self
            .config
            .clone()
            .set("group.id", &self.topic)
            .set("enable.partition.eof", "true")
            .create()
            .unwrap();
        let mut left: Vec<i32> = (0..PARTITIONS).collect();
        let mut assignment = TopicPartitionList::new();
        for partition in &left {
            assignment
                .add_partition_offset(&self.topic, *partition, Offset::Beginning)
                .unwrap();
        }
        consumer.assign(&assignment).unwrap();
        let mut records = Vec::new();
        let begin = Instant::now();
        while !left.is_empty() {
            assert!(begin.elapsed() < PATIENCE, "no end");
            match consumer.poll(Duration::from_millis(100)) {
                None => {}
                Some(Ok(record)) => records.push(Record {
                    partition: record.partition(),
                    key: String::from_utf8(record.key().unwrap().to_vec()).unwrap(),
                    payload: record.payload().unwrap().to_vec(),
                }),
                Some(Err(KafkaError::PartitionEOF(partition))) => left.retain(|p| *p != partition),
                Some(Err(error)) => panic!("{error}"),
            }
        }
        records
    }
}

/// It panicked.
#[rstest]
#[case::a_full_disk("/dev/full")]
#[case::nobody_reads("")]
fn what_cannot_be_printed_is_an_error_in_words(#[case] file: &str) {
    let out = match file {
        "" => Stdio::from(std::io::pipe().unwrap().1),
        file => Stdio::from(std::fs::File::create(file).unwrap()),
    };
    let mut command = Command::new(env!("CARGO_BIN_EXE_producer"));
    let output = command
        .arg("--help")
        .stdout(out)
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let words = String::from_utf8(output.stderr).unwrap();
    assert!(
        words.starts_with("error: cannot write to standard output: "),
        "{words}"
    );
}

#[test]
fn the_summary_is_what_arrived_and_a_source_keeps_its_partition() {
    let Some(lab) = Lab::new(&[]) else { return };
    let summary = lab.summary(&[
        "--count=1000",
        "--interval=0",
        "--series=95",
        "--metrics-per-message=10",
        "--seed=1",
    ]);
    let records = lab.records();
    assert_eq!(summary["sent"], 1000);
    assert_eq!(summary["delivered"], 1000);
    assert_eq!(summary["failed"], 0);
    assert_eq!(records.len(), 1000);
    let bytes: usize = records.iter().map(|record| record.payload.len()).sum();
    assert_eq!(summary["delivered_bytes"], bytes);
    let latency = &summary["latency"];
    let percentiles = ["p50_ms", "p90_ms", "p99_ms", "p999_ms", "max_ms"];
    let percentiles = percentiles.map(|name| latency[name].as_f64().unwrap());
    assert!(percentiles[0] > 0.0 && percentiles.is_sorted(), "{latency}");
    let mut places = BTreeMap::new();
    let mut series = std::collections::BTreeSet::new();
    for record in &records {
        let place = places.entry(record.key.clone()).or_insert(record.partition);
        assert_eq!(*place, record.partition, "{}", record.key);
        let message = message::parse(&record.payload).unwrap();
        assert_eq!(message.refused, []);
        series.extend(message.metrics.iter().map(|metric| metric.name.to_string()));
    }
    assert_eq!((places.len(), series.len()), (10, 95));
}

#[test]
fn a_seed_makes_the_same_messages_again() {
    let Some((one, two)) = Lab::new(&[]).zip(Lab::new(&[])) else {
        return;
    };
    let run = |lab: &Lab| {
        lab.summary(&["--count=100", "--interval=0", "--seed=7", "--series=30"]);
        let mut payloads: Vec<_> = lab
            .records()
            .into_iter()
            .map(|r| (r.key, r.payload))
            .collect();
        payloads.sort();
        payloads
    };
    assert_eq!(run(&one), run(&two));
}

#[test]
fn a_rate_is_not_exceeded() {
    let Some(lab) = Lab::new(&[]) else { return };
    let summary = lab.summary(&["--count=200", "--rate=100"]);
    // The first is due at once, the last after 199 hundredths of a second.
    assert!(summary["seconds"].as_f64() >= Some(1.99), "{summary}");
}

#[test]
fn a_file_is_replayed_byte_for_byte_in_order() {
    let Some(lab) = Lab::new(&[]) else { return };
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"{\"a\": 1}\r\n\n  not json \xff\nlast")
        .unwrap();
    let path = file.path().to_str().unwrap();
    let summary = lab.summary(&["--replay", path, "--key=k"]);
    assert_eq!(
        (&summary["sent"], &summary["seed"]),
        (&Value::from(3), &Value::Null)
    );
    let records = lab.records();
    let payloads: Vec<_> = records.iter().map(|record| &record.payload[..]).collect();
    assert_eq!(payloads, [&b"{\"a\": 1}"[..], b"  not json \xff", b"last"]);
    assert!(records.iter().all(|record| record.key == "k"));
}

#[test]
fn a_seed_makes_the_same_faults_of_a_file_again() {
    let Some((one, two)) = Lab::new(&[]).zip(Lab::new(&[])) else {
        return;
    };
    let mut file = tempfile::NamedTempFile::new().unwrap();
    for number in 0..50 {
        writeln!(file, "{{\"line\": {number}}}").unwrap();
    }
    let path = file.path().to_str().unwrap();
    let run = |lab: &Lab| -> Vec<_> {
        let summary = lab.summary(&["--replay", path, "--malformed=0.5", "--seed=7"]);
        assert_eq!(summary["seed"], 7);
        assert_ne!(summary["faults"]["malformed"], 0);
        lab.records().into_iter().map(|r| r.payload).collect()
    };
    assert_eq!(run(&one), run(&two));
}

#[test]
fn deliberate_faults_are_as_many_as_the_summary_says() {
    let Some(lab) = Lab::new(&[]) else { return };
    let summary = lab.summary(&[
        "--count=2000",
        "--interval=0",
        "--series=10",
        "--malformed=0.05",
        "--type-conflicts=0.05",
        "--duplicates=0.05",
        "--seed=3",
    ]);
    // One source, one partition: the order is that of sending.
    let records = lab.records();
    let unreadable = records
        .iter()
        .filter(|r| message::parse(&r.payload).is_err());
    let conflicts = records.iter().filter(|record| {
        message::parse(&record.payload).is_ok_and(|m| m.metrics[0].kind == message::Kind::Counter)
    });
    let again = records
        .windows(2)
        .filter(|pair| pair[0].payload == pair[1].payload);
    let faults = &summary["faults"];
    // A message that was sent twice is damaged twice.
    let twice = |test: fn(&[u8]) -> bool| {
        records
            .windows(2)
            .filter(|pair| pair[0].payload == pair[1].payload && test(&pair[0].payload))
            .count()
    };
    let malformed = unreadable.count() - twice(|payload| message::parse(payload).is_err());
    let conflicts = conflicts.count()
        - twice(|payload| {
            message::parse(payload).is_ok_and(|m| m.metrics[0].kind == message::Kind::Counter)
        });
    assert_eq!(faults["malformed"], malformed);
    assert_eq!(faults["type_conflicts"], conflicts);
    assert_eq!(faults["duplicates"], again.count());
    for fault in ["malformed", "type_conflicts", "duplicates"] {
        assert!(faults[fault].as_u64() > Some(50), "{faults}");
    }
}

fn failed(output: &Output) -> Value {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn what_the_broker_refuses_is_counted_by_reason_and_the_status_tells() {
    let Some(lab) = Lab::new(&[("max.message.bytes", "1000")]) else {
        return;
    };
    // Some of these messages fit, the others do not, and none is lost from the count.
    let file = tempfile::NamedTempFile::new().unwrap();
    let long = "x".repeat(5000);
    std::fs::write(
        file.path(),
        format!("short\n{long}\nshort\n{long}\n{long}\n"),
    )
    .unwrap();
    let output = lab
        .command(&["--json", "--replay", file.path().to_str().unwrap()])
        // A batch of messages is refused whole; compressed, all would fit.
        .args(["--kafka-config", "batch.num.messages=1"])
        .args(["--kafka-config", "compression.type=none"])
        .output()
        .unwrap();
    let summary = failed(&output);
    assert_eq!(
        (&summary["sent"], &summary["delivered"], &summary["failed"]),
        (&5.into(), &2.into(), &3.into())
    );
    let errors = summary["errors"].as_object().unwrap();
    assert_eq!(errors.values().map(|n| n.as_u64().unwrap()).sum::<u64>(), 3);
    assert!(
        errors
            .keys()
            .any(|error| error.contains("MessageSizeTooLarge") || error.contains("size")),
        "{errors:?}"
    );
    assert_eq!(lab.records().len(), 2);
}

#[test]
fn without_a_broker_every_message_is_told_as_not_delivered() {
    let output = Command::new(env!("CARGO_BIN_EXE_producer"))
        .args(["--bootstrap-servers", "127.0.0.1:9", "--json"])
        .args(["--count=5", "--interval=0", "--flush-timeout=500ms"])
        .output()
        .unwrap();
    let summary = failed(&output);
    assert_eq!(
        (&summary["sent"], &summary["delivered"], &summary["failed"]),
        (&5.into(), &0.into(), &5.into())
    );
}

fn terminate(child: &Child) {
    let killed = Command::new("kill")
        .args(["-TERM", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(killed.success());
}

/// The producer once it has found no broker, and what it logs from then on.
fn refused(mut command: Command) -> (Child, Lines<BufReader<ChildStderr>>) {
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
    log.find(|line| line.as_ref().unwrap().contains("Connection refused"))
        .unwrap()
        .unwrap();
    (child, log)
}

/// It waited for ten seconds, for a broker that had never been there.
#[rstest]
#[case::while_it_sends(&[])]
#[case::while_it_waits_for_the_last_acknowledgements(&["--count=1"])]
fn without_a_broker_a_stop_takes_a_moment_and_says_what_was_not_delivered(#[case] flags: &[&str]) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_producer"));
    command
        .args(["--bootstrap-servers", "127.0.0.1:9", "--json"])
        .args(flags);
    let (child, log) = refused(command);
    let begin = Instant::now();
    terminate(&child);
    let output = child.wait_with_output().unwrap();
    assert!(
        begin.elapsed() < Duration::from_secs(3),
        "{:?}",
        begin.elapsed()
    );
    let summary = failed(&output);
    let (sent, not) = (summary["sent"].as_u64().unwrap(), &summary["failed"]);
    assert_eq!(
        (sent, 0),
        (
            not.as_u64().unwrap(),
            summary["delivered"].as_u64().unwrap()
        )
    );
    let errors = summary["errors"].as_object().unwrap();
    assert!(
        errors
            .keys()
            .all(|error| error.starts_with("no broker could be reached")),
        "{errors:?}"
    );
    let log: Vec<String> = log.map(Result::unwrap).collect();
    let words = format!("{sent} messages are not delivered: no broker could be reached");
    assert!(log.iter().any(|line| line.contains(&words)), "{log:#?}");
}

/// Nothing was delivered when the stop came, but there was a broker by then.
#[test]
fn a_broker_that_came_after_the_start_gets_every_message_before_the_end() {
    let Some(lab) = Lab::new(&[]) else { return };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let mut command = lab.command_at(&address.to_string(), &["--rate=20", "--json"]);
    command
        // Nothing leaves before the stop.
        .args(["--kafka-config", "linger.ms=60000"])
        .args(["--kafka-config", "reconnect.backoff.max.ms=200"]);
    let (child, _log) = refused(command);
    let listener = TcpListener::bind(address).unwrap();
    let broker = lab.bootstrap.clone();
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let broker = TcpStream::connect(&broker).unwrap();
            forward(&client, &broker);
            forward(&broker, &client);
        }
    });
    // Time to find the broker.
    std::thread::sleep(Duration::from_secs(2));
    terminate(&child);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(summary["sent"].as_u64() > Some(0), "{summary}");
    assert_eq!(summary["sent"], summary["delivered"]);
    assert_eq!(summary["delivered"], lab.records().len());
}

/// Copies what comes from one end to the other, on a thread that ends with the connection.
fn forward(from: &TcpStream, to: &TcpStream) {
    let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut to);
    });
}

/// Each look at a broker that is not there was told four times over: 170 lines in ten seconds.
#[test]
fn a_broker_that_is_not_there_is_told_of_once_in_a_while() {
    let output = Command::new(env!("CARGO_BIN_EXE_producer"))
        .args(["--bootstrap-servers", "127.0.0.1:9"])
        .args(["--count=1", "--flush-timeout=3s"])
        .output()
        .unwrap();
    let summary = String::from_utf8(output.stdout).unwrap();
    assert!(summary.contains("no broker could be reached"), "{summary}");
    let log = String::from_utf8(output.stderr).unwrap();
    assert_eq!(log.matches("Connection refused").count(), 1, "{log}");
    assert!(log.lines().count() < 8, "{log}");
}

#[test]
fn it_tells_of_its_progress_and_an_end_by_sigterm_leaves_a_summary_of_what_arrived() {
    let Some(lab) = Lab::new(&[]) else { return };
    let mut child = lab
        .command(&["--rate=50", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let progress = lines.find(|line| line.as_ref().unwrap().contains("producing"));
    let progress = progress.unwrap().unwrap();
    assert!(
        progress.contains("delivered=") && progress.contains("failed=0"),
        "{progress}"
    );
    terminate(&child);
    let mut text = String::new();
    child
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut text)
        .unwrap();
    assert!(child.wait().unwrap().success());
    let summary: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(summary["sent"], summary["delivered"]);
    assert_eq!(summary["delivered"], lab.records().len());
}

#[rstest]
#[case("PRODUCER_RATE", "fast", "messages per second")]
#[case("PRODUCER_MALFORMED", "2", "a share between 0 and 1")]
#[case("PRODUCER_SERIES", "0", "a whole number from 1 to 4294967295")]
#[case("PRODUCER_REPLAY", "", "a text that is not empty")]
#[case("PRODUCER_INTERVAL", "soon", "a duration such as")]
#[case("KAFKA_CONFIG_NO_SUCH", "1", "No such configuration property")]
fn a_wrong_setting_names_the_variable_what_it_held_and_what_it_may_hold(
    #[case] variable: &str,
    #[case] value: &str,
    #[case] may_hold: &str,
) {
    let output = Command::new(env!("CARGO_BIN_EXE_producer"))
        .env(variable, value)
        .output()
        .unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{error}");
    for part in [variable, may_hold, &format!("{value:?}")] {
        assert!(error.contains(part), "{part} is missing in {error}");
    }
}

/// It was ignored, and nothing said so.
#[test]
fn a_misspelt_variable_is_told_of() {
    let output = Command::new(env!("CARGO_BIN_EXE_producer"))
        .env("PRODUCER_RATES", "5")
        .args(["--replay", "/nowhere/lines.jsonl"])
        .output()
        .unwrap();
    let log = String::from_utf8(output.stderr).unwrap();
    assert!(
        log.contains("PRODUCER_RATES is no setting and is ignored; did you mean PRODUCER_RATE?"),
        "{log}"
    );
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let output = Command::new(env!("CARGO_BIN_EXE_producer"))
        .args(["--replay", "/nowhere/lines.jsonl"])
        .output()
        .unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert!(
        error.contains("cannot read /nowhere/lines.jsonl"),
        "{error}"
    );
}
