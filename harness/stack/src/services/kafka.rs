//! A Kafka broker: with ZooKeeper, or with a controller in the same process.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;

use serde::Deserialize;

use super::jvm::Jvm;
use super::launch::{self, Launch, LaunchError, Site, write};
use super::properties::{Settings, java_properties};
use super::{Service, ServiceName};
use crate::flavour::Size;
use crate::profile::Profile;
use crate::security::{Keys, Security};

#[derive(Deserialize)]
pub(crate) struct Config {
    heap: String,
    /// Of every broker.
    properties: Settings,
    /// Of each of several brokers.
    several: Settings,
    /// Of a broker in each profile.
    profiles: OfProfiles,
    /// Of every broker in a secure stack.
    secure: Settings,
    /// Of a broker in each profile of a secure stack.
    secure_profiles: OfProfiles,
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

impl OfProfiles {
    fn of(self, profile: Profile) -> Settings {
        match profile {
            Profile::Zookeeper => self.zookeeper,
            Profile::Kraft => self.kraft,
        }
    }
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

/// One broker, by its name.
pub(super) struct Kafka(pub ServiceName);

/// Endpoint keys with the port that each broker has by default: in pairs, one after the other.
type Ports = [(&'static str, u16); 2];
static PORTS: LazyLock<[Ports; Size::BROKERS as usize]> = LazyLock::new(|| {
    let first: Ports = launch::ports(SETTINGS, ["bootstrap", "controller"]);
    [0, 2, 4].map(|further| first.map(|(key, port)| (key, port + further)))
});

/// Where brokers talk to each other with certificates, and the lab tells them their users.
static OF_BROKERS: LazyLock<[[(&str, u16); 1]; Size::BROKERS as usize]> = LazyLock::new(|| {
    let first: [(&str, u16); 1] = launch::ports(SETTINGS, ["brokers"]);
    [0, 1, 2].map(|further| first.map(|(key, port)| (key, port + further)))
});

impl Service for Kafka {
    fn needs(&self, profile: Profile) -> &'static [ServiceName] {
        match profile {
            Profile::Zookeeper => &[ServiceName::Zookeeper],
            Profile::Kraft => &[],
        }
    }

    fn ports(&self, profile: Profile) -> &'static [(&'static str, u16)] {
        let place = usize::from(self.0.instance().1 - 1);
        let ports = PORTS.get(place).map_or(&[][..], |ports| ports);
        match profile {
            Profile::Zookeeper => ports.get(..1).unwrap_or_default(),
            Profile::Kraft => ports,
        }
    }

    fn secure_ports(&self) -> &'static [(&'static str, u16)] {
        let place = usize::from(self.0.instance().1 - 1);
        OF_BROKERS.get(place).map_or(&[], |ports| ports)
    }

    fn address(&self, port: u16, _: Security) -> String {
        format!("127.0.0.1:{port}")
    }

    fn components(&self) -> &'static [&'static str] {
        &[COMPONENT]
    }

    fn launch(&self, site: &Site<'_>) -> Result<Launch, LaunchError> {
        let name = self.0;
        let mut config = settings()?;
        let brokers = site.brokers();
        if brokers.len() > 1 {
            config.properties.extend(config.several);
        }
        let directory = site.directory(name)?;
        let data = directory.join("data");
        let file = directory.join("server.properties");
        config.properties.extend(config.profiles.of(site.profile));
        if let Some(keys) = site.keys() {
            config.properties.extend(config.secure);
            let of_profile = config.secure_profiles.of(site.profile);
            config.properties.extend(of_profile);
            config.properties.extend(secure(site, keys));
        }
        let own = addresses(site, name, &brokers, &config.properties, &data)?;
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
            let mut arguments = vec!["format", "--cluster-id", &config.cluster_id];
            arguments.extend(["--config", &file]);
            // Several know of each other by their settings.
            arguments.extend((brokers.len() == 1).then_some("--standalone"));
            let arguments = arguments.into_iter().map(str::to_owned).collect();
            let (first, mut format) = process("kafka.tools.StorageTool", arguments)?;
            format.name = format!("{name}-format");
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

/// What clients reach with a password.
const CLIENTS: &str = "CLIENTS";

/// What a broker of a secure stack shows, whom it trusts, and that clients have passwords.
fn secure(site: &Site<'_>, keys: &Keys) -> Settings {
    let store = keys.store("kafka").display().to_string();
    let trust = keys.authority().display().to_string();
    let own = |name: &str, value: &str| (name.to_owned(), value.into());
    let mut settings = Settings::from([
        own("ssl.keystore.location", &store),
        own("ssl.truststore.location", &trust),
    ]);
    if site.profile == Profile::Zookeeper {
        settings.extend([
            own("zookeeper.ssl.keystore.location", &store),
            own("zookeeper.ssl.truststore.location", &trust),
        ]);
    }
    let of_links = site.behind_links.iter().map(|(link, _)| link.listener());
    let listeners = [CLIENTS.to_owned()].into_iter().chain(of_links);
    settings.extend(listeners.map(|name| {
        (
            format!(
                "listener.name.{}.scram-sha-512.sasl.jaas.config",
                name.to_lowercase()
            ),
            format!("{SCRAM} required;").into(),
        )
    }));
    settings
}

/// What Kafka logs in with.
pub(super) const SCRAM: &str = "org.apache.kafka.common.security.scram.ScramLoginModule";

/// What Kafka calls the protocols of its listeners.
const PROTOCOLS: &str = "listener.security.protocol.map";

/// Who the broker is, where it listens, whom it talks to, and where its data goes.
fn addresses(
    site: &Site<'_>,
    name: ServiceName,
    brokers: &[ServiceName],
    properties: &Settings,
    data: &Path,
) -> Result<Vec<(&'static str, String)>, LaunchError> {
    let clients = match site.keys() {
        None => "PLAINTEXT",
        Some(_) => CLIENTS,
    };
    let clients = format!("{clients}://127.0.0.1:{}", site.port("bootstrap")?);
    let neighbour = |service, key| site.endpoints.endpoint(name.as_str(), service, key);
    let id = name.instance().1.to_string();
    let (mut listeners, mut advertised) = (vec![clients.clone()], vec![clients]);
    let mut own = vec![("log.dirs", data.display().to_string())];
    match site.profile {
        Profile::Zookeeper => own.extend([
            ("broker.id", id),
            (
                "zookeeper.connect",
                neighbour("zookeeper", "client")?.to_owned(),
            ),
        ]),
        Profile::Kraft => {
            let controller = neighbour(name.as_str(), "controller")?;
            listeners.push(format!("CONTROLLER://{controller}"));
            own.push(("node.id", id));
            own.push(match brokers {
                [_] => ("controller.quorum.bootstrap.servers", controller.to_owned()),
                _ => {
                    let voter = |broker: &ServiceName| {
                        let address = neighbour(broker.as_str(), "controller")?;
                        Ok::<_, LaunchError>(format!("{}@{address}", broker.instance().1))
                    };
                    let voters = brokers.iter().map(voter).collect::<Result<Vec<_>, _>>()?;
                    ("controller.quorum.voters", voters.join(","))
                }
            });
        }
    }
    if site.keys().is_some() {
        let brokers = format!("BROKERS://127.0.0.1:{}", site.port("brokers")?);
        listeners.push(brokers.clone());
        advertised.push(brokers);
    }
    if !site.behind_links.is_empty() {
        let protocol = match site.keys() {
            None => "PLAINTEXT",
            Some(_) => "SASL_SSL",
        };
        let usual = properties.get(PROTOCOLS).and_then(|map| map.as_str());
        let mut protocols = vec![usual.unwrap_or("PLAINTEXT:PLAINTEXT").to_owned()];
        for (link, port) in &site.behind_links {
            let name = link.listener();
            // The caller reaches the broker at the link's proxy.
            let proxy = site
                .endpoints
                .endpoint(link.from.as_str(), link.to.as_str(), link.key)?;
            listeners.push(format!("{name}://127.0.0.1:{port}"));
            advertised.push(format!("{name}://{proxy}"));
            protocols.push(format!("{name}:{protocol}"));
        }
        own.push((PROTOCOLS, protocols.join(",")));
    }
    own.push(("listeners", listeners.join(",")));
    own.push(("advertised.listeners", advertised.join(",")));
    Ok(own)
}
