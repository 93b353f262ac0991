//! How fast the producer sends, against Kafka's own tool.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};
use serde::Serialize;

use super::peers::Place;
use super::workload;

/// Who sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Sender {
    /// `producer`, which makes each message.
    Generated,
    /// `producer --replay`, with lines that were made before.
    Replayed,
    /// Kafka's ProducerPerformance, with the same lines.
    ProducerPerformance,
}

impl Sender {
    pub(super) const ALL: [Sender; 3] = [
        Sender::Generated,
        Sender::Replayed,
        Sender::ProducerPerformance,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Sender::Generated => "producer",
            Sender::Replayed => "producer --replay",
            Sender::ProducerPerformance => "ProducerPerformance",
        }
    }
}

/// One run of one sender.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Sent {
    pub round: u32,
    pub sender: Sender,
    /// Metrics in each message.
    pub metrics: u32,
    /// The setting `batch.size`.
    pub batch_size: u32,
    /// Records in each batch of the topic, on average; looked at in the first round.
    pub records_a_batch: Option<f64>,
    /// Records in thousands a second.
    pub rate: f64,
}

/// What is sent in one way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kind {
    /// Metrics in each message.
    pub metrics: u32,
    pub messages: u32,
    /// Bytes. Kafka's client counts what they are once compressed (`MemoryRecordsBuilder.estimatedBytesWritten`), librdkafka what they
    /// were before (`rd_kafka_msgset_writer`), and so makes smaller batches with the same setting.
    pub batch_size: u32,
}

impl Kind {
    const fn new(metrics: u32, batch_size: u32, messages: u32) -> Kind {
        Kind {
            metrics,
            messages,
            batch_size,
        }
    }

    /// Kafka's default, with fewer messages since that is slow; one between; and what `producer` has when it has no pace.
    pub(super) const ALL: [Kind; 6] = [
        Kind::new(2, 16_384, 500_000),
        Kind::new(2, 131_072, 2_000_000),
        Kind::new(2, 262_144, 2_000_000),
        Kind::new(20, 16_384, 100_000),
        Kind::new(20, 131_072, 400_000),
        Kind::new(20, 262_144, 400_000),
    ];
}

/// The same for all: name in Kafka's client and in librdkafka.
const SETTINGS: [&str; 3] = ["linger.ms=20", "compression.type=lz4", "acks=all"];
/// Lines of the file that is replayed.
const LINES: u32 = 10_000;
const SERIES: u32 = 10_000;

/// Messages that were made before, for those who do not make any.
pub(super) struct Lines {
    directory: tempfile::TempDir,
    kind: Kind,
    messages: u32,
}

impl Lines {
    /// Makes them, to send so many messages.
    pub(super) fn make(kind: Kind, messages: u32) -> Result<Lines> {
        let directory = tempfile::tempdir().context("cannot make a temporary directory")?;
        let shape = producer::Shape {
            series: SERIES,
            metrics_per_message: kind.metrics,
            ..producer::Shape::default()
        };
        let lines = producer::Generator::new(shape, 1).take(LINES as usize);
        let mut text = Vec::new();
        for line in lines {
            text.extend(line.payload);
            text.push(b'\n');
        }
        std::fs::write(directory.path().join("lines"), text).context("cannot write messages")?;
        Ok(Lines {
            directory,
            kind,
            messages,
        })
    }

    fn file(&self) -> std::path::PathBuf {
        self.directory.path().join("lines")
    }

    /// Sends into a topic of its own.
    pub(super) async fn send(&self, place: &Place<'_>, sender: Sender, round: u32) -> Result<Sent> {
        let topic = format!("bench-send-{}", super::peers::unique());
        workload::create(&place.bootstrap, &topic).await?;
        let rate = match sender {
            Sender::Generated => self.ours(place, &topic, None).await?,
            Sender::Replayed => self.ours(place, &topic, Some(&self.file())).await?,
            Sender::ProducerPerformance => self.kafkas(place, &topic).await?,
        };
        let records_a_batch = match round {
            1 => Some(self.messages as f64 / batches(place, &topic).await?),
            _ => None,
        };
        Ok(Sent {
            round,
            sender,
            metrics: self.kind.metrics,
            batch_size: self.kind.batch_size,
            records_a_batch,
            rate: rate / 1000.0,
        })
    }

    fn batch_size(&self) -> String {
        format!("batch.size={}", self.kind.batch_size)
    }

    async fn ours(&self, place: &Place<'_>, topic: &str, replay: Option<&Path>) -> Result<f64> {
        let mut command = place.producer(topic);
        command
            .arg(format!("--count={}", self.messages))
            .args(["--interval=0s", "--log-level=warn", "--json"])
            .arg(format!("--kafka-config={}", self.batch_size()))
            .args(SETTINGS.map(|setting| format!("--kafka-config={setting}")));
        match replay {
            Some(file) => command.arg(format!("--replay={}", file.display())),
            None => command
                .arg(format!("--series={SERIES}"))
                .arg(format!("--metrics-per-message={}", self.kind.metrics))
                .arg("--seed=1"),
        };
        let summary: serde_json::Value = serde_json::from_slice(&place.output(&command).await?)?;
        summary["messages_per_second"]
            .as_f64()
            .context("the producer's summary has no rate")
    }

    async fn kafkas(&self, place: &Place<'_>, topic: &str) -> Result<f64> {
        let mut command = tool(place, "org.apache.kafka.tools.ProducerPerformance")?;
        command
            .args(["--topic", topic, "--throughput", "-1", "--num-records"])
            .arg(self.messages.to_string())
            .arg("--payload-file")
            .arg(self.file())
            .arg("--producer-props")
            .arg(format!("bootstrap.servers={}", place.bootstrap))
            .arg(self.batch_size())
            .args(SETTINGS);
        let text = String::from_utf8_lossy(&place.output(&command).await?).into_owned();
        // "500000 records sent, 123456.7 records/sec (…"; the last such line is of the whole run.
        text.lines()
            .rev()
            .find_map(|line| {
                let (before, _) = line.split_once(" records/sec")?;
                before.rsplit_once(' ')?.1.parse().ok()
            })
            .with_context(|| format!("ProducerPerformance did not tell its rate: {text}"))
    }
}

/// One of Kafka's own tools.
fn tool(place: &Place<'_>, class: &str) -> Result<Command> {
    let (java, class_path) = place
        .control
        .kafka_tools()
        .context("Kafka's own tools are not there")?;
    let mut command = Command::new(java);
    command
        .args([
            "-Xmx512m",
            "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
            "-cp",
        ])
        .arg(class_path)
        .arg(class);
    Ok(command)
}

/// How many batches a topic of one partition has, as Kafka's tool finds them in its files.
async fn batches(place: &Place<'_>, topic: &str) -> Result<f64> {
    let run = place.control.guard().run();
    let folder = run
        .service("kafka")?
        .join("data")
        .join(format!("{topic}-0"));
    let mut count = 0;
    for file in
        std::fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?
    {
        let file = file?.path();
        if file.extension().is_none_or(|extension| extension != "log") {
            continue;
        }
        let mut command = tool(place, "kafka.tools.DumpLogSegments")?;
        command.arg("--files").arg(&file);
        let text = place.output(&command).await?;
        // A line for each: "baseOffset: 0 lastOffset: 42 count: 43 …".
        count += String::from_utf8_lossy(&text)
            .lines()
            .filter(|line| line.starts_with("baseOffset: "))
            .count();
    }
    anyhow::ensure!(count > 0, "no batches in {}", folder.display());
    Ok(count as f64)
}
