//! The log, on the binary without a broker.
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Instant;

use crate::support::exporter::{Exporter, PATIENCE};

fn exporter(format: &str) -> Exporter {
    let variables = [
        ("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:9"),
        ("LOG_FORMAT", format),
        ("LOG_LEVEL", "warn,exporter=info"),
        // librdkafka says again and again that there is no broker.
        ("KAFKA_CONFIG_RECONNECT_BACKOFF_MAX_MS", "100"),
    ];
    Exporter::start(&variables, &[])
}

/// A connection that ends early, which is worth a line at `debug` and no more.
fn rubbish(exporter: &Exporter) {
    let mut stream = TcpStream::connect(&exporter.address).unwrap();
    stream.write_all(b"rubbish\r\n\r\n").unwrap();
    // Whatever it is answered.
    let _ = stream.read_to_end(&mut Vec::new());
}

/// Lines from now on, until one is as wanted.
fn until(exporter: &Exporter, wanted: &str) -> Vec<String> {
    let begin = Instant::now();
    let mut seen = Vec::new();
    loop {
        seen.extend(exporter.log());
        if seen.iter().any(|line| line.contains(wanted)) {
            return seen;
        }
        assert!(begin.elapsed() < PATIENCE, "no {wanted:?} in {seen:#?}");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

#[test]
fn signals_change_the_level_while_it_runs() {
    let exporter = exporter("text");
    let detail = |lines: &[String]| lines.iter().any(|line| line.contains("DEBUG"));
    rubbish(&exporter);
    assert!(!detail(&until(&exporter, "Connection refused")));
    exporter.signal("-USR1");
    until(&exporter, "level=\"debug\"");
    rubbish(&exporter);
    until(&exporter, "DEBUG");
    exporter.signal("-USR1");
    until(&exporter, "level=\"trace\"");
    exporter.signal("-USR2");
    until(&exporter, "level=\"warn,exporter=info\"");
    rubbish(&exporter);
    exporter.signal("-USR1");
    // What came between the two changes, and no more than that.
    let lines = until(&exporter, "level=\"debug\"");
    assert!(!detail(&lines), "{lines:#?}");
    let (status, _) = exporter.stop();
    assert!(status.success());
}

#[test]
fn each_line_of_the_json_form_is_an_object_with_level_and_message() {
    let exporter = exporter("json");
    for line in until(&exporter, "Connection refused") {
        let value: serde_json::Value =
            serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line}"));
        assert!(value["level"].is_string(), "{line}");
        assert!(value["fields"]["message"].is_string(), "{line}");
    }
}

/// Each of its clients told of the missing broker six times a second.
#[test]
fn a_broker_that_is_not_there_is_told_of_once_in_a_while_by_every_client() {
    let variables = [
        ("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:9"),
        ("DEAD_LETTER_TOPIC", "letters"),
        ("STATE_TOPIC", "state"),
    ];
    let exporter = Exporter::start(&variables, &[]);
    until(&exporter, "trouble with Kafka");
    std::thread::sleep(std::time::Duration::from_secs(3));
    let lines = exporter.log();
    assert!(lines.len() < 10, "{lines:#?}");
}
