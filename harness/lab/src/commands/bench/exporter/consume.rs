//! `lab bench consume`: librdkafka alone, the limit of what an exporter on it can reach.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use rdkafka::ClientConfig;
use rdkafka::ClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext, Rebalance};
use rdkafka::error::KafkaError;
use serde::{Deserialize, Serialize};

use crate::Verdict;
use crate::tune::processor_seconds;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Brokers to ask first.
    #[arg(long, value_name = "HOST:PORT")]
    bootstrap_servers: String,
    /// The topic, of one partition.
    #[arg(long)]
    topic: String,
    /// The consumer group.
    #[arg(long, default_value = "consume")]
    group: String,
    /// A setting of librdkafka.
    #[arg(short = 'X', value_name = "NAME=VALUE")]
    settings: Vec<String>,
}

const WAIT: Duration = Duration::from_millis(100);
const PATIENCE: Duration = Duration::from_secs(60);

/// What reading to the end of the topic came to.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Consumed {
    /// From the assignment to the end of the partition.
    pub seconds: f64,
    /// Records.
    pub messages: u64,
    /// Processor time of the process, of user and kernel.
    pub cpu_seconds: f64,
}

/// Remembers when partitions were assigned.
#[derive(Default)]
struct Assigned(std::sync::OnceLock<Instant>);

impl ClientContext for Assigned {}

impl ConsumerContext for Assigned {
    fn pre_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if let Rebalance::Assign(_) = rebalance {
            let _ = self.0.set(Instant::now());
        }
    }
}

pub fn run(args: &Args) -> Result<Verdict> {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", &args.bootstrap_servers)
        .set("group.id", &args.group)
        .set("auto.offset.reset", "earliest")
        .set("enable.partition.eof", "true");
    for setting in &args.settings {
        let Some((name, value)) = setting.split_once('=') else {
            bail!("{setting:?} is not NAME=VALUE");
        };
        config.set(name, value);
    }
    let consumer: BaseConsumer<Assigned> = config.create_with_context(Assigned::default())?;
    consumer.subscribe(&[&args.topic])?;
    let mut messages = 0;
    let mut waited_since = Instant::now();
    loop {
        match consumer.poll(WAIT) {
            Some(Ok(_)) => messages += 1,
            Some(Err(KafkaError::PartitionEOF(_))) => break,
            Some(Err(error)) => return Err(error.into()),
            // Also after a rebalance.
            None if waited_since.elapsed() < PATIENCE => continue,
            None => bail!("the topic {} does not answer", args.topic),
        }
        waited_since = Instant::now();
    }
    let seconds = match consumer.context().0.get() {
        Some(assigned) => assigned.elapsed().as_secs_f64(),
        None => bail!("records came before an assignment"),
    };
    let consumed = Consumed {
        seconds,
        messages,
        cpu_seconds: processor_seconds(std::process::id().cast_signed()).unwrap_or(f64::NAN),
    };
    println!("{}", serde_json::to_string(&consumed)?);
    Ok(Verdict::Held)
}
