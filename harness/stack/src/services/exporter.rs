//! The exporter of this project.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use super::launch::{self, Launch, LaunchError, Site};
use super::{Service, ServiceName};
use crate::guard::StopPhase;
use crate::profile::Profile;

#[derive(Deserialize)]
pub(crate) struct Config {
    topic: String,
    group: String,
}

const SETTINGS: &str = include_str!("../../../../services/exporter/settings.json");

/// `services/exporter/settings.json`.
pub(crate) fn settings() -> Result<Config, LaunchError> {
    launch::settings("exporter/settings.json", SETTINGS)
}

/// The topic that the stack's exporter reads.
///
/// # Errors
/// When its settings have not the shape that it needs.
pub fn metrics_topic() -> Result<String, LaunchError> {
    settings().map(|config| config.topic)
}

pub(super) struct Exporter;

impl Service for Exporter {
    fn needs(&self, _: Profile) -> &'static [ServiceName] {
        &[ServiceName::Kafka]
    }

    fn ports(&self, _: Profile) -> &'static [(&'static str, u16)] {
        static PORTS: LazyLock<[(&str, u16); 1]> =
            LazyLock::new(|| launch::ports(SETTINGS, ["http"]));
        &*PORTS
    }

    fn launch(&self, site: &Site<'_>) -> Result<Launch, LaunchError> {
        let config = settings()?;
        let bootstrap = site
            .endpoints
            .endpoint("exporter", "kafka", "bootstrap")?
            .to_owned();
        let env = BTreeMap::from([
            ("KAFKA_BOOTSTRAP_SERVERS".to_owned(), bootstrap),
            ("KAFKA_TOPIC".to_owned(), config.topic),
            ("KAFKA_GROUP_ID".to_owned(), config.group),
            (
                "LISTEN_ADDR".to_owned(),
                format!("127.0.0.1:{}", site.port("http")?),
            ),
        ]);
        let argv = vec![site.program("exporter")?.display().to_string()];
        let mut main = site.process(ServiceName::Exporter, argv, env)?;
        main.stop.phase = StopPhase::Clients;
        main.stop.at_end = main.stop.signal;
        Ok(Launch {
            prepare: Vec::new(),
            main,
        })
    }
}
