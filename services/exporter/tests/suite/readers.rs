//! What the world reads `/metrics` with: promtool, prometheus_client's OpenMetrics parser, Go's expfmt, and Prometheus
//! itself, over the exposition of 100,000 hostile messages. Each reader must take every file, and find as
//! many samples as the strict reader of these tests does.
//!
//! A reader that the machine lacks is skipped with a printed reason. Python is `python3`, or what `PYTHON`
//! names, for one with prometheus_client.
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Instant;

use crate::support::exporter::PATIENCE;
use crate::support::{hostile, strict};
use exporter::exposition::{Escaping, Filter, Syntax, negotiate, render};
use exporter::table::{Limits, Outcome, Record, Table};
use message::Metric;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

const MESSAGES: usize = 100_000;
/// Messages of one table, and so of one pair of files.
const EACH: usize = 1000;

/// The files, and how many samples each has.
struct Files {
    directory: tempfile::TempDir,
    samples: BTreeMap<String, usize>,
}

impl Files {
    fn paths(&self, suffix: &str) -> Vec<PathBuf> {
        let names = self.samples.keys().filter(|name| name.ends_with(suffix));
        names.map(|name| self.directory.path().join(name)).collect()
    }
}

/// Metrics beyond what properties try a thousand times: long texts.
fn metric() -> impl Strategy<Value = Metric<'static>> {
    let long = (
        hostile::metric(),
        prop_oneof![Just(4000usize), Just(1 << 20)],
        0..3usize,
    );
    let long = long.prop_map(|(mut metric, length, place)| {
        let long = "\"\\\n{}# \u{1f631}"
            .chars()
            .cycle()
            .take(length)
            .collect::<String>();
        match place {
            0 => metric.name = long.into(),
            1 => metric.description = long.into(),
            _ => metric.labels = vec![("long".into(), long.into())],
        }
        metric
    });
    prop_oneof![2000 => hostile::metric(), 1 => long]
}

fn files() -> &'static Files {
    static FILES: OnceLock<Files> = OnceLock::new();
    FILES.get_or_init(|| {
        let directory = tempfile::tempdir().unwrap();
        let mut samples = BTreeMap::new();
        let mut runner = TestRunner::deterministic();
        let metrics = prop::collection::vec(metric(), 0..4);
        for number in 0..MESSAGES / EACH {
            let mut table = Table::new(Limits::default(), false);
            table.assign(0);
            table.release(0);
            for offset in (0i64..).take(EACH) {
                let metrics = metrics.new_tree(&mut runner).unwrap().current();
                feed(&mut table, offset, &metrics);
            }
            for (syntax, suffix) in [(Syntax::Text, "txt"), (Syntax::OpenMetrics, "om")] {
                let mut out = Vec::new();
                render(
                    &table.snapshot(Escaping::Underscores),
                    syntax,
                    &Filter::default(),
                    &mut out,
                );
                if syntax == Syntax::OpenMetrics {
                    out.extend_from_slice(b"# EOF\n");
                }
                let text = String::from_utf8(out).unwrap();
                let families =
                    strict::read(&text, syntax).unwrap_or_else(|why| panic!("{why}\n{text}"));
                let name = format!("{number:03}.{suffix}");
                std::fs::write(directory.path().join(&name), &text).unwrap();
                samples.insert(
                    name,
                    families.iter().map(|family| family.samples.len()).sum(),
                );
            }
        }
        let all: usize = samples.values().sum();
        println!(
            "{MESSAGES} messages, {} files, {all} samples",
            samples.len()
        );
        assert!(
            all > MESSAGES / 10,
            "too few were accepted to prove anything"
        );
        Files { directory, samples }
    })
}

/// All the way from bytes. Some messages are damaged, as a careless or hostile sender would.
fn feed(table: &mut Table, offset: i64, metrics: &[Metric<'_>]) {
    let entries: BTreeMap<usize, &Metric<'_>> = metrics.iter().enumerate().collect();
    let mut bytes = serde_json::to_vec(&entries).unwrap();
    if offset % 50 == 0 {
        let at = usize::try_from(offset).unwrap() % bytes.len();
        bytes[at] = bytes[at].wrapping_add(1);
    }
    let record = Record {
        partition: 0,
        offset,
        timestamp_ms: 0,
    };
    let message = message::parse(&bytes).ok();
    let outcome = table.apply(record, message.as_ref(), Instant::now());
    assert!(matches!(outcome, Outcome::Applied(_)));
}

/// A program, if the machine has it.
fn found(program: &str, arguments: &[&str]) -> Option<Command> {
    let found = Command::new(program)
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if found.is_ok_and(|status| status.success()) {
        return Some(Command::new(program));
    }
    println!(
        "skipped: `{program} {}` does not work here",
        arguments.join(" ")
    );
    None
}

/// Compares lines of "file samples" with what is known.
fn compare(reader: &mut Command, suffixes: &[&str]) {
    let output = reader.arg(files().directory.path()).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{}",
        errors.chars().take(4000).collect::<String>()
    );
    let text = String::from_utf8(output.stdout).unwrap();
    let read = text.lines().map(|line| line.split_once(' ').unwrap());
    let read: BTreeMap<String, usize> = read
        .map(|(name, samples)| (name.to_owned(), samples.parse().unwrap()))
        .collect();
    let known = files()
        .samples
        .iter()
        .filter(|(name, _)| suffixes.iter().any(|suffix| name.ends_with(suffix)));
    let known: BTreeMap<String, usize> = known
        .map(|(name, samples)| (name.clone(), *samples))
        .collect();
    assert_eq!(read, known);
}

#[test]
fn promtool_finds_nothing_but_lint() {
    if found("promtool", &["--version"]).is_none() {
        return;
    }
    for path in files().paths(".txt") {
        let input = std::fs::File::open(&path).unwrap();
        let output = Command::new("promtool")
            .args(["check", "metrics"])
            .stdin(input)
            .output()
            .unwrap();
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        // 3 is lint: the choice of names, which is the sender's.
        let fine =
            matches!(output.status.code(), Some(0 | 3)) && !words.contains("error while linting");
        assert!(
            fine,
            "{}: {}",
            path.display(),
            words.chars().take(2000).collect::<String>()
        );
    }
}

#[test]
fn prometheus_client_reads_openmetrics() {
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let Some(mut python) = found(&python, &["-c", "import prometheus_client"]) else {
        return;
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/openmetrics/read.py");
    compare(python.arg(script), &["om"]);
}

#[test]
fn go_expfmt_reads_the_text_format() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/expfmt");
    let binary = files().directory.path().join("expfmt-check");
    let built = Command::new("go")
        .arg("build")
        .arg("-o")
        .arg(&binary)
        .arg(".")
        .current_dir(source)
        .output();
    match built {
        Ok(built) if built.status.success() => compare(&mut Command::new(binary), &["txt"]),
        Ok(built) => println!(
            "skipped: go build: {}",
            String::from_utf8_lossy(&built.stderr)
        ),
        Err(error) => println!("skipped: go: {error}"),
    }
}

struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        // Fails where it has ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Gives the files at `/NAME`, in the format that the client's `Accept` asks for, as the exporter does.
fn serve(listener: TcpListener, directory: PathBuf) {
    for stream in listener.incoming() {
        let directory = directory.clone();
        std::thread::spawn(move || answer(&stream.unwrap(), &directory));
    }
}

fn answer(mut stream: &TcpStream, directory: &Path) {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let Some(request) = lines.next() else { return };
    let headers: Vec<_> = lines.take_while(|line| !line.is_empty()).collect();
    let accept = headers
        .iter()
        .find_map(|line| line.split_once(": ").filter(|(name, _)| *name == "Accept"));
    let format = negotiate(accept.map(|(_, value)| value));
    let suffix = if format.syntax == Syntax::OpenMetrics {
        "om"
    } else {
        "txt"
    };
    let name = request.split(' ').nth(1).unwrap().trim_start_matches('/');
    let body = std::fs::read(directory.join(format!("{name}.{suffix}"))).unwrap();
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        format.content_type(),
        body.len()
    );
    // The client may go away at the end of the test.
    let _ = stream
        .write_all(head.as_bytes())
        .and_then(|()| stream.write_all(&body));
}

#[test]
fn prometheus_scrapes_every_file_whole() {
    if found("prometheus", &["--version"]).is_none() {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = listener.local_addr().unwrap();
    let directory = files().directory.path().to_owned();
    std::thread::spawn(move || serve(listener, directory));
    let names: Vec<String> = files()
        .paths(".om")
        .iter()
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    let mut config =
        "global: {scrape_interval: 5s, scrape_timeout: 5s}\nscrape_configs:\n".to_owned();
    for name in &names {
        config.push_str(&format!(
            "- {{job_name: '{name}', metrics_path: '/{name}', static_configs: [{{targets: ['{target}']}}]}}\n"
        ));
    }
    let file = home.path().join("prometheus.yml");
    std::fs::write(&file, config).unwrap();
    // Prometheus takes no port 0; one that was free a moment ago is as good as it gets here.
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let child = Command::new("prometheus")
        .arg(format!("--config.file={}", file.display()))
        .arg(format!(
            "--storage.tsdb.path={}",
            home.path().join("data").display()
        ))
        .arg(format!("--web.listen-address={port}"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let _prometheus = Ended(child);
    let begin = Instant::now();
    let wanted: BTreeMap<String, usize> = names
        .iter()
        .map(|name| (name.clone(), files().samples[&format!("{name}.om")]))
        .collect();
    loop {
        let scraped = scraped(&port.to_string());
        if scraped == wanted {
            break;
        }
        if begin.elapsed() > PATIENCE * 2 {
            let differ: Vec<_> = wanted
                .iter()
                .filter(|(name, samples)| scraped.get(*name) != Some(samples))
                .take(5)
                .collect();
            panic!(
                "wanted {differ:?}, scraped {} of {}",
                scraped.len(),
                wanted.len()
            );
        }
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
}

/// Samples of the last scrape by job, of jobs that are up.
fn scraped(prometheus: &str) -> BTreeMap<String, usize> {
    let query = "/api/v1/query?query=scrape_samples_scraped%20and%20on(job)%20up%3D%3D1";
    if TcpStream::connect(prometheus).is_err() {
        return BTreeMap::new();
    }
    let answer = crate::support::exporter::get(prometheus, query, &[]);
    let Ok(value) = serde_json::from_slice::<serde_json::Value>(&answer.body) else {
        return BTreeMap::new();
    };
    let rows = value["data"]["result"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    rows.iter()
        .map(|row| {
            let samples = row["value"][1].as_str().unwrap().parse().unwrap();
            (row["metric"]["job"].as_str().unwrap().to_owned(), samples)
        })
        .collect()
}
