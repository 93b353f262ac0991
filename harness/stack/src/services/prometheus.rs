//! Prometheus, scraping what the run has.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::exporter::web_config;
use super::launch::{self, Launch, LaunchError, Site, write, write_secret};
use super::{JvmMode, Service, ServiceName};
use crate::profile::Profile;
use crate::security::{Keys, User};

#[derive(Deserialize)]
pub(crate) struct Config {
    global: Value,
    pub jobs: BTreeMap<String, Job>,
}

const SETTINGS: &str = include_str!("../../../../services/prometheus/settings.json");

/// `services/prometheus/settings.json`.
pub(crate) fn settings() -> Result<Config, LaunchError> {
    launch::settings("prometheus/settings.json", SETTINGS)
}

#[derive(Deserialize)]
pub(crate) struct Job {
    pub service: ServiceName,
    endpoint: String,
    /// Of the scrape configuration, what does not depend on the run.
    scrape: Map<String, Value>,
    /// What differs where JVMs are run for a fast start: a worker with idle cores answers at once, and is `up` the sooner.
    #[serde(default)]
    quick: Map<String, Value>,
}

pub(super) struct Prometheus;

impl Service for Prometheus {
    fn needs(&self, _: Profile) -> &'static [ServiceName] {
        &[]
    }

    fn ports(&self, _: Profile) -> &'static [(&'static str, u16)] {
        static PORTS: LazyLock<[(&str, u16); 1]> =
            LazyLock::new(|| launch::ports(SETTINGS, ["http"]));
        &*PORTS
    }

    fn launch(&self, site: &Site<'_>) -> Result<Launch, LaunchError> {
        let name = ServiceName::Prometheus;
        let config = settings()?;
        let directory = site.directory(name)?;
        let mut jobs = Vec::new();
        for (job, target) in config
            .jobs
            .iter()
            .filter(|(_, target)| site.members.contains(&target.service))
        {
            let addresses = target.service.among(site.members).map(|one| {
                let url = site
                    .endpoints
                    .endpoint("prometheus", one.as_str(), &target.endpoint)?;
                let address = url.split_once("://").map_or(url, |(_, address)| address);
                Ok(address)
            });
            let addresses = addresses.collect::<Result<Vec<_>, LaunchError>>()?;
            let mut scrape = target.scrape.clone();
            if site.jvm == JvmMode::Quick {
                scrape.extend(target.quick.clone());
            }
            scrape.insert("job_name".to_owned(), job.as_str().into());
            scrape.insert(
                "static_configs".to_owned(),
                json!([{ "targets": addresses }]),
            );
            if let Some(keys) = site.keys() {
                scrape.extend(secure(keys, target.service));
            }
            jobs.push(scrape);
        }
        let file = directory.join("prometheus.yml");
        // JSON is YAML.
        write(
            &file,
            &format!(
                "{:#}\n",
                json!({ "global": config.global, "scrape_configs": jobs })
            ),
        )?;
        let program = site
            .programs
            .prometheus
            .as_ref()
            .ok_or_else(|| LaunchError::NotReady("Prometheus".to_owned()))?;
        let mut argv = vec![
            program.server.display().to_string(),
            format!("--config.file={}", file.display()),
            format!("--storage.tsdb.path={}", directory.join("data").display()),
            format!("--web.listen-address=127.0.0.1:{}", site.port("http")?),
        ];
        if let Some(keys) = site.keys() {
            let web = directory.join("web.json");
            write_secret(&web, &web_config(keys, "prometheus"))?;
            argv.push(format!("--web.config.file={}", web.display()));
        }
        if let Some(assets) = &program.web_assets {
            argv.push(format!("--web.local-assets={}", assets.display()));
        }
        Ok(Launch {
            prepare: Vec::new(),
            main: site.process(name, argv, BTreeMap::new())?,
        })
    }
}

/// How it scrapes a service of a secure stack: with its certificate, and a JVM's agent, which asks for none, with a password.
fn secure(keys: &Keys, service: ServiceName) -> Map<String, Value> {
    let tls = json!({
        "ca_file": keys.authority(),
        "cert_file": keys.certificate("prometheus"),
        "key_file": keys.key("prometheus"),
    });
    let mut settings = Map::new();
    settings.insert("scheme".to_owned(), "https".into());
    settings.insert("tls_config".to_owned(), tls);
    if service == ServiceName::Connect {
        let user = User::Jmx;
        let login = json!({ "username": user.as_str(), "password_file": keys.password_file(user) });
        settings.insert("basic_auth".to_owned(), login);
    }
    settings
}
