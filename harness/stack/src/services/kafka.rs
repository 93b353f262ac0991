//! A Kafka broker: with ZooKeeper, or with a controller in the same process.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;

use serde::Deserialize;

use super::jvm::Jvm;
use super::launch::{self, Launch, LaunchError, Site, write};
use super::properties::{Settings, java_properties};
use super::{Service, ServiceName};
use crate::profile::Profile;

#[derive(Deserialize)]
pub(crate) struct Config {
    heap: String,
    /// Of every broker.
    properties: Settings,
    /// Of a broker in each profile.
    profiles: OfProfiles,
    /// What storage without ZooKeeper is formatted with: 16 bytes in base64.
    cluster_id: String,
    /// Topics that are there from the start.
    pub topics: BTreeMap<String, Topic>,
}

#[derive(Deserialize)]
struct OfProfiles {
    zookeeper: Settings,
    kraft: Settings,
}

#[derive(Deserialize)]
pub(crate) struct Topic {
    pub partitions: i32,
    pub replication_factor: i32,
}

const SETTINGS: &str = include_str!("../../../../services/kafka/settings.json");

/// `services/kafka/settings.json`.
pub(crate) fn settings() -> Result<Config, LaunchError> {
    launch::settings("kafka/settings.json", SETTINGS)
}

/// Kafka and Connect come from one closure, and so does ZooKeeper.
pub(super) const COMPONENT: &str = "kafka";

pub(super) struct Kafka;

impl Service for Kafka {
    fn needs(&self, profile: Profile) -> &'static [ServiceName] {
        match profile {
            Profile::Zookeeper => &[ServiceName::Zookeeper],
            Profile::Kraft => &[],
        }
    }

    fn ports(&self, profile: Profile) -> &'static [(&'static str, u16)] {
        static PORTS: LazyLock<[(&str, u16); 2]> =
            LazyLock::new(|| launch::ports(SETTINGS, ["bootstrap", "controller"]));
        match profile {
            Profile::Zookeeper => &PORTS[..1],
            Profile::Kraft => &PORTS[..],
        }
    }

    fn address(&self, port: u16) -> String {
        format!("127.0.0.1:{port}")
    }

    fn components(&self) -> &'static [&'static str] {
        &[COMPONENT]
    }

    fn launch(&self, site: &Site<'_>) -> Result<Launch, LaunchError> {
        let name = ServiceName::Kafka;
        let mut config = settings()?;
        let directory = site.directory(name)?;
        let data = directory.join("data");
        let file = directory.join("server.properties");
        config.properties.extend(match site.profile {
            Profile::Zookeeper => config.profiles.zookeeper,
            Profile::Kraft => config.profiles.kraft,
        });
        let own = addresses(site, &data)?;
        write(&file, &java_properties(&config.properties, &own))?;

        let file = file.display().to_string();
        let mut prepare = Vec::new();
        let process = |main_class, args| {
            let jvm = Jvm {
                heap: &config.heap,
                class_path: site.component(COMPONENT)?.jars(),
                main_class,
                args,
                agent: None,
            };
            let (first, argv) = jvm.command(site, name, &directory)?;
            let process = site.process(name, argv, BTreeMap::new())?;
            Ok::<_, LaunchError>((first, process))
        };
        // Written last when storage is formatted. A broker that starts again has its data.
        let is_formatted = data.join("meta.properties").exists();
        if site.profile == Profile::Kraft && !is_formatted {
            let arguments = [
                "format",
                "--standalone",
                "--cluster-id",
                &config.cluster_id,
                "--config",
                &file,
            ];
            let arguments = arguments.map(str::to_owned).to_vec();
            let (first, mut format) = process("kafka.tools.StorageTool", arguments)?;
            "kafka-format".clone_into(&mut format.name);
            format.hidden = true;
            prepare.extend(first);
            prepare.push(format.into());
        }
        let (first, mut main) = process("kafka.Kafka", vec![file.clone()])?;
        prepare.extend(first);
        // A controlled shutdown hands its partitions over first.
        main.stop.grace_ms = 15_000;
        Ok(Launch { prepare, main })
    }
}

/// Where the broker listens, whom it talks to, and where its data goes.
fn addresses(site: &Site<'_>, data: &Path) -> Result<Vec<(&'static str, String)>, LaunchError> {
    let clients = format!("PLAINTEXT://127.0.0.1:{}", site.port("bootstrap")?);
    let neighbour = |service, key| site.endpoints.endpoint("kafka", service, key);
    let mut own = vec![
        ("advertised.listeners", clients.clone()),
        ("log.dirs", data.display().to_string()),
    ];
    match site.profile {
        Profile::Zookeeper => own.extend([
            (
                "zookeeper.connect",
                neighbour("zookeeper", "client")?.to_owned(),
            ),
            ("listeners", clients),
        ]),
        Profile::Kraft => {
            let controller = neighbour("kafka", "controller")?;
            own.extend([
                ("controller.quorum.bootstrap.servers", controller.to_owned()),
                ("listeners", format!("{clients},CONTROLLER://{controller}")),
            ]);
        }
    }
    Ok(own)
}
