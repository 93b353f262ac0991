//! How fast the producer sends, against Kafka's own tool.

use std::path::Path;

use anyhow::{Context as _, Result};
use serde::Serialize;
use tokio::process::Command;

use super::peers::{Place, output};
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
    /// Records in thousands a second.
    pub rate: f64,
}

/// The same for all: name in Kafka's client and in librdkafka.
const SETTINGS: [&str; 4] = [
    "batch.size=131072",
    "linger.ms=20",
    "compression.type=lz4",
    "acks=all",
];
/// Lines of the file that is replayed.
const LINES: u32 = 10_000;
const SERIES: u32 = 10_000;

/// Messages that were made before, for those who do not make any.
pub(super) struct Lines {
    directory: tempfile::TempDir,
    metrics: u32,
    messages: u32,
}

impl Lines {
    /// Makes them.
    pub(super) fn make(metrics: u32, messages: u32) -> Result<Lines> {
        let directory = tempfile::tempdir().context("cannot make a temporary directory")?;
        let shape = producer::Shape {
            series: SERIES,
            metrics_per_message: metrics,
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
            metrics,
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
        Ok(Sent {
            round,
            sender,
            metrics: self.metrics,
            rate: rate / 1000.0,
        })
    }

    async fn ours(&self, place: &Place<'_>, topic: &str, replay: Option<&Path>) -> Result<f64> {
        let mut command = place.producer(topic);
        command
            .arg(format!("--count={}", self.messages))
            .args(["--interval=0s", "--log-level=warn", "--json"])
            .args(SETTINGS.map(|setting| format!("--kafka-config={setting}")));
        match replay {
            Some(file) => command.arg(format!("--replay={}", file.display())),
            None => command
                .arg(format!("--series={SERIES}"))
                .arg(format!("--metrics-per-message={}", self.metrics))
                .arg("--seed=1"),
        };
        let summary: serde_json::Value = serde_json::from_slice(&output(command).await?)?;
        summary["messages_per_second"]
            .as_f64()
            .context("the producer's summary has no rate")
    }

    async fn kafkas(&self, place: &Place<'_>, topic: &str) -> Result<f64> {
        const CLASS: &str = "org.apache.kafka.tools.ProducerPerformance";
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
            .args([
                CLASS,
                "--topic",
                topic,
                "--throughput",
                "-1",
                "--num-records",
            ])
            .arg(self.messages.to_string())
            .arg("--payload-file")
            .arg(self.file())
            .arg("--producer-props")
            .arg(format!("bootstrap.servers={}", place.bootstrap))
            .args(SETTINGS);
        let text = String::from_utf8_lossy(&output(command).await?).into_owned();
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
