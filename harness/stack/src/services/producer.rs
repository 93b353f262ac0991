//! The producer of this project.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::launch::{self, Launch, LaunchError, Site};
use super::{Service, ServiceName};
use crate::guard::StopPhase;
use crate::profile::Profile;
use crate::security::{Operation, Pattern, Resource, Rule, User};

#[derive(Deserialize)]
pub(crate) struct Config {
    pub topic: String,
    /// Messages a second.
    rate: u32,
}

/// `services/producer/settings.json`.
pub(crate) fn settings() -> Result<Config, LaunchError> {
    launch::settings(
        "producer/settings.json",
        include_str!("../../../../services/producer/settings.json"),
    )
}

/// What a producer does at Kafka.
pub fn access(topic: &str) -> Vec<Rule> {
    let (topics, operations) = (Resource::Topic, &[Operation::Write]);
    Rule::each(User::Producer, topics, Pattern::Literal, topic, operations).collect()
}

pub(super) struct Producer;

impl Service for Producer {
    fn needs(&self, _: Profile) -> &'static [ServiceName] {
        &[ServiceName::Kafka]
    }

    fn ports(&self, _: Profile) -> &'static [(&'static str, u16)] {
        &[]
    }

    fn launch(&self, site: &Site<'_>) -> Result<Launch, LaunchError> {
        let config = settings()?;
        let bootstrap = site
            .endpoints
            .endpoint("producer", "kafka", "bootstrap")?
            .to_owned();
        let mut env = BTreeMap::from([
            ("KAFKA_BOOTSTRAP_SERVERS".to_owned(), bootstrap),
            ("KAFKA_TOPIC".to_owned(), config.topic),
        ]);
        if let Some(keys) = site.keys() {
            env.extend(keys.variables(User::Producer));
        }
        let argv = vec![
            site.program("producer")?.display().to_string(),
            format!("--rate={}", config.rate),
        ];
        let mut main = site.process(ServiceName::Producer, argv, env)?;
        main.stop.phase = StopPhase::Clients;
        main.stop.at_end = main.stop.signal;
        Ok(Launch {
            prepare: Vec::new(),
            main,
        })
    }
}
