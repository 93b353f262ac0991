//! `lab lint --live`: a worker that runs, and whoever else may answer at its address.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rstest::rstest;

use crate::support::Lab;

fn lint(arguments: &[&str]) -> Output {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lint");
    let mut command = Command::new(env!("CARGO_BIN_EXE_lab"));
    command.arg("lint").args(arguments).current_dir(folder);
    command.output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).into_owned()
}

/// A worker that answers `GET /` and the list of plugins as a worker does, and validation as `hostile` does. It keeps what it
/// was sent.
struct Hostile {
    url: String,
    sent: Arc<Mutex<String>>,
}

impl Hostile {
    fn new(hostile: fn(&mut TcpStream)) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let sent = Arc::new(Mutex::new(String::new()));
        let kept = Arc::clone(&sent);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let kept = Arc::clone(&kept);
                std::thread::spawn(move || serve(stream, hostile, &kept));
            }
        });
        Self { url, sent }
    }
}

fn serve(mut stream: TcpStream, hostile: fn(&mut TcpStream), sent: &Mutex<String>) {
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    // A request's head, and the body that its length announces.
    loop {
        let text = String::from_utf8_lossy(&request).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .to_lowercase()
                .split_once("content-length: ")
                .map_or(0, |(_, rest)| {
                    rest.lines().next().unwrap().trim().parse().unwrap()
                });
            if body.len() >= length {
                break;
            }
        }
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return,
            Ok(number) => request.extend_from_slice(&buffer[..number]),
        }
    }
    let request = String::from_utf8_lossy(&request).into_owned();
    sent.lock().unwrap().push_str(&request);
    let path = request.split(' ').nth(1).unwrap_or_default();
    let answer = match path {
        "/" => r#"{"version": "3.9.2"}"#,
        "/connector-plugins?connectorsOnly=false" => {
            r#"[{"class": "io.debezium.connector.postgresql.PostgresConnector", "type": "source", "version": "3.7.0.Final"}]"#
        }
        _ => return hostile(&mut stream),
    };
    let _ = write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{answer}",
        answer.len()
    );
}

fn endless(stream: &mut TcpStream) {
    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n[");
    while stream.write_all(&[b' '; 1 << 16]).is_ok() {}
}

fn slow(stream: &mut TcpStream) {
    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n[");
    while stream.write_all(b" ").is_ok() {
        std::thread::sleep(Duration::from_millis(200));
    }
}

fn deep(stream: &mut TcpStream) {
    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
    let _ = stream.write_all("[".repeat(1 << 20).as_bytes());
}

fn elsewhere(stream: &mut TcpStream) {
    let _ = stream.write_all(b"HTTP/1.1 307 Temporary Redirect\r\nLocation: http://169.254.169.254/\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
}

fn page(stream: &mut TcpStream) {
    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n<html>\x1b[31m</html>");
}

#[rstest]
#[case::endless(endless, "larger than 8 MB")]
#[case::slow(slow, "does not answer")]
#[case::deep(deep, "not that of a Connect worker")]
#[case::redirect(elsewhere, "307")]
#[case::page(page, "not that of a Connect worker")]
fn hostile_answers_end_soon_with_words(#[case] hostile: fn(&mut TcpStream), #[case] words: &str) {
    let worker = Hostile::new(hostile);
    let begun = Instant::now();
    let output = lint(&["bad/secrets.json", "--live", &worker.url]);
    let said = said(&output);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains(words) || said.contains("broke off"), "{said}");
    assert!(
        begun.elapsed() < Duration::from_secs(30),
        "{:?}",
        begun.elapsed()
    );
    assert!(!said.contains('\u{1b}'), "{said}");
    let sent = worker.sent.lock().unwrap();
    assert!(sent.contains("/config/validate HTTP/1.1"), "{sent}");
    for secret in ["pa55", "jaa5", "ur1-secret", "ssl-secret", "db", "cdc"] {
        assert!(!sent.contains(secret), "{secret}: {sent}");
    }
}

#[test]
fn wrong_input_sends_nothing() {
    let worker = Hostile::new(page);
    for file in [
        "wrong/comma.json",
        "wrong/list.json",
        "wrong/no-class.json",
        "nothing.json",
    ] {
        let output = lint(&[file, "--live", &worker.url]);
        assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    }
    assert_eq!(*worker.sent.lock().unwrap(), "");
}

/// What was recorded is what a worker says: with one, each file has the findings that it has without, and those that only a
/// worker can have.
#[test]
fn a_worker_says_what_was_recorded() {
    let lab = Lab::new();
    let up = lab.run(&["up", "--detach", "--jdbc", "connect"]);
    assert_eq!(up.status, Some(0), "{up:?}");
    let status = lab.wait_ready(3);
    let services = status["services"].as_array().unwrap();
    let connect = services
        .iter()
        .find(|one| one["name"] == "connect")
        .unwrap();
    let url = connect["endpoints"]["rest"].as_str().unwrap();
    for file in [
        "bad/transforms.json",
        "bad/secrets.json",
        "good/predicate.json",
        "good/sink.json",
    ] {
        let (live, recorded) = (lint(&[file, "--live", url]), lint(&[file]));
        assert_eq!(live.status, recorded.status, "{}", said(&live));
        let live = said(&live).replace("as the worker says", "as recorded");
        assert_eq!(live, said(&recorded), "{file}");
    }
    let output = lint(&["bad/values.json", "--live", url]);
    // A limit that no definition tells.
    let words = said(&output);
    assert!(
        words.contains("[value]") && output.status.code() == Some(1),
        "{words}"
    );
    let output = lint(&["wrong/unknown-class.json", "--live", url]);
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    let down = lab.run(&["down"]);
    assert_eq!(down.status, Some(0), "{down:?}");
}
