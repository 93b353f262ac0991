//! The binary as a user meets it, without a broker.
use std::ffi::OsStr;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::ffi::OsStrExt as _;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::exporter::{Exporter, PATIENCE};
use crate::support::strict;
use exporter::exposition::Syntax;
use rstest::rstest;

fn run(variables: &[(&str, &str)], flags: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_exporter"))
        .args(flags)
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

/// No broker answers there: port 9 is the discard service, which nobody runs.
fn alone() -> Exporter {
    Exporter::start(&[("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:9")], &[])
}

/// clap speaks of arguments, and there are none.
#[test]
fn a_variable_that_is_no_utf8_is_named() {
    let output = Command::new(env!("CARGO_BIN_EXE_exporter"))
        .env("KAFKA_TOPIC", OsStr::from_bytes(b"\xff"))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(
        said,
        "error: KAFKA_TOPIC holds \"\\xFF\"; it may hold UTF-8\n"
    );
}

#[test]
fn the_demo_has_series_within_two_seconds() {
    let begin = Instant::now();
    let exporter = Exporter::start(&[], &["--demo"]);
    let series = exporter.until("60 series", |samples| {
        samples.get("exporter_series") == Some(&60.0)
    });
    assert!(
        begin.elapsed() < Duration::from_secs(2),
        "{:?}",
        begin.elapsed()
    );
    assert!(
        series
            .keys()
            .any(|name| name.starts_with("cpu_usage_percent{")),
        "{series:#?}"
    );
    let (status, took) = exporter.stop();
    assert!(
        status.success() && took < Duration::from_secs(2),
        "{status} after {took:?}"
    );
}

#[test]
fn without_a_broker_it_lives_says_why_it_is_not_ready_and_ends_at_once() {
    let exporter = alone();
    assert_eq!(exporter.get("/health", &[]).status, 200);
    exporter.until_ready(|answer| {
        assert_eq!(answer.status, 503);
        answer.text().contains("Connection refused")
    });
    strict::read(&exporter.get("/metrics", &[]).text(), Syntax::Text).unwrap();
    let (status, took) = exporter.stop();
    assert!(
        status.success() && took < Duration::from_secs(2),
        "{status} after {took:?}"
    );
}

#[rstest]
#[case("/metrics", 200)]
#[case("/", 200)]
#[case("/health", 200)]
#[case("/ready", 503)]
#[case("/nothing", 404)]
#[case("/metrics/x", 404)]
fn paths(#[case] path: &str, #[case] status: u16) {
    assert_eq!(alone().get(path, &[]).status, status);
}

#[test]
fn formats_and_encodings_are_negotiated() {
    let exporter = alone();
    let plain = exporter.get("/metrics", &[]);
    assert_eq!(
        plain.headers["content-type"],
        "text/plain; version=0.0.4; charset=utf-8"
    );
    let om = exporter.get("/metrics", &[("Accept", "application/openmetrics-text")]);
    assert_eq!(
        om.headers["content-type"],
        "application/openmetrics-text; version=1.0.0; charset=utf-8"
    );
    strict::read(&om.text(), Syntax::OpenMetrics).unwrap();
    let zipped = exporter.get("/metrics", &[("Accept-Encoding", "gzip")]);
    assert_eq!(zipped.headers["content-encoding"], "gzip");
    let mut text = String::new();
    flate2::read::GzDecoder::new(&zipped.body[..])
        .read_to_string(&mut text)
        .unwrap();
    strict::read(&text, Syntax::Text).unwrap();
    let packed = exporter.get("/metrics", &[("Accept-Encoding", "gzip, zstd")]);
    assert_eq!(packed.headers["content-encoding"], "zstd");
    let text = zstd::decode_all(&packed.body[..]).unwrap();
    strict::read(&String::from_utf8(text).unwrap(), Syntax::Text).unwrap();
    assert_eq!(plain.headers.get("content-encoding"), None);
}

/// Only the first of several lines was read, and a byte that is no text was answered by 400.
#[rstest]
#[case::another_line(&[("Accept", "text/html"), ("Accept", "application/openmetrics-text;version=1.0.0")], "application/openmetrics-text")]
#[case::no_text(&[("Accept", "\u{e9}")], "text/plain")]
fn headers_are_read_to_their_end(#[case] headers: &[(&str, &str)], #[case] expected: &str) {
    let answer = alone().get("/metrics", headers);
    assert_eq!(answer.status, 200);
    assert!(answer.headers["content-type"].starts_with(expected));
}

#[test]
fn name_filters_families() {
    let exporter = alone();
    let answer = exporter.get(
        "/metrics?name[]=exporter_build_info&name%5B%5D=exporter_series",
        &[],
    );
    let families = strict::read(&answer.text(), Syntax::Text).unwrap();
    let names: Vec<_> = families.iter().map(|family| family.name.as_str()).collect();
    assert_eq!(names, ["exporter_build_info", "exporter_series"]);
}

#[test]
fn a_client_that_sends_half_a_request_holds_up_nobody() {
    let exporter = alone();
    let mut half = TcpStream::connect(&exporter.address).unwrap();
    half.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\n")
        .unwrap();
    assert_eq!(exporter.get("/metrics", &[]).status, 200);
    let (status, took) = exporter.stop();
    assert!(
        status.success() && took < Duration::from_secs(2),
        "{status} after {took:?}"
    );
}

#[rstest]
#[case("KAFKA_BOOTSTRAP_SERVERS", "host:port", "host:port")]
#[case("KAFKA_TOPIC", "a topic", "a topic's name")]
#[case("KAFKA_AUTO_OFFSET_RESET", "middle", "one of: earliest, latest")]
#[case("LISTEN_ADDR", "8080", "host:port")]
#[case("START_FROM", "tomorrow", "committed")]
#[case("CATCH_UP_LIMIT", "soon", "a duration such as")]
#[case("MAX_SERIES", "0", "a whole number from 1 to 4294967295")]
#[case("KAFKA_TOPIC", "..", "\"..\" are none")]
#[case("LOG_LEVEL", "=", "error, warn, info")]
#[case("LOG_LEVEL", "info,rdkafak=debug", "parts are exporter, producer")]
#[case(
    "KAFKA_CONFIG_SASL_USRNAME",
    "me",
    "did you mean KAFKA_CONFIG_SASL_USERNAME"
)]
#[case("KAFKA_GROUP_INSTANCE_ID", "", "a text that is not empty")]
#[case("KAFKA_CONFIG_NO_SUCH", "1", "No such configuration property")]
#[case("KAFKA_CONFIG_GROUP_ID", "g", "use KAFKA_GROUP_ID")]
fn a_wrong_setting_names_the_variable_what_it_held_and_what_it_may_hold(
    #[case] variable: &str,
    #[case] value: &str,
    #[case] may_hold: &str,
) {
    let (status, _, error) = run(&[(variable, value)], &[]);
    assert_eq!(status, Some(2), "{error}");
    assert!(
        error.contains(variable) && error.contains(may_hold),
        "{error}"
    );
    assert!(
        error.contains(&format!("{value:?}")) || error.contains("cannot be set"),
        "{error}"
    );
}

#[test]
fn a_flag_without_its_value_is_said_to_lack_it() {
    let (status, _, error) = run(&[], &["--topic"]);
    assert_eq!(status, Some(2));
    assert!(
        error.starts_with("error: --topic lacks its value"),
        "{error}"
    );
}

#[test]
fn a_port_that_is_taken_is_an_error_that_says_so() {
    let taken = alone();
    let variables = [
        ("LISTEN_ADDR", taken.address.as_str()),
        ("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:9"),
    ];
    let (status, _, error) = run(&variables, &[]);
    assert_eq!(status, Some(2));
    assert!(
        error.contains("LISTEN_ADDR") && error.contains(&taken.address),
        "{error}"
    );
    assert!(error.contains("in use"), "{error}");
}

#[test]
fn dead_letters_may_not_go_to_the_topic_they_come_from() {
    let (status, _, error) = run(&[("DEAD_LETTER_TOPIC", "metrics")], &[]);
    assert_eq!(status, Some(2));
    assert!(error.contains("DEAD_LETTER_TOPIC"), "{error}");
}

#[test]
fn a_secret_shows_neither_in_the_log_nor_in_an_error() {
    let secret = "hunter2hunter2";
    let variables = [
        ("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:9"),
        ("KAFKA_CONFIG_SECURITY_PROTOCOL", "SASL_PLAINTEXT"),
        ("KAFKA_CONFIG_SASL_MECHANISM", "SCRAM-SHA-256"),
        ("KAFKA_CONFIG_SASL_USERNAME", "user"),
        ("KAFKA_CONFIG_SASL_PASSWORD", secret),
        ("KAFKA_CONFIG_DEBUG", "all"),
        ("LOG_LEVEL", "trace"),
    ];
    let exporter = Exporter::start(&variables, &[]);
    exporter.get("/metrics", &[]);
    let begin = Instant::now();
    let log = loop {
        let log = exporter.log();
        // What is logged arrives here a moment later.
        if log.iter().any(|line| line.contains("rdkafka")) {
            break log;
        }
        assert!(begin.elapsed() < PATIENCE, "{log:#?}");
        std::thread::sleep(Duration::from_millis(10));
    };
    assert!(!log.iter().any(|line| line.contains(secret)), "{log:#?}");
}

#[test]
fn help_has_examples_and_every_path() {
    let (status, help, _) = run(&[], &["--help"]);
    assert_eq!(status, Some(0));
    for part in [
        "Examples:",
        "/metrics",
        "/health",
        "/ready",
        "KAFKA_CONFIG_",
    ] {
        assert!(help.contains(part), "{part} is missing in\n{help}");
    }
}

/// A full log disk ended the service: the log told of its own failure on the stream that had failed.
#[test]
fn a_log_that_cannot_be_written_ends_nothing() {
    let full = std::fs::File::options()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let mut exporter = Command::new(env!("CARGO_BIN_EXE_exporter"))
        .envs([
            ("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:9"),
            ("LISTEN_ADDR", "127.0.0.1:0"),
            ("LOG_LEVEL", "debug"),
        ])
        .stderr(full)
        .spawn()
        .unwrap();
    // Long enough for it to log that it serves, and that nobody answers.
    std::thread::sleep(Duration::from_secs(1));
    let ended = exporter.try_wait().unwrap();
    exporter.kill().unwrap();
    exporter.wait().unwrap();
    assert_eq!(ended, None);
}
