//! The exporter's settings.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::{Parser, ValueEnum};
use settings::{KafkaArgs, LogArgs, duration, positive, some_time, topic};

use crate::ListenAddr;
use crate::table::{self, Limits, Table};

/// Serves JSON metrics from a Kafka topic as a Prometheus endpoint.
#[derive(Parser, Clone, Debug)]
#[command(name = "exporter", version, after_help = EXAMPLES, allow_negative_numbers = true)]
pub struct Settings {
    /// Where Kafka is.
    #[command(flatten)]
    pub kafka: KafkaArgs,
    /// The consumer group; instances of one group share the topic's partitions
    #[arg(
        long,
        env = "KAFKA_GROUP_ID",
        default_value = "prometheus-exporter",
        value_parser = clap::builder::NonEmptyStringValueParser::new(),
        help_heading = "Kafka"
    )]
    pub group_id: String,
    /// Where a partition without a committed offset starts
    #[arg(
        long,
        env = "KAFKA_AUTO_OFFSET_RESET",
        default_value = "earliest",
        help_heading = "Kafka"
    )]
    pub auto_offset_reset: OffsetReset,
    /// Where an assigned partition starts: earliest, committed, latest, a duration ago such as 1h, or milliseconds since 1970 [default: earliest, or committed with --auto-offset-reset latest]
    #[arg(long, env = "START_FROM", value_parser = start, help_heading = "Kafka")]
    pub start_from: Option<Start>,
    /// How long the series of a newly assigned partition are held back at most until it has caught up
    #[arg(long, env = "CATCH_UP_LIMIT", default_value = "2m", value_parser = duration, help_heading = "Kafka")]
    pub catch_up_limit: Duration,
    // A static member that is killed between the two rebalances of cooperative-sticky comes back without a rebalance, and what it had
    // given up is nobody's until there is one. Eager strategies have one rebalance, and so no between.
    /// How the group spreads partitions, which every member must know; without it, static members have range
    #[arg(
        long,
        env = "ASSIGNMENT_STRATEGY",
        default_value = "cooperative-sticky",
        default_value_if("group_instance_id", clap::builder::ArgPredicate::IsPresent, "range"),
        help_heading = "Kafka"
    )]
    pub assignment_strategy: AssignmentStrategy,
    /// A name that makes this instance a static member, which keeps its partitions over a restart
    #[arg(
        long,
        env = "KAFKA_GROUP_INSTANCE_ID",
        value_parser = clap::builder::NonEmptyStringValueParser::new(),
        help_heading = "Kafka"
    )]
    pub group_instance_id: Option<String>,
    /// What a counter's value in a message is: the count so far, or what came on top
    #[arg(
        long,
        env = "COUNTER_MODE",
        default_value = "absolute",
        help_heading = "Kafka"
    )]
    pub counter_mode: CounterMode,
    /// Keep every series' value in this compacted topic, so that a restart need not replay; made if it is missing [default: none]
    #[arg(long, env = "STATE_TOPIC", value_parser = topic, help_heading = "Kafka")]
    pub state_topic: Option<String>,
    /// Time between two writes to the state topic
    #[arg(long, env = "STATE_INTERVAL", default_value = "1s", value_parser = some_time, help_heading = "Kafka")]
    pub state_interval: Duration,
    /// Copy refused messages to this topic, with the reason in headers [default: none]
    #[arg(long, env = "DEAD_LETTER_TOPIC", value_parser = topic, help_heading = "Kafka")]
    pub dead_letter_topic: Option<String>,
    /// Show the exporter with a Kafka and a producer inside this process; no broker is needed
    #[arg(long)]
    pub demo: bool,
    /// Where to serve HTTP, as host:port; without a host on all interfaces
    #[arg(
        long,
        env = "LISTEN_ADDR",
        default_value = ":8080",
        value_name = "HOST:PORT",
        help_heading = "HTTP"
    )]
    pub listen_addr: ListenAddr,
    /// TLS, client certificates and basic auth, as in the web configuration file of other exporters
    #[arg(
        long = "web.config.file",
        env = "WEB_CONFIG_FILE",
        value_name = "FILE",
        help_heading = "HTTP"
    )]
    pub web_config_file: Option<std::path::PathBuf>,
    /// Answers to /metrics at a time; more are told to come again
    #[arg(long, env = "MAX_SCRAPES", default_value = "16", value_parser = positive::<u16>, help_heading = "HTTP")]
    pub max_scrapes: u16,
    /// Series held in all
    #[arg(long, env = "MAX_SERIES", default_value = "1000000", value_parser = positive::<u32>, help_heading = "Limits")]
    pub max_series: u32,
    /// Series taken from one message
    #[arg(long, env = "MAX_SERIES_PER_MESSAGE", default_value = "10000", value_parser = positive::<u32>, help_heading = "Limits")]
    pub max_series_per_message: u32,
    /// Labels of a series
    #[arg(long, env = "MAX_LABELS", default_value = "32", value_parser = positive::<u16>, help_heading = "Limits")]
    pub max_labels: u16,
    /// Bytes of a metric's or label's name
    #[arg(long, env = "MAX_NAME_LENGTH", default_value = "512", value_parser = positive::<u32>, help_heading = "Limits")]
    pub max_name_length: u32,
    /// Bytes of a label's value
    #[arg(long, env = "MAX_LABEL_VALUE_LENGTH", default_value = "1024", value_parser = positive::<u32>, help_heading = "Limits")]
    pub max_label_value_length: u32,
    /// Bytes of a description
    #[arg(long, env = "MAX_DESCRIPTION_LENGTH", default_value = "4096", value_parser = positive::<u32>, help_heading = "Limits")]
    pub max_description_length: u32,
    /// Bytes of a message
    #[arg(long, env = "MAX_MESSAGE_BYTES", default_value = "4194304", value_parser = positive::<u32>, help_heading = "Limits")]
    pub max_message_bytes: u32,
    /// Bytes of names, labels, descriptions and units held in all; a new description that does not fit is not taken, and the one before stays
    #[arg(long, env = "MAX_TEXT_BYTES", default_value = "536870912", value_parser = positive::<u32>, help_heading = "Limits")]
    pub max_text_bytes: u32,
    /// Drop a series after this time without a message [default: never]
    #[arg(long, env = "SERIES_TTL", value_parser = some_time, help_heading = "Limits")]
    pub series_ttl: Option<Duration>,
    /// Give every series a label "partition", so that the same series from two partitions is two
    #[arg(long, env = "PARTITION_LABEL")]
    pub partition_label: bool,
    /// Time after SIGTERM to write and commit what was read and to leave the group; it takes no longer than it needs
    #[arg(long, env = "SHUTDOWN_TIMEOUT", default_value = "8s", value_parser = duration)]
    pub shutdown_timeout: Duration,
    /// The log.
    #[command(flatten)]
    pub log: LogArgs,
}

/// `auto.offset.reset`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OffsetReset {
    /// At the oldest record.
    Earliest,
    /// At the next record.
    Latest,
}

/// What a counter's value in a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CounterMode {
    /// The count so far.
    Absolute,
    /// What came on top.
    Delta,
}

/// `partition.assignment.strategy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum AssignmentStrategy {
    /// Partitions move one by one; the others go on meanwhile.
    CooperativeSticky,
    /// All partitions are given up and spread anew in each rebalance, topic by topic.
    Range,
    /// The same, partition by partition.
    Roundrobin,
}

/// Where an assigned partition starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// At the oldest record: every series that the topic still knows is there.
    Earliest,
    /// At the group's committed offset; series appear with their next message.
    Committed,
    /// At the next record.
    Latest,
    /// At the first record of this time or later.
    At(SystemTime),
    /// At the first record of this long before the assignment, or later.
    Ago(Duration),
}

impl Settings {
    /// Where an assigned partition starts, given or derived.
    pub fn start(&self) -> Start {
        if self.state_topic.is_some() {
            return Start::Committed;
        }
        self.start_from.unwrap_or(match self.auto_offset_reset {
            OffsetReset::Earliest => Start::Earliest,
            OffsetReset::Latest => Start::Committed,
        })
    }

    /// Settings that make no sense together, in words for the user.
    ///
    /// # Errors
    /// What contradicts what, and what to do.
    pub fn check(&self) -> Result<(), &'static str> {
        let topic = Some(&self.kafka.topic);
        let delta = self.counter_mode == CounterMode::Delta;
        if self.dead_letter_topic.as_ref() == topic {
            return Err(
                "DEAD_LETTER_TOPIC (--dead-letter-topic) is the topic of the metrics; choose another one",
            );
        }
        if self.state_topic.as_ref() == topic
            || (self.state_topic.is_some() && self.state_topic == self.dead_letter_topic)
        {
            return Err(
                "STATE_TOPIC (--state-topic) is used for something else too; choose another one",
            );
        }
        if self.demo && self.state_topic.is_some() {
            return Err(
                "STATE_TOPIC (--state-topic) cannot be tried with --demo: its Kafka has no compacted topics; leave one of them out",
            );
        }
        if delta && self.state_topic.is_none() {
            return Err(
                "COUNTER_MODE=delta needs STATE_TOPIC (--state-topic): without it, a restart would lose the sums",
            );
        }
        if delta && self.series_ttl.is_some() {
            return Err(
                "COUNTER_MODE=delta and SERIES_TTL exclude each other: a sum that was dropped would begin again",
            );
        }
        if self.state_topic.is_some() && !matches!(self.start_from, None | Some(Start::Committed)) {
            return Err(
                "START_FROM (--start-from) may only be committed with STATE_TOPIC: the state belongs to the committed offsets",
            );
        }
        Ok(())
    }

    /// An empty table as these settings want it.
    pub fn table(&self) -> Table {
        let delta = self.counter_mode == CounterMode::Delta;
        let counters = if delta {
            table::CounterMode::Delta
        } else {
            table::CounterMode::Absolute
        };
        let table =
            Table::new(self.limits(), self.partition_label || delta).with_counters(counters);
        if self.state_topic.is_some() {
            table.with_changes()
        } else {
            table
        }
    }

    /// The table's limits.
    pub fn limits(&self) -> Limits {
        Limits {
            series: self.max_series as usize,
            series_per_message: self.max_series_per_message as usize,
            labels: usize::from(self.max_labels),
            name_length: self.max_name_length as usize,
            label_value_length: self.max_label_value_length as usize,
            description_length: self.max_description_length as usize,
            text_bytes: self.max_text_bytes as usize,
            ttl: self.series_ttl,
        }
    }
}

fn start(text: &str) -> Result<Start, String> {
    match text {
        "earliest" => Ok(Start::Earliest),
        "committed" => Ok(Start::Committed),
        "latest" => Ok(Start::Latest),
        _ => match text.parse::<u64>() {
            Ok(ms) => Ok(Start::At(UNIX_EPOCH + Duration::from_millis(ms))),
            Err(_) => duration(text).map(Start::Ago).map_err(|_| {
                "earliest, committed, latest, a duration ago such as 1h, or milliseconds since 1970".to_owned()
            }),
        },
    }
}

const EXAMPLES: &str = "\
Examples:
  exporter --demo                                       a look without Kafka
  exporter                                              localhost:9092, topic metrics, http://localhost:8080/metrics
  exporter --bootstrap-servers broker:9092 --topic app-metrics --listen-addr 127.0.0.1:9400
  KAFKA_CONFIG_SECURITY_PROTOCOL=SSL KAFKA_CONFIG_SSL_CA_LOCATION=ca.pem exporter
  exporter --start-from 1h --series-ttl 15m             an hour of the topic, and no series older than 15 minutes

Paths: /metrics, /health, /ready, /
Signals: SIGTERM, SIGINT and SIGHUP end it; SIGUSR1 logs more (debug, then trace), SIGUSR2 as LOG_LEVEL says again.
Exit status: 0 stopped by a signal, 1 Kafka refused this instance for good, 2 a setting is wrong.";

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::dynamic(&[], AssignmentStrategy::CooperativeSticky)]
    #[case::a_static_member(&["--group-instance-id", "a"], AssignmentStrategy::Range)]
    #[case::a_static_member_that_says_it(
        &["--group-instance-id", "a", "--assignment-strategy", "cooperative-sticky"],
        AssignmentStrategy::CooperativeSticky
    )]
    fn the_strategy_of(#[case] arguments: &[&str], #[case] expected: AssignmentStrategy) {
        let arguments = std::iter::once(&"exporter").chain(arguments);
        let settings = Settings::try_parse_from(arguments).unwrap();
        assert_eq!(settings.assignment_strategy, expected);
    }
}
