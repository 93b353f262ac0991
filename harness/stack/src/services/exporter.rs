//! The exporter of this project.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use super::launch::{self, Launch, LaunchError, Site, write_secret};
use super::{Service, ServiceName};
use crate::guard::StopPhase;
use crate::profile::Profile;
use crate::security::{Keys, Operation, Pattern, Resource, Rule, User};

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

/// What a web configuration file says, in the form that exporters and Prometheus share: certificates both ways. JSON is YAML.
pub fn web_config(keys: &Keys, name: &str) -> String {
    let tls = serde_json::json!({
        "cert_file": keys.certificate(name),
        "key_file": keys.key(name),
        "client_auth_type": "RequireAndVerifyClientCert",
        "client_ca_file": keys.authority(),
    });
    serde_json::json!({ "tls_server_config": tls }).to_string()
}

/// What the stack's exporter does at Kafka.
pub(crate) fn own_access() -> Result<Vec<Rule>, LaunchError> {
    let config = settings()?;
    Ok(access(&config.topic, &config.group, None, None))
}

/// What an exporter does at Kafka: it reads a topic as a member of a group, and where it is told to, keeps its state in a topic, and
/// copies what it refuses to another.
pub fn access(
    topic: &str,
    group: &str,
    state: Option<&str>,
    dead_letters: Option<&str>,
) -> Vec<Rule> {
    use Operation::{Create, Describe, DescribeConfigs, Read, Write};
    let rules = |resource, pattern, name: &str, operations: &[Operation]| -> Vec<Rule> {
        Rule::each(User::Exporter, resource, pattern, name, operations).collect()
    };
    let literal = Pattern::Literal;
    let mut all = rules(Resource::Topic, literal, topic, &[Read]);
    all.extend(rules(Resource::Group, literal, group, &[Read]));
    if let Some(state) = state {
        let operations = &[Read, Write, Create, DescribeConfigs];
        all.extend(rules(Resource::Topic, literal, state, operations));
        let transactions = [Describe, Write];
        all.extend(rules(
            Resource::TransactionalId,
            Pattern::Prefixed,
            group,
            &transactions,
        ));
    }
    if let Some(dead_letters) = dead_letters {
        all.extend(rules(
            Resource::Topic,
            literal,
            dead_letters,
            &[Write, Create],
        ));
    }
    all
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
        let mut env = BTreeMap::from([
            ("KAFKA_BOOTSTRAP_SERVERS".to_owned(), bootstrap),
            ("KAFKA_TOPIC".to_owned(), config.topic),
            ("KAFKA_GROUP_ID".to_owned(), config.group),
            (
                "LISTEN_ADDR".to_owned(),
                format!("127.0.0.1:{}", site.port("http")?),
            ),
        ]);
        if let Some(keys) = site.keys() {
            let web = site.directory(ServiceName::Exporter)?.join("web.json");
            write_secret(&web, &web_config(keys, "exporter"))?;
            env.extend(keys.variables(User::Exporter));
            env.insert("WEB_CONFIG_FILE".to_owned(), web.display().to_string());
        }
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
