//! `start_exporter`

use std::collections::BTreeMap;

use anyhow::Context as _;
use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;
use stack::ServiceName;
use stack::native::own_program;
use stack::security::User;
use stack::services::{exporter_access, web_config};

use crate::runner::{Context, Observed, OwnExporter, Step, StepError, Topic};

/// How long it may take to answer `/ready`.
const READY: std::time::Duration = std::time::Duration::from_secs(30);

/// An exporter beside the stack's own. It ends with the scenario.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StartExporter {
    /// What checks and faults call it.
    name: OwnExporter,
    /// Its topic.
    topic: Topic,
    /// Its consumer group; one of its own when missing.
    group: Option<String>,
    /// Further settings, as environment variables.
    #[serde(default)]
    env: BTreeMap<String, String>,
    /// Do not wait until it is ready.
    #[serde(default)]
    no_wait: bool,
}

#[async_trait]
impl Step for StartExporter {
    async fn attempt(&self, context: &mut Context) -> Result<Observed, StepError> {
        let program = own_program("exporter").context("the exporter is needed")?;
        let address = format!("127.0.0.1:{}", context.port(&self.name)?);
        let group = self
            .group
            .clone()
            .unwrap_or_else(|| format!("{}-{}", context.prefix, self.name));
        // It commits its offsets there.
        context.own("consumer group", &group)?;
        let mut env = BTreeMap::from([
            (
                "KAFKA_BOOTSTRAP_SERVERS".to_owned(),
                context
                    .way(ServiceName::Exporter, "kafka", "bootstrap")?
                    .to_owned(),
            ),
            ("KAFKA_TOPIC".to_owned(), self.topic.to_string()),
            ("KAFKA_GROUP_ID".to_owned(), group.clone()),
            ("LISTEN_ADDR".to_owned(), address.clone()),
        ]);
        let scheme = match context.endpoints.keys() {
            None => "http",
            Some(keys) => {
                let web = context.directory()?.join(format!("{}.json", self.name));
                std::fs::write(&web, web_config(keys, "exporter"))
                    .with_context(|| format!("cannot write {}", web.display()))?;
                env.insert("WEB_CONFIG_FILE".to_owned(), web.display().to_string());
                env.extend(keys.variables(User::Exporter));
                "https"
            }
        };
        env.extend(self.env.clone());
        let named = |variable| env.get(variable).map(String::as_str);
        let rules = exporter_access(
            &self.topic,
            &group,
            named("STATE_TOPIC"),
            named("DEAD_LETTER_TOPIC"),
        );
        context
            .allow(rules)
            .await
            .map_err(|error| StepError::broken("kafka", error))?;
        let url = format!("{scheme}://{address}");
        let endpoints = BTreeMap::from([("http".to_owned(), url.clone())]);
        context.spawn(
            &self.name,
            vec![program.display().to_string()],
            env,
            endpoints,
        )?;
        context.lasts(&self.name);
        if self.no_wait {
            return Ok(Observed::text(url));
        }
        let begun = std::time::Instant::now();
        loop {
            let seen = match context.http.get(format!("{url}/ready")).send().await {
                Ok(answer) if answer.status().is_success() => break,
                Ok(answer) => format!("/ready answers {}", answer.status()),
                Err(error) => format!("{:#}", anyhow::Error::from(error)),
            };
            if begun.elapsed() > READY || !context.is_running(&self.name)? {
                return Err(StepError::mismatch(
                    &*self.name,
                    "the exporter to get ready",
                    seen,
                ));
            }
            tokio::time::sleep(std::time::Duration::from_millis(25)).await;
        }
        Ok(Observed::text(url))
    }
}
