//! `lab bench exporter`

mod consume;
mod digest;
mod latency;
mod outcome;
mod peers;
mod producing;
mod scrape;
mod throughput;
mod workload;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use clap::builder::PossibleValuesParser;
use serde_json::json;
use stack::ServiceName;
use stack::components::NoProgress;
use stack::native::{Native, StackSpec, own_program};
use stack::services::JvmMode;

pub use consume::{Args as ConsumeArgs, run as consume};
use outcome::Outcome;
use peers::{Peer, Place};
use producing::{Kind, Lines, Sender};
use throughput::Backlog;
use workload::SHAPES;

use crate::progress::Shown;
use crate::report::{self, table};
use crate::{Verdict, stacks, suite};

/// Scrapes of each kind, by series.
const SERIES: [(u32, u32); 4] = [(1_000, 100), (10_000, 50), (100_000, 15), (1_000_000, 5)];
/// More series are not asked of a peer that takes seconds for these.
const MOST_OF_GO: u32 = 100_000;
const PROBES: u32 = 1_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// How fast a backlog is read: librdkafka alone, the exporter, and Go with client_golang.
    Throughput,
    /// How long a scrape takes, its bytes, and the memory of a series.
    Scrape,
    /// From a value's being produced to its being visible.
    Latency,
    /// How fast the producer sends, against Kafka's ProducerPerformance.
    Producing,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  lab bench exporter                                      everything, for about an hour
  lab bench exporter --part throughput --shape stable --repeat 3
  lab bench exporter --part scrape --series 100000
  lab bench exporter --share 0.1 --report out             a quick look, with page and raw samples in out

Go compiles its peer from bench/go-exporter. Peers run one after another, in turn; what each shows in the end is compared series by
series with what was sent.")]
pub struct Args {
    /// What to measure; everything when not given.
    #[arg(long = "part", value_name = "PART", value_enum)]
    parts: Vec<Part>,
    /// Kinds of messages whose backlog is read; all when not given.
    #[arg(long = "shape", value_name = "SHAPE", value_parser = PossibleValuesParser::new(SHAPES.map(|shape| shape.name)))]
    shapes: Vec<String>,
    /// Series in a scrape: 1000, 10000, 100000, 1000000; all when not given.
    #[arg(long, value_name = "COUNT", value_parser = series)]
    series: Vec<u32>,
    /// Rounds.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    repeat: u32,
    /// Share of the messages and scrapes of a full run. With a small one, how fast a backlog is read is mostly how fast reading begins.
    #[arg(long, default_value_t = 1.0, value_parser = share)]
    share: f64,
    /// A folder for page and raw samples.
    #[arg(long, alias = "output", value_name = "FOLDER")]
    report: Option<PathBuf>,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

fn series(text: &str) -> Result<u32, String> {
    SERIES
        .iter()
        .map(|(series, _)| *series)
        .find(|series| text.parse() == Ok(*series))
        .ok_or_else(|| "one of 1000, 10000, 100000, 1000000".to_owned())
}

fn share(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(share) if share > 0.0 && share <= 1.0 => Ok(share),
        _ => Err("a number above 0, and 1 at most".to_owned()),
    }
}

impl Args {
    fn wants(&self, part: Part) -> bool {
        self.parts.is_empty() || self.parts.contains(&part)
    }

    fn times(&self, whole: u32) -> u32 {
        (f64::from(whole) * self.share).ceil() as u32
    }
}

pub async fn run(args: Args) -> Result<Verdict> {
    if let Some(folder) = &args.report {
        crate::report::prepare(folder)?;
    }
    let shown = Shown::new();
    let go = which::which("go").context(
        "the peer is written in Go, and there is no `go`: install it, as by `apt-get install golang`, and have it on PATH",
    )?;
    let spec = StackSpec {
        jvm: JvmMode::Server,
        ..StackSpec::of([ServiceName::Kafka])
    };
    let native =
        stacks::interruptible(async { Ok(Native::start(&spec, &NoProgress).await?) }).await?;
    let place = Place {
        control: native.control(),
        bootstrap: native
            .control()
            .endpoints()
            .endpoint("bench", "kafka", "bootstrap")?
            .to_owned(),
        exporter: own_program("exporter")?,
        producer: own_program("producer")?,
        go: native
            .control()
            .guard()
            .run()
            .service("go")?
            .join("go-exporter"),
        client: reqwest::Client::builder().build()?,
    };
    let mut outcome = Outcome {
        began: suite::now(),
        command: std::env::args().collect::<Vec<_>>().join(" "),
        processors: std::thread::available_parallelism().map_or(1, usize::from),
        processor: processor(),
        versions: native.control().versions(),
        ..Outcome::default()
    };
    let work = async {
        build(&place, &go, &shown).await?;
        measure(&args, &place, &mut outcome, &shown).await
    };
    let measured = stacks::guarded(&native, work).await;
    shown.done();
    drop(place);
    native.shut_down().await?;
    // What was measured before an interruption is kept.
    if let Some(folder) = &args.report {
        keep(folder, &outcome)?;
    }
    if args.json {
        println!("{:#}", outcome.to_json()?);
    } else {
        tell(&outcome);
    }
    measured?;
    Ok(Verdict::Held)
}

async fn measure(
    args: &Args,
    place: &Place<'_>,
    outcome: &mut Outcome,
    shown: &Shown,
) -> Result<()> {
    if args.wants(Part::Throughput) {
        let wanted =
            |name: &str| args.shapes.is_empty() || args.shapes.iter().any(|one| one == name);
        for shape in SHAPES.into_iter().filter(|shape| wanted(shape.name)) {
            shown.doing(&format!("{}: making messages", shape.name));
            let backlog = Backlog::make(place, shape, args.share).await?;
            outcome.shapes.push(shape);
            let topic = json!({ "messages": backlog.messages, "digest": &backlog.digest });
            outcome.topics.insert(shape.name, topic);
            for round in 1..=args.repeat {
                // Each round begins with another peer.
                let first = round as usize % Peer::ALL.len();
                for peer in Peer::ALL
                    .into_iter()
                    .cycle()
                    .skip(first)
                    .take(Peer::ALL.len())
                {
                    shown.doing(&format!("{}: round {round}, {}", shape.name, peer.name()));
                    let sample = backlog.read(place, peer, round).await?;
                    shown.line(&format!(
                        "{}, round {round} of {}: {} {:.1} thousand messages/s",
                        shape.name,
                        args.repeat,
                        peer.name(),
                        sample.rate
                    ));
                    outcome.throughput.push(sample);
                }
            }
        }
    }
    if args.wants(Part::Scrape) {
        for (series, scrapes) in SERIES {
            if !args.series.is_empty() && !args.series.contains(&series) {
                continue;
            }
            let peers = match series {
                ..=MOST_OF_GO => &Peer::SERVING[..],
                _ => &[Peer::Exporter],
            };
            shown.doing(&format!("scrapes of {series} series"));
            let scrapes = scrape::measure(place, peers, series, args.times(scrapes)).await?;
            outcome.scrapes.extend(scrapes);
        }
    }
    if args.wants(Part::Latency) {
        shown.doing("from produced to visible");
        outcome.latency = Some(latency::measure(place, args.times(PROBES)).await?);
    }
    if args.wants(Part::Producing) {
        for kind in Kind::ALL {
            let lines = Lines::make(kind, args.times(kind.messages))?;
            for round in 1..=args.repeat {
                let first = round as usize % Sender::ALL.len();
                let all = Sender::ALL.into_iter().cycle().skip(first);
                for sender in all.take(Sender::ALL.len()) {
                    shown.doing(&format!("round {round}: {}", sender.name()));
                    let sent = lines.send(place, sender, round).await?;
                    shown.line(&format!(
                        "{} metrics a message, batch.size {}, round {round} of {}: {} {:.1} thousand messages/s",
                        kind.metrics,
                        kind.batch_size,
                        args.repeat,
                        sender.name(),
                        sent.rate
                    ));
                    outcome.producing.push(sent);
                }
            }
        }
    }
    Ok(())
}

/// Compiles the peer in Go.
async fn build(place: &Place<'_>, go: &Path, shown: &Shown) -> Result<()> {
    let source = crate::commands::test::project()?.join("bench/go-exporter");
    shown.doing("compiling the peer in Go");
    let mut command = Command::new(go);
    command
        .args(["build", "-o"])
        .arg(&place.go)
        .arg(".")
        .current_dir(&source)
        .envs(std::env::vars_os());
    let built = place.output(&command).await;
    built.with_context(|| format!("the peer in {} cannot be compiled", source.display()))?;
    shown.done();
    Ok(())
}

fn processor() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = text.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == "model name").then(|| value.trim().to_owned())
    });
    name.unwrap_or_else(|| "unknown".to_owned())
}

fn keep(folder: &Path, outcome: &Outcome) -> Result<()> {
    let json = format!("{:#}\n", outcome.to_json()?);
    report::put(folder, "bench.json", &json)?;
    report::put(folder, "bench.html", &outcome.page()).map(drop)
}

fn tell(outcome: &Outcome) {
    if !outcome.throughput.is_empty() {
        println!("{}", table(&outcome.throughput()));
    }
    if !outcome.scrapes.is_empty() {
        println!("{}", table(&outcome.scraping()));
    }
    if let Some(latency) = outcome.latency() {
        println!("{latency}");
    }
    if !outcome.producing.is_empty() {
        println!("{}", table(&outcome.producing()));
    }
}
