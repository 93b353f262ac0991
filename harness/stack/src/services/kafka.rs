//! A Kafka broker in ZooKeeper mode.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::jvm::Jvm;
use super::launch::{self, Launch, LaunchError, Site, write};
use super::properties::{Settings, java_properties};
use super::{Service, ServiceName};

#[derive(Deserialize)]
pub(crate) struct Config {
    heap: String,
    properties: Settings,
    /// Topics that are there from the start.
    pub topics: BTreeMap<String, Topic>,
}

#[derive(Deserialize)]
pub(crate) struct Topic {
    pub partitions: i32,
    pub replication_factor: i32,
}

/// `services/kafka/settings.json`.
pub(crate) fn settings() -> Result<Config, LaunchError> {
    launch::settings(
        "kafka/settings.json",
        include_str!("../../../../services/kafka/settings.json"),
    )
}

/// Kafka and Connect come from one closure, and so does ZooKeeper.
pub(super) const COMPONENT: &str = "kafka";

pub(super) struct Kafka;

impl Service for Kafka {
    fn needs(&self) -> &'static [ServiceName] {
        &[ServiceName::Zookeeper]
    }

    fn ports(&self) -> &'static [(&'static str, u16)] {
        &[("bootstrap", 9092)]
    }

    fn address(&self, port: u16) -> String {
        format!("127.0.0.1:{port}")
    }

    fn components(&self) -> &'static [&'static str] {
        &[COMPONENT]
    }

    fn launch(&self, site: &Site<'_>) -> Result<Launch, LaunchError> {
        let name = ServiceName::Kafka;
        let config = settings()?;
        let directory = site.directory(name)?;
        let listener = format!("PLAINTEXT://127.0.0.1:{}", site.port("bootstrap")?);
        let own = [
            (
                "zookeeper.connect",
                site.endpoints
                    .endpoint("kafka", "zookeeper", "client")?
                    .to_owned(),
            ),
            ("listeners", listener.clone()),
            ("advertised.listeners", listener),
            ("log.dirs", directory.join("data").display().to_string()),
        ];
        let file = directory.join("server.properties");
        write(&file, &java_properties(&config.properties, &own))?;
        let jvm = Jvm {
            heap: &config.heap,
            class_path: site.component(COMPONENT)?.jars(),
            main_class: "kafka.Kafka",
            args: vec![file.display().to_string()],
            agent: None,
        };
        let argv = jvm.argv(site, &directory)?;
        let mut main = site.process(name, argv, BTreeMap::new())?;
        // A controlled shutdown hands its partitions over first.
        main.stop.grace_ms = 15_000;
        Ok(Launch {
            prepare: Vec::new(),
            main,
        })
    }
}
