//! ZooKeeper, from the jars that Kafka brings along.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use super::jvm::Jvm;
use super::launch::{self, Launch, LaunchError, Site, write};
use super::properties::{Settings, java_properties};
use super::{Service, ServiceName, kafka};
use crate::profile::Profile;
use crate::security::Security;

#[derive(Deserialize)]
pub(crate) struct Config {
    heap: String,
    properties: Settings,
    /// Of a secure stack.
    secure: Settings,
}

const SETTINGS: &str = include_str!("../../../../services/zookeeper/settings.json");

/// `services/zookeeper/settings.json`.
pub(crate) fn settings() -> Result<Config, LaunchError> {
    launch::settings("zookeeper/settings.json", SETTINGS)
}

pub(super) struct Zookeeper;

impl Service for Zookeeper {
    fn needs(&self, _: Profile) -> &'static [ServiceName] {
        &[]
    }

    fn ports(&self, _: Profile) -> &'static [(&'static str, u16)] {
        static PORTS: LazyLock<[(&str, u16); 1]> =
            LazyLock::new(|| launch::ports(SETTINGS, ["client"]));
        &*PORTS
    }

    fn address(&self, port: u16, _: Security) -> String {
        format!("127.0.0.1:{port}")
    }

    fn components(&self) -> &'static [&'static str] {
        &[kafka::COMPONENT]
    }

    fn launch(&self, site: &Site<'_>) -> Result<Launch, LaunchError> {
        let name = ServiceName::Zookeeper;
        let mut config = settings()?;
        let directory = site.directory(name)?;
        let port = site.port("client")?.to_string();
        let address = "127.0.0.1".to_owned();
        let mut own = vec![("dataDir", directory.join("data").display().to_string())];
        match site.keys() {
            None => own.extend([("clientPort", port), ("clientPortAddress", address)]),
            Some(keys) => {
                config.properties.extend(config.secure);
                let (store, trust) = (keys.store("zookeeper"), keys.authority());
                own.extend([
                    ("secureClientPort", port),
                    ("secureClientPortAddress", address),
                    ("ssl.keyStore.location", store.display().to_string()),
                    ("ssl.trustStore.location", trust.display().to_string()),
                ]);
            }
        }
        let file = directory.join("zookeeper.properties");
        write(&file, &java_properties(&config.properties, &own))?;
        let jvm = Jvm {
            heap: &config.heap,
            class_path: site.component(kafka::COMPONENT)?.jars(),
            main_class: "org.apache.zookeeper.server.quorum.QuorumPeerMain",
            args: vec![file.display().to_string()],
            agent: None,
        };
        let (first, argv) = jvm.command(site, name, &directory)?;
        let mut main = site.process(name, argv, BTreeMap::new())?;
        main.stop.grace_ms = 1000;
        Ok(Launch {
            prepare: first.into_iter().collect(),
            main,
        })
    }
}
