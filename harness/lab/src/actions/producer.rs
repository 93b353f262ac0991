//! `producer`

use std::collections::BTreeMap;

use anyhow::Context as _;
use async_trait::async_trait;
use scenario::TextFile;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use stack::ServiceName;
use stack::native::own_program;
use stack::security::User;
use stack::services::producer_access;

use crate::runner::{Check, Context, Observed, OwnProducer, Step, StepError, Topic};
use crate::words::count;

/// Settings of one run of the producer. It ends after `count` messages, or with the last line of `replay`, and the step with
/// it; with a `name` it goes on beside the steps that follow.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Producer {
    /// Run beside the steps that follow, under this name, until `stop` or the end of the scenario: a load in the background.
    /// Its summary then is in its log.
    name: Option<OwnProducer>,
    /// The topic.
    topic: Topic,
    /// A file of JSON lines beside the scenario, sent line by line; variables in it are replaced.
    replay: Option<TextFile>,
    /// Number of messages.
    count: Option<u64>,
    /// Distinct series.
    series: Option<u64>,
    /// Metrics a message.
    metrics_per_message: Option<u64>,
    /// Messages a second.
    rate: Option<f64>,
    /// Seed of the values.
    seed: Option<u64>,
    /// Further flags of the producer, as it takes them.
    #[serde(default)]
    flags: Vec<String>,
    /// Settings of the Kafka client, by librdkafka's names.
    #[serde(default)]
    kafka: BTreeMap<String, String>,
}

impl Check for Producer {
    fn check(&self) -> Result<(), String> {
        if self.count.is_none() && self.replay.is_none() && self.name.is_none() {
            return Err(
                "the producer would never end\ngive `count` or `replay`, or a `name` to run it beside other steps"
                    .to_owned(),
            );
        }
        if self
            .rate
            .is_some_and(|rate| !(rate.is_finite() && rate > 0.0))
        {
            return Err("`rate` is messages a second\ngive a number above 0".to_owned());
        }
        for (key, number) in [
            ("count", self.count),
            ("series", self.series),
            ("metrics_per_message", self.metrics_per_message),
        ] {
            if number == Some(0) {
                return Err(format!("`{key}` is 0\ngive at least 1"));
            }
        }
        Ok(())
    }
}

#[async_trait]
impl Step for Producer {
    async fn attempt(&self, context: &mut Context) -> Result<Observed, StepError> {
        context.own_topic(&self.topic)?;
        let program = own_program("producer").context("the producer is needed")?;
        let mut argv = vec![
            program.display().to_string(),
            "--json".to_owned(),
            "--topic".to_owned(),
            self.topic.to_string(),
        ];
        let mut flag = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                argv.extend([format!("--{name}"), value]);
            }
        };
        flag(
            "bootstrap-servers",
            Some(
                context
                    .way(ServiceName::Producer, "kafka", "bootstrap")?
                    .to_owned(),
            ),
        );
        if let Some(replay) = &self.replay {
            let lines = context.directory()?.join("replay.jsonl");
            std::fs::write(&lines, &replay.text)
                .with_context(|| format!("cannot write {}", lines.display()))?;
            flag("replay", Some(lines.display().to_string()));
        }
        flag("count", self.count.map(|number| number.to_string()));
        flag("series", self.series.map(|number| number.to_string()));
        flag(
            "metrics-per-message",
            self.metrics_per_message.map(|number| number.to_string()),
        );
        flag("rate", self.rate.map(|number| number.to_string()));
        flag("seed", self.seed.map(|number| number.to_string()));
        if self.replay.is_none() && self.rate.is_none() {
            flag("interval", Some("0s".to_owned()));
        }
        for (name, value) in &self.kafka {
            flag("kafka-config", Some(format!("{name}={value}")));
        }
        argv.extend(self.flags.iter().cloned());
        let keys = context.endpoints.keys();
        let env: BTreeMap<_, _> = keys
            .map(|keys| keys.variables(User::Producer))
            .unwrap_or_default()
            .into_iter()
            .collect();
        context
            .allow(producer_access(&self.topic))
            .await
            .map_err(|error| StepError::broken("kafka", error))?;
        if let Some(name) = &self.name {
            context.spawn(name, argv, env, BTreeMap::new())?;
            context.lasts(name);
            return Ok(Observed::text(format!("{name} runs")));
        }
        let printed = context.run("producer", argv, env).await?;
        // The log goes before the summary.
        let summary = printed
            .lines()
            .rev()
            .find_map(|line| {
                serde_json::from_str::<Value>(line)
                    .ok()
                    .filter(Value::is_object)
            })
            .with_context(|| format!("the producer printed no summary but {printed:?}"))?;
        Ok(Observed::value(count(&summary["sent"], "message"), summary))
    }
}
