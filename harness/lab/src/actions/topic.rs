//! `create_topic`, `delete_topic`

use std::collections::BTreeMap;
use std::num::NonZeroU16;

use anyhow::{Context as _, anyhow};
use async_trait::async_trait;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication, TopicResult};
use rdkafka::client::DefaultClientContext;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::runner::{Context, Observed, Step, StepError, Topic};
use crate::whole::whole;
use crate::words::count;

fn one() -> NonZeroU16 {
    NonZeroU16::MIN
}

/// A topic to make.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Create {
    /// Its name.
    name: Topic,
    /// Number of partitions.
    #[serde(default = "one")]
    partitions: NonZeroU16,
    /// Number of replicas of each.
    #[serde(default = "one")]
    replicas: NonZeroU16,
    /// Kafka's settings of the topic, such as `cleanup.policy`.
    #[serde(default)]
    config: BTreeMap<String, String>,
}

#[async_trait]
impl Step for Create {
    async fn attempt(&self, context: &mut Context) -> Result<Observed, StepError> {
        context.own("topic", &self.name)?;
        let (name, config) = (self.name.to_string(), self.config.clone());
        let (partitions, replicas) = (self.partitions.get(), self.replicas.get());
        let admin = admin(context)?;
        let answers = whole(async move {
            let replication = TopicReplication::Fixed(replicas.into());
            let mut topic = NewTopic::new(&name, partitions.into(), replication);
            for (key, value) in &config {
                topic = topic.set(key, value);
            }
            admin.create_topics([&topic], &AdminOptions::new()).await
        })
        .await
        .map_err(|error| StepError::broken("kafka", error))?;
        all(answers, "make")?;
        Ok(Observed::text(count(self.partitions, "partition")))
    }
}

/// Name of the topic to delete, with its records.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Delete(Topic);

#[async_trait]
impl Step for Delete {
    async fn attempt(&self, context: &mut Context) -> Result<Observed, StepError> {
        context.own("topic", &self.0)?;
        let answers = admin(context)?
            .delete_topics(&[&self.0], &AdminOptions::new())
            .await
            .map_err(|error| StepError::broken("kafka", error))?;
        all(answers, "delete")?;
        Ok(Observed::text("deleted"))
    }
}

fn admin(context: &Context) -> anyhow::Result<AdminClient<DefaultClientContext>> {
    context
        .kafka_client()?
        .create()
        .context("cannot make a Kafka client")
}

fn all(answers: Vec<TopicResult>, what: &str) -> Result<(), StepError> {
    for answer in answers {
        answer.map_err(|(name, code)| {
            StepError::broken("kafka", anyhow!("cannot {what} topic {name}: {code}"))
        })?;
    }
    Ok(())
}
