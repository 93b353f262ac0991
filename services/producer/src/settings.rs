//! The producer's settings.

use std::path::PathBuf;
use std::time::Duration;

use crate::{Names, Shares};
use clap::Parser;
use settings::{KafkaArgs, LogArgs, count, duration, positive};

/// Produces JSON metrics to a Kafka topic.
#[derive(Parser, Clone, Debug)]
#[command(name = "producer", version, after_help = EXAMPLES, allow_negative_numbers = true)]
pub struct Settings {
    /// Where Kafka is.
    #[command(flatten)]
    pub kafka: KafkaArgs,
    /// Time from the start of one round to the start of the next; a round is one message of each source [default: 1s, or none with --rate]
    #[arg(long, env = "PRODUCER_INTERVAL", value_parser = duration)]
    pub interval: Option<Duration>,
    /// Messages a second at most; 0 is no limit
    #[arg(long, env = "PRODUCER_RATE", default_value = "0", value_parser = rate)]
    pub rate: f64,
    /// Stop after this many messages [default: run until SIGTERM, or once through the file with --replay]
    #[arg(long, env = "PRODUCER_COUNT", value_parser = positive::<u64>)]
    pub count: Option<u64>,
    /// Distinct series in all
    #[arg(long, env = "PRODUCER_SERIES", default_value = "10", value_parser = positive::<u32>)]
    pub series: u32,
    /// Metrics in each message; a source is as many series as go into one message
    #[arg(long, env = "PRODUCER_METRICS_PER_MESSAGE", default_value = "10", value_parser = positive::<u32>)]
    pub metrics_per_message: u32,
    /// Tell the sources apart by a label "source" (an extension of the format) instead of in the names
    #[arg(long, env = "PRODUCER_LABELS")]
    pub labels: bool,
    /// What names and descriptions are made of: ASCII, letters beyond it, or these as JSON escapes
    #[arg(
        long,
        env = "PRODUCER_NAMES",
        value_enum,
        default_value = "plain",
        conflicts_with = "replay"
    )]
    pub names: Names,
    /// Give each message its metrics in an order of its own
    #[arg(long, env = "PRODUCER_SHUFFLED", conflicts_with = "replay")]
    pub shuffled: bool,
    /// Share of the metrics that get a new description, between 0 and 1
    #[arg(long, env = "PRODUCER_DESCRIBED_ANEW", default_value = "0", value_parser = share, conflicts_with = "replay")]
    pub described_anew: f64,
    /// Share of the metrics that get a new name, and so are a new series, between 0 and 1
    #[arg(long, env = "PRODUCER_RENAMED", default_value = "0", value_parser = share, conflicts_with = "replay")]
    pub renamed: f64,
    /// Start of the random numbers: the same seed makes the same messages [default: random, shown in the summary]
    #[arg(long, env = "PRODUCER_SEED", value_parser = count::<u64>)]
    pub seed: Option<u64>,
    /// Send the lines of this file of JSON lines, as they are, instead of generated metrics
    #[arg(long, env = "PRODUCER_REPLAY", value_name = "FILE", conflicts_with_all = ["labels", "series", "metrics_per_message", "type_conflicts"])]
    pub replay: Option<PathBuf>,
    /// Key of the messages of --replay; one key keeps all lines in order
    #[arg(
        long,
        env = "PRODUCER_KEY",
        default_value = "replay",
        requires = "replay"
    )]
    pub key: String,
    /// Share of the messages that are cut short, between 0 and 1
    #[arg(long, env = "PRODUCER_MALFORMED", default_value = "0", value_parser = share, help_heading = "Faults")]
    pub malformed: f64,
    /// Share of the messages that are not malformed whose first metric has the other type
    #[arg(long, env = "PRODUCER_TYPE_CONFLICTS", default_value = "0", value_parser = share, help_heading = "Faults")]
    pub type_conflicts: f64,
    /// Share of the messages that are sent twice
    #[arg(long, env = "PRODUCER_DUPLICATES", default_value = "0", value_parser = share, help_heading = "Faults")]
    pub duplicates: f64,
    /// How long to wait for the last acknowledgements before the end
    #[arg(long, env = "PRODUCER_FLUSH_TIMEOUT", default_value = "10s", value_parser = duration)]
    pub flush_timeout: Duration,
    /// Print the summary as JSON
    #[arg(long)]
    pub json: bool,
    /// The log.
    #[command(flatten)]
    pub log: LogArgs,
}

impl Settings {
    /// How often deliberate faults come.
    pub fn shares(&self) -> Shares {
        Shares {
            malformed: self.malformed,
            type_conflicts: self.type_conflicts,
            duplicates: self.duplicates,
        }
    }

    /// The pause between rounds that holds when none was given.
    pub fn interval(&self) -> Duration {
        match self.interval {
            Some(interval) => interval,
            None if self.rate > 0.0 || self.replay.is_some() => Duration::ZERO,
            None => Duration::from_secs(1),
        }
    }
}

const EXAMPLES: &str = "\
Examples:
  producer                                              ten series, one message a second, until SIGTERM
  producer --count 1000000 --interval 0 --json          as fast as it goes, then figures as JSON
  producer --series 10000 --metrics-per-message 20 --rate 500 --seed 1
  producer --rate 100 --malformed 0.01 --duplicates 0.05 --seed 1
  producer --replay lines.jsonl --bootstrap-servers broker:9092

Exit status: 0 every message was acknowledged, 1 some were not, 2 a setting is wrong.";

fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if rate.is_finite() && rate >= 0.0 => Ok(rate),
        _ => Err("messages per second as a number, or 0 for no limit".to_owned()),
    }
}

fn share(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err("a share between 0 and 1".to_owned()),
    }
}
