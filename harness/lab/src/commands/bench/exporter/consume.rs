//! `lab bench consume`: librdkafka alone, the limit of what an exporter on it can reach.

use anyhow::{Result, bail};
use rdkafka::ClientConfig;
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

/// What reading to the end of the topic came to.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Consumed {
    #[serde(flatten)]
    pub read: consume::Consumed,
    /// Processor time of the process, of user and kernel.
    pub cpu_seconds: f64,
}

pub fn run(args: &Args) -> Result<Verdict> {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", &args.bootstrap_servers)
        .set("group.id", &args.group);
    for setting in &args.settings {
        let Some((name, value)) = setting.split_once('=') else {
            bail!("{setting:?} is not NAME=VALUE");
        };
        config.set(name, value);
    }
    let consumed = Consumed {
        read: consume::to_end(config, &args.topic)?,
        cpu_seconds: processor_seconds(std::process::id().cast_signed()).unwrap_or(f64::NAN),
    };
    println!("{}", serde_json::to_string(&consumed)?);
    Ok(Verdict::Held)
}
