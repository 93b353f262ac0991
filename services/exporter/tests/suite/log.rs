//! The log, on the binary without a broker.
use std::io::{Read, Write};
use std::net::TcpStream;

use crate::support::exporter::Exporter;

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

#[test]
fn signals_change_the_level_while_it_runs() {
    let exporter = exporter("text");
    let detail = |lines: &[String]| lines.iter().any(|line| line.contains("DEBUG"));
    rubbish(&exporter);
    assert!(!detail(&exporter.logged("Connection refused")));
    exporter.signal("-USR1");
    exporter.logged("level=\"debug\"");
    rubbish(&exporter);
    exporter.logged("DEBUG");
    exporter.signal("-USR1");
    exporter.logged("level=\"trace\"");
    exporter.signal("-USR2");
    exporter.logged("level=\"warn,exporter=info\"");
    rubbish(&exporter);
    exporter.signal("-USR1");
    // What came between the two changes, and no more than that: after the second one there may be detail already.
    let lines = exporter.logged("level=\"debug\"");
    let change = lines
        .iter()
        .position(|line| line.contains("level=\"debug\""));
    assert!(!detail(&lines[..change.unwrap()]), "{lines:#?}");
    let (status, _) = exporter.stop();
    assert!(status.success());
}

#[test]
fn each_line_of_the_json_form_is_an_object_with_level_and_message() {
    let exporter = exporter("json");
    for line in exporter.logged("Connection refused") {
        let value: serde_json::Value =
            serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line}"));
        assert!(value["level"].is_string(), "{line}");
        assert!(value["fields"]["message"].is_string(), "{line}");
    }
}

/// It was told by librdkafka and by the exporter, and by librdkafka again.
#[test]
fn a_broker_that_is_not_there_is_told_of_once_at_the_start() {
    let exporter = exporter("text");
    let mut lines = exporter.logged("Connection refused");
    std::thread::sleep(std::time::Duration::from_secs(2));
    lines.extend(exporter.log());
    let told = lines
        .iter()
        .filter(|line| line.contains("Connection refused"));
    assert_eq!(told.count(), 1, "{lines:#?}");
}

/// It was ignored, and nothing said so.
#[test]
fn a_misspelt_variable_is_told_of_and_others_are_not() {
    let variables = [
        ("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:9"),
        ("KAFKA_TOPC", "mine"),
        ("KAFKA_HEAP_OPTS", "-Xmx1g"),
    ];
    // Up to the line that says where it serves.
    let log = Exporter::start(&variables, &[]).log();
    let told: Vec<_> = log
        .iter()
        .filter(|line| line.contains("is no setting"))
        .collect();
    assert_eq!(told.len(), 1, "{log:#?}");
    assert!(
        told[0].contains("KAFKA_TOPC") && told[0].contains("did you mean KAFKA_TOPIC?"),
        "{log:#?}"
    );
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
    exporter.logged("trouble with Kafka");
    std::thread::sleep(std::time::Duration::from_secs(3));
    let lines = exporter.log();
    assert!(lines.len() < 10, "{lines:#?}");
}
