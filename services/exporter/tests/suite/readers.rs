//! What the world reads `/metrics` with: promtool, prometheus_client's OpenMetrics parser, Go's expfmt, and Prometheus
//! itself, over the exposition of hostile messages: 20,000 of them, or what `EXPORTER_MESSAGES` says. Each reader must take every
//! file, and find in it what the strict reader of these tests finds: every name, help, label and value, but for promtool and
//! Prometheus, which only count.
//!
//! A reader that the machine lacks is skipped with a printed reason. Python is `python3`, or what `PYTHON`
//! names, for one with prometheus_client.
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Instant;

use crate::support::exporter::{Exporter, Kafka, PATIENCE, broker, unique};
use crate::support::prometheus::Prometheus;
use crate::support::{hostile, strict};
use exporter::exposition::{Escaping, Filter, Syntax, negotiate, render};
use exporter::table::{Limits, Outcome, Record, Table};
use message::Metric;
use proptest::prelude::*;
use proptest::strategy::{BoxedStrategy, ValueTree};
use proptest::test_runner::TestRunner;
use sha2::{Digest, Sha256};

/// How many messages; all readers together take minutes for 100,000.
fn messages() -> usize {
    let given = std::env::var("EXPORTER_MESSAGES").ok();
    given.map_or(20_000, |number| number.parse().unwrap())
}

/// Messages of one table, and so of one set of files.
const EACH: usize = 1000;
/// Every so many tables have limits that let texts of a megabyte through.
const WIDE: usize = 10;
/// What a table is written as: the ending of the file, and the form.
const FORMS: [(&str, Syntax, Escaping); 4] = [
    (".txt", Syntax::Text, Escaping::Underscores),
    (".om", Syntax::OpenMetrics, Escaping::Underscores),
    (".u8txt", Syntax::Text, Escaping::AllowUtf8),
    (".u8om", Syntax::OpenMetrics, Escaping::AllowUtf8),
];

/// What is in a file: how many samples, and a digest of all that they and their families say.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Content {
    samples: usize,
    digest: u64,
}

/// The files, and what each holds.
struct Files {
    directory: PathBuf,
    contents: BTreeMap<String, Content>,
}

impl Files {
    fn of(&self, suffix: &str) -> BTreeMap<String, Content> {
        let these = self.contents.iter();
        these
            .filter(|(name, _)| name.ends_with(suffix))
            .map(|(name, content)| (name.clone(), content.clone()))
            .collect()
    }

    fn paths(&self, suffix: &str) -> Vec<PathBuf> {
        let names = self.of(suffix);
        names.keys().map(|name| self.directory.join(name)).collect()
    }
}

/// The sum of the first eight bytes of SHA-256 of every family and every sample, in any order. The programs in `tests/expfmt`
/// and `tests/openmetrics` do the same.
///
/// Blanks before a help are not part of it: in the text format they separate it from the name, however many they are, and
/// prometheus_client reads OpenMetrics the same way from 0.23 on.
fn content(families: &[strict::Family]) -> Content {
    let mut content = Content {
        samples: 0,
        digest: 0,
    };
    let mut add = |bytes: &[u8]| {
        let hash = Sha256::digest(bytes);
        let first = u64::from_be_bytes(hash[..8].try_into().unwrap());
        content.digest = content.digest.wrapping_add(first);
    };
    for family in families {
        let help = family.help.as_deref().unwrap_or_default();
        let help = help.trim_start_matches([' ', '\t']);
        add(format!("#{}\0{help}", family.name).as_bytes());
        for (name, labels, value) in &family.samples {
            let mut bytes = format!("{name}\0").into_bytes();
            for (label, value) in labels {
                bytes.extend(format!("{label}\0{value}\0").into_bytes());
            }
            let value = if value.is_nan() {
                0x7ff8_0000_0000_0000
            } else {
                value.to_bits()
            };
            bytes.extend(value.to_be_bytes());
            add(&bytes);
        }
    }
    content.samples = families.iter().map(|family| family.samples.len()).sum();
    content
}

/// Now and then a text is long: within the usual limits of a description, or a megabyte.
fn metric(wide: bool) -> BoxedStrategy<Metric<'static>> {
    let lengths = if wide {
        prop_oneof![Just(3000usize), Just(1 << 20)].boxed()
    } else {
        prop_oneof![Just(200usize), Just(1500), Just(1 << 20)].boxed()
    };
    let long = (hostile::metric(), lengths, 0..3usize).prop_map(|(mut metric, length, place)| {
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
    prop_oneof![500 => hostile::metric(), 1 => long].boxed()
}

fn limits(wide: bool) -> Limits {
    let mut limits = Limits::default();
    if wide {
        limits.name_length = 8 << 20;
        limits.label_value_length = 8 << 20;
        limits.description_length = 8 << 20;
    }
    limits
}

/// The bytes of hostile messages, the same in every run. Some are damaged, as a careless or hostile sender would.
struct Messages {
    runner: TestRunner,
    metrics: BoxedStrategy<Vec<Metric<'static>>>,
    number: usize,
}

impl Messages {
    fn new(runner: TestRunner, wide: bool) -> Messages {
        Messages {
            runner,
            metrics: prop::collection::vec(metric(wide), 0..4).boxed(),
            number: 0,
        }
    }
}

impl Iterator for Messages {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        let metrics = self.metrics.new_tree(&mut self.runner).unwrap().current();
        let entries: BTreeMap<usize, &Metric<'_>> = metrics.iter().enumerate().collect();
        let mut bytes = serde_json::to_vec(&entries).unwrap();
        if self.number.is_multiple_of(50) {
            let at = self.number % bytes.len();
            bytes[at] = bytes[at].wrapping_add(1);
        }
        self.number += 1;
        Some(bytes)
    }
}

fn files() -> &'static Files {
    static FILES: OnceLock<Files> = OnceLock::new();
    FILES.get_or_init(|| {
        // Statics are not dropped: a directory of its own in each run would stay for good.
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("readers");
        if directory.exists() {
            std::fs::remove_dir_all(&directory).unwrap();
        }
        std::fs::create_dir_all(&directory).unwrap();
        let mut contents = BTreeMap::new();
        let mut runner = TestRunner::deterministic();
        for number in 0..messages() / EACH {
            let wide = number % WIDE == 0;
            let mut table = Table::new(limits(wide), false);
            table.assign(0);
            table.release(0);
            let mut messages = Messages::new(runner, wide);
            for (offset, bytes) in (0i64..).zip(messages.by_ref().take(EACH)) {
                feed(&mut table, offset, &bytes);
            }
            runner = messages.runner;
            for (suffix, syntax, escaping) in FORMS {
                let mut out = render(table.snapshot(escaping), syntax, Filter::default());
                if syntax == Syntax::OpenMetrics {
                    out.extend_from_slice(b"# EOF\n");
                }
                let text = String::from_utf8(out).unwrap();
                let families = strict::read(&text, syntax)
                    .unwrap_or_else(|why| panic!("{}", why.chars().take(4000).collect::<String>()));
                let name = format!("{number:03}{suffix}");
                std::fs::write(directory.join(&name), &text).unwrap();
                contents.insert(name, content(&families));
            }
        }
        let all: usize = contents.values().map(|content| content.samples).sum();
        println!(
            "{} messages, {} files, {all} samples",
            messages(),
            contents.len()
        );
        assert!(
            all > messages() / 5,
            "too few were accepted to prove anything"
        );
        let longest = contents
            .keys()
            .map(|name| std::fs::metadata(directory.join(name)).unwrap().len());
        assert!(
            longest.max() > Some(1 << 20),
            "no text of a megabyte was accepted"
        );
        Files {
            directory,
            contents,
        }
    })
}

/// All the way from bytes.
fn feed(table: &mut Table, offset: i64, bytes: &[u8]) {
    let record = Record {
        partition: 0,
        offset,
        timestamp_ms: 0,
    };
    let message = message::parse(bytes).ok();
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

/// Compares lines of "file samples digest" with what is known.
fn compare(reader: &mut Command, suffixes: &[&str]) {
    let output = reader
        .arg(&files().directory)
        .args(suffixes)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{}",
        errors.chars().take(4000).collect::<String>()
    );
    let text = String::from_utf8(output.stdout).unwrap();
    let read = text.lines().map(|line| {
        let mut words = line.split(' ');
        let mut word = || words.next().unwrap();
        let name = word().to_owned();
        let content = Content {
            samples: word().parse().unwrap(),
            digest: word().parse().unwrap(),
        };
        (name, content)
    });
    let read: BTreeMap<String, Content> = read.collect();
    let mut known = BTreeMap::new();
    for suffix in suffixes {
        known.extend(files().of(suffix));
    }
    println!("{} files read", read.len());
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
    // Names in quotes are read from 0.22 on, which is the first with this module.
    let quotes = Command::new(python.get_program())
        .args(["-c", "import prometheus_client.validation"])
        .stderr(Stdio::null())
        .status();
    let suffixes: &[&str] = if quotes.is_ok_and(|status| status.success()) {
        &[".om", ".u8om"]
    } else {
        println!("skipped for names in quotes: this prometheus_client does not know them");
        &[".om"]
    };
    compare(python.arg(script), suffixes);
}

#[test]
fn go_expfmt_reads_the_text_format() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/expfmt");
    let binary = files().directory.join("expfmt-check");
    let built = Command::new("go")
        .arg("build")
        // Not optimised: on a new machine the standard library is built for this, too, and that takes longer than reading.
        .arg("-gcflags=all=-N -l")
        .arg("-o")
        .arg(&binary)
        .arg(".")
        .current_dir(source)
        .output();
    match built {
        Ok(built) if built.status.success() => {
            compare(&mut Command::new(binary), &[".txt", ".u8txt"])
        }
        Ok(built) => println!(
            "skipped: go build: {}",
            String::from_utf8_lossy(&built.stderr)
        ),
        Err(error) => println!("skipped: go: {error}"),
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
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = listener.local_addr().unwrap();
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
    let directory = files().directory.clone();
    std::thread::spawn(move || serve(listener, directory));
    let Some(prometheus) = Prometheus::start(&config) else {
        return;
    };
    let begin = Instant::now();
    // Which form it is, its version decides; the samples are as many in each.
    let wanted: BTreeMap<String, usize> = names
        .iter()
        .map(|name| {
            (
                name.clone(),
                files().contents[&format!("{name}.om")].samples,
            )
        })
        .collect();
    loop {
        let rows = prometheus.query("scrape_samples_scraped and on(job) up==1");
        let scraped: BTreeMap<String, usize> = rows
            .into_iter()
            .map(|(labels, samples)| {
                let job = labels["job"].as_str().unwrap().to_owned();
                #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
                (job, samples as usize)
            })
            .collect();
        if scraped == wanted {
            println!("{} files scraped", scraped.len());
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

/// The whole way: a broker, the binary, and Prometheus that scrapes it. Every message is counted, none stops the partition.
#[test]
fn hostile_messages_on_a_broker_leave_a_page_that_prometheus_takes() {
    let Some(bootstrap) = broker() else { return };
    let kafka = Kafka::new(&bootstrap);
    let topic = unique("hostile");
    kafka.create(&topic, 1);
    let hostile = Messages::new(TestRunner::deterministic(), false);
    for bytes in hostile
        .filter(|bytes| bytes.len() < 900_000)
        .take(messages())
    {
        kafka.queue(&topic, 0, &bytes);
    }
    kafka.flush();
    let exporter = Exporter::on(&bootstrap, &topic, &unique("group"), &[]);
    exporter.ready();
    let own = exporter.samples();
    let counted: f64 = own
        .iter()
        .filter(|(name, _)| name.starts_with("exporter_messages_total"))
        .map(|(_, value)| value)
        .sum();
    assert_eq!(counted, messages() as f64);
    let mut counts = Vec::new();
    for escaping in Escaping::ALL {
        for (media, syntax) in [
            ("text/plain;version=1.0.0", Syntax::Text),
            (
                "application/openmetrics-text;version=1.0.0",
                Syntax::OpenMetrics,
            ),
        ] {
            let accept = format!("{media};escaping={}", escaping.as_str());
            let answer = exporter.get("/metrics", &[("Accept", &accept)]);
            let families = strict::read(&answer.text(), syntax).unwrap();
            counts.push(content(&families).samples);
        }
    }
    assert!(
        counts.windows(2).all(|pair| pair[0] == pair[1]),
        "{counts:?}"
    );
    println!(
        "{} messages, {} series, {} samples in each of 8 forms",
        counted, own["exporter_series"], counts[0]
    );
    let config = format!(
        "scrape_configs: [{{job_name: exporter, scrape_interval: 1s, static_configs: [{{targets: ['{}']}}]}}]",
        exporter.address
    );
    let Some(prometheus) = Prometheus::start(&config) else {
        return;
    };
    let begin = Instant::now();
    loop {
        let rows = prometheus.query("scrape_samples_scraped and on(job) up==1");
        if rows.iter().any(|(_, samples)| *samples == counts[0] as f64) {
            return;
        }
        assert!(begin.elapsed() < PATIENCE, "{rows:?}, not {}", counts[0]);
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
}
