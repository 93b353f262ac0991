//! A distributed Connect worker with its plugins and a JMX agent.

use std::collections::BTreeMap;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::LazyLock;

use serde::Deserialize;

use super::jvm::Jvm;
use super::kafka::{self, SCRAM};
use super::launch::{self, Launch, LaunchError, Preparation, Site, write, write_secret};
use super::properties::{Settings, java_properties};
use super::{Service, ServiceName};
use crate::flavour::{JDBC, Size};
use crate::profile::Profile;
use crate::security::{Keys, Operation, Pattern, Resource, Rule, User};

#[derive(Deserialize)]
pub(crate) struct Config {
    heap: String,
    properties: Settings,
    /// With several brokers.
    replicated: Settings,
    /// In a secure stack.
    secure: Settings,
    /// Of each of its clients in a secure stack.
    secure_client: Settings,
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
        let directory = site.directory(name)?;
        let mut prepare = Vec::new();
        if let Some(keys) = site.keys() {
            let trust = directory.join("trust.p12");
            prepare.extend(trusting(site, name, keys, &trust)?);
            let client = client(config.secure_client, keys, jaas(keys));
            // The worker's own, and those that it makes for connectors.
            for prefix in ["", "producer.", "consumer.", "admin."] {
                let settings = client.iter();
                let settings =
                    settings.map(|(key, value)| (format!("{prefix}{key}"), value.clone()));
                config.properties.extend(settings);
            }
            config.properties.extend(config.secure);
            config.properties.extend(https(keys, &trust));
            write_secret(&directory.join(LOGIN), &login(keys))?;
        }
        config.properties.extend(site.worker.properties.clone());

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
        let rules = include_str!("../../../../services/connect/jmx.json");
        match site.keys() {
            None => write(&metrics, rules)?,
            Some(keys) => write_secret(&metrics, &guarded(rules, keys)?)?,
        }

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
        write_secret(&file, &java_properties(&config.properties, &own))?;

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
        prepare.extend(first);
        Ok(Launch {
            prepare,
            main: site.process(name, argv, BTreeMap::new())?,
        })
    }
}

/// In the directory of a worker: what a connector's own clients of Kafka log in with, as `${file:PATH:sasl.jaas.config}`, and the
/// `postgres.password`.
pub const LOGIN: &str = "login.properties";

fn login(keys: &Keys) -> String {
    let jaas = jaas(keys);
    let password = keys.password(User::Postgres);
    format!("sasl.jaas.config={jaas}\npostgres.password={password}\n")
}

fn jaas(keys: &Keys) -> String {
    let (user, password) = (User::Connect, keys.password(User::Connect));
    format!("{SCRAM} required username=\"{user}\" password=\"{password}\";")
}

/// Settings of a client of Kafka that a connector makes itself. `jaas`: where it finds its password.
///
/// # Errors
/// When the settings of Connect have not the shape that they need.
pub fn connectors_client(keys: &Keys, jaas: String) -> Result<Settings, LaunchError> {
    Ok(client(settings()?.secure_client, keys, jaas))
}

/// Settings of a client of Kafka.
fn client(mut settings: Settings, keys: &Keys, jaas: String) -> Settings {
    let trust = keys.authority().display().to_string();
    settings.insert("sasl.jaas.config".to_owned(), jaas.into());
    settings.insert("ssl.truststore.location".to_owned(), trust.into());
    settings
}

/// What the worker shows whoever asks its REST, and whom it answers. Jetty reads no PEM.
fn https(keys: &Keys, trust: &Path) -> Settings {
    let store = keys.archive("connect").display().to_string();
    let password = keys.archive_password();
    [
        ("keystore.location", store.as_str()),
        ("keystore.password", password),
        ("key.password", password),
        ("truststore.location", &trust.display().to_string()),
        ("truststore.password", password),
    ]
    .map(|(key, value)| (format!("listeners.https.ssl.{key}"), value.into()))
    .into()
}

/// What makes a trust store of Java of the authority's certificate, unless it is there. Java trusts only what it has marked itself.
fn trusting(
    site: &Site<'_>,
    name: ServiceName,
    keys: &Keys,
    trust: &Path,
) -> Result<Option<Preparation>, LaunchError> {
    if trust.exists() {
        return Ok(None);
    }
    let mut argv: Vec<String> = [
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        "sun.security.tools.keytool.Main",
        "-importcert",
        "-noprompt",
        "-alias",
        "ca",
        "-storetype",
        "PKCS12",
    ]
    .map(str::to_owned)
    .into();
    argv.insert(0, site.program("java")?.display().to_string());
    let files = [
        ("-file", keys.authority()),
        ("-keystore", trust.to_owned()),
        ("-storepass:file", keys.password_file(User::Jmx)),
    ];
    for (option, file) in files {
        argv.extend([option.to_owned(), file.display().to_string()]);
    }
    let mut job = site.process(name, argv, BTreeMap::new())?;
    job.name = format!("{name}-trust");
    job.hidden = true;
    Ok(Some(job.into()))
}

/// The agent's settings with TLS and a password: it asks nobody for a certificate.
fn guarded(rules: &str, keys: &Keys) -> Result<String, LaunchError> {
    let mut settings: serde_json::Value = launch::settings("connect/jmx.json", rules)?;
    let (user, password) = (User::Jmx.as_str(), keys.password(User::Jmx));
    settings["httpServer"] = serde_json::json!({
        "authentication": { "basic": { "username": user, "password": password } },
        "ssl": {
            "keyStore": { "filename": keys.archive("connect"), "password": keys.archive_password() },
            "certificate": { "alias": "connect" },
        },
    });
    Ok(settings.to_string())
}

/// What a worker does at Kafka whatever its connectors do: its own topics, and its group.
pub(crate) fn access() -> Result<Vec<Rule>, LaunchError> {
    use Operation::{Create, DescribeConfigs, Read, Write};
    let config = settings()?;
    let named = |key: &str| config.properties.get(key).and_then(|name| name.as_str());
    let topics = ["config", "offset", "status"];
    let topics = topics.map(|kind| named(&format!("{kind}.storage.topic")));
    let mut rules: Vec<Rule> = topics
        .into_iter()
        .flatten()
        .flat_map(|topic| {
            let operations = &[Read, Write, Create, DescribeConfigs];
            Rule::each(
                User::Connect,
                Resource::Topic,
                Pattern::Literal,
                topic,
                operations,
            )
        })
        .collect();
    let group = named("group.id").unwrap_or_default();
    rules.extend(Rule::each(
        User::Connect,
        Resource::Group,
        Pattern::Literal,
        group,
        &[Read],
    ));
    Ok(rules)
}

/// What a worker does at Kafka for connectors whose names and topics begin with this.
pub fn connectors_access(prefix: &str) -> Vec<Rule> {
    use Operation::{Create, Delete, Describe, Read, Write};
    let rules = |resource, name: &str, operations: &[Operation]| -> Vec<Rule> {
        Rule::each(User::Connect, resource, Pattern::Prefixed, name, operations).collect()
    };
    // A sink's group bears its name. Its offsets are removed and changed by the worker.
    let group = format!("connect-{prefix}");
    [
        rules(Resource::Topic, prefix, &[Read, Write, Create, Describe]),
        rules(Resource::Group, prefix, &[Read]),
        rules(Resource::Group, &group, &[Read, Delete]),
    ]
    .concat()
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
