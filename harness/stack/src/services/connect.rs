//! A distributed Connect worker with its plugins and a JMX agent.

use std::collections::BTreeMap;
use std::os::unix::fs::symlink;
use std::sync::LazyLock;

use serde::Deserialize;

use super::jvm::Jvm;
use super::launch::{self, Launch, LaunchError, Site, write};
use super::properties::{Settings, java_properties};
use super::{Service, ServiceName, kafka};
use crate::flavour::{JDBC, Size};
use crate::profile::Profile;

#[derive(Deserialize)]
pub(crate) struct Config {
    heap: String,
    properties: Settings,
    /// With several brokers.
    replicated: Settings,
    /// Classes that a ready worker lists.
    pub plugins: Vec<String>,
}

const SETTINGS: &str = include_str!("../../../../services/connect/settings.json");

/// `services/connect/settings.json`.
pub(crate) fn settings() -> Result<Config, LaunchError> {
    launch::settings("connect/settings.json", SETTINGS)
}

const PLUGIN: &str = "debezium-postgres";
const AGENT: &str = "jmx-agent";

/// One worker, by its name.
pub(super) struct Connect(pub ServiceName);

/// Endpoint keys with the port that each worker has by default.
type Ports = [(&'static str, u16); 2];
static PORTS: LazyLock<[Ports; Size::WORKERS as usize]> = LazyLock::new(|| {
    let first: Ports = launch::ports(SETTINGS, ["rest", "jmx"]);
    [0, 1].map(|further| first.map(|(key, port)| (key, port + further)))
});

impl Service for Connect {
    fn needs(&self, _: Profile) -> &'static [ServiceName] {
        &[ServiceName::Kafka]
    }

    fn ports(&self, _: Profile) -> &'static [(&'static str, u16)] {
        let place = usize::from(self.0.instance().1 - 1);
        PORTS.get(place).map_or(&[], |ports| ports)
    }

    fn components(&self) -> &'static [&'static str] {
        &[kafka::COMPONENT, AGENT, PLUGIN]
    }

    fn optional_components(&self) -> &'static [&'static str] {
        &[JDBC]
    }

    fn launch(&self, site: &Site<'_>) -> Result<Launch, LaunchError> {
        let name = self.0;
        let mut config = settings()?;
        if site.brokers().len() > 1 {
            config.properties.extend(config.replicated);
        }
        if site.defaults {
            config.properties.remove("plugin.discovery");
        }
        config.properties.extend(site.worker.properties.clone());
        let directory = site.directory(name)?;

        // plugin.path is a folder of plugins, each a folder: links keep the verified trees where they are.
        let plugin_path = directory.join("plugins");
        std::fs::create_dir_all(&plugin_path).map_err(|source| LaunchError::Write {
            path: plugin_path.clone(),
            source,
        })?;
        let asked_for = site.has(JDBC).then_some(JDBC);
        for plugin in [PLUGIN].into_iter().chain(asked_for) {
            let link = plugin_path.join(plugin);
            if !link.exists() {
                symlink(site.tree(plugin)?, &link)
                    .map_err(|source| LaunchError::Write { path: link, source })?;
            }
        }
        let metrics = directory.join("jmx.yaml");
        write(
            &metrics,
            include_str!("../../../../services/connect/jmx.json"),
        )?;

        let rest = site
            .endpoints
            .endpoint(name.as_str(), name.as_str(), "rest")?
            .to_owned();
        let own = [
            (
                "bootstrap.servers",
                site.endpoints
                    .endpoint("connect", "kafka", "bootstrap")?
                    .to_owned(),
            ),
            ("plugin.path", plugin_path.display().to_string()),
            ("listeners", rest),
            ("rest.advertised.host.name", "127.0.0.1".to_owned()),
        ];
        let file = directory.join("connect-distributed.properties");
        write(&file, &java_properties(&config.properties, &own))?;

        let agent_jar = site
            .component(AGENT)?
            .jars()
            .first()
            .ok_or_else(|| LaunchError::NotReady("agent".into()))?;
        let jvm = Jvm {
            heap: &config.heap,
            class_path: site.component(kafka::COMPONENT)?.jars(),
            main_class: "org.apache.kafka.connect.cli.ConnectDistributed",
            args: vec![file.display().to_string()],
            agent: Some(format!(
                "{}=127.0.0.1:{}:{}",
                agent_jar.display(),
                site.port("jmx")?,
                metrics.display()
            )),
        };
        let (first, mut argv) = jvm.command(site, name, &directory)?;
        let chosen = &site.worker.jvm;
        if chosen.iter().any(|option| is_collector(option)) {
            argv.retain(|option| !is_collector(option));
        }
        // After what they override, before the class path.
        let place = argv.iter().position(|one| one == "-cp").unwrap_or(1);
        argv.splice(place..place, chosen.iter().cloned());
        Ok(Launch {
            prepare: first.into_iter().collect(),
            main: site.process(name, argv, BTreeMap::new())?,
        })
    }
}

/// Whether an option chooses a garbage collector: a JVM takes one only.
pub fn is_collector(option: &str) -> bool {
    option.starts_with("-XX:+Use") && option.ends_with("GC")
}

#[cfg(test)]
mod tests {
    use super::is_collector;
    use rstest::rstest;

    #[rstest]
    #[case::g1("-XX:+UseG1GC", true)]
    #[case::parallel("-XX:+UseParallelGC", true)]
    #[case::pause("-XX:MaxGCPauseMillis=20", false)]
    #[case::off("-XX:-UseG1GC", false)]
    #[case::other("-XX:+UseStringDeduplication", false)]
    fn a_collector_is_told_from_other_options(#[case] option: &str, #[case] is: bool) {
        assert_eq!(is_collector(option), is);
    }
}
