//! Topics and consumer groups of runs.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::types::RDKafkaErrorCode;
use stack::Endpoints;

use super::{Kind, Leftover, marked};
use crate::marks::Mark;

const ASK: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(200);
/// Brokers forget a topic some time after they said that they would.
const GONE: Duration = Duration::from_secs(30);
/// A member that was killed belongs to its group until its session is over: 45 s by default.
const EMPTY: Duration = Duration::from_secs(60);

/// What others put before the name that a scenario gave: Connect before the group of a sink connector, Debezium before the
/// topic of its heartbeats.
const BEFORE: [&str; 2] = ["connect-", "__debezium-heartbeat."];

fn mark(name: &str) -> Option<Mark> {
    let inner = BEFORE.iter().find_map(|before| name.strip_prefix(before));
    Mark::of(inner.unwrap_or(name))
}

type Admin = AdminClient<DefaultClientContext>;

fn admin(endpoints: &Endpoints, bootstrap: &str) -> Result<Admin> {
    endpoints
        .kafka_client(bootstrap)
        .set("log_level", "0")
        .create()
        .context("cannot make a Kafka client")
}

pub(super) async fn find(endpoints: &Endpoints, bootstrap: &str) -> Result<Vec<(Mark, Leftover)>> {
    let admin = admin(endpoints, bootstrap)?;
    tokio::task::spawn_blocking(move || {
        let topics = topics(&admin)?.into_iter().map(|name| (Kind::Topic, name));
        let groups = admin
            .inner()
            .fetch_group_list(None, ASK)
            .context("Kafka does not list its consumer groups")?;
        let groups = groups
            .groups()
            .iter()
            .map(|group| (Kind::Group, group.name().to_owned()));
        Ok(topics
            .chain(groups)
            .filter_map(|(kind, name)| {
                let mark = mark(&name);
                marked(kind, name, mark)
            })
            .collect())
    })
    .await?
}

fn topics(admin: &Admin) -> Result<Vec<String>> {
    let metadata = admin
        .inner()
        .fetch_metadata(None, ASK)
        .context("Kafka does not return metadata")?;
    let names = metadata
        .topics()
        .iter()
        .map(|topic| topic.name().to_owned());
    Ok(names.collect())
}

pub(super) async fn delete_topic(endpoints: &Endpoints, bootstrap: &str, name: &str) -> Result<()> {
    let admin = admin(endpoints, bootstrap)?;
    for answer in admin.delete_topics(&[name], &AdminOptions::new()).await? {
        match answer {
            Ok(_) | Err((_, RDKafkaErrorCode::UnknownTopicOrPartition)) => {}
            Err((_, code)) => bail!("Kafka refuses: {code}"),
        }
    }
    let name = name.to_owned();
    tokio::task::spawn_blocking(move || {
        let begun = Instant::now();
        while topics(&admin)?.contains(&name) {
            if begun.elapsed() > GONE {
                bail!(
                    "it is still there {GONE:?} after it was deleted: does somebody write to it?"
                );
            }
            std::thread::sleep(POLL);
        }
        Ok(())
    })
    .await?
}

pub(super) async fn delete_group(endpoints: &Endpoints, bootstrap: &str, name: &str) -> Result<()> {
    let admin = admin(endpoints, bootstrap)?;
    let begun = Instant::now();
    loop {
        let answers = admin.delete_groups(&[name], &AdminOptions::new()).await?;
        match answers.into_iter().find_map(Result::err) {
            None | Some((_, RDKafkaErrorCode::GroupIdNotFound)) => return Ok(()),
            Some((_, RDKafkaErrorCode::NonEmptyGroup)) if begun.elapsed() < EMPTY => {
                tokio::time::sleep(POLL).await;
            }
            Some((_, code)) => bail!("Kafka refuses: {code}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::as_given("", true)]
    #[case::sink("connect-", true)]
    #[case::heartbeat("__debezium-heartbeat.", true)]
    #[case::mirror_of_somebody_else("source.", false)]
    fn a_name_may_have_something_before_it(#[case] before: &str, #[case] own: bool) {
        let name = Mark::new("mwsjg9o6t9", 1).prefix("cdc/x");
        assert_eq!(mark(&format!("{before}{name}")).is_some(), own);
    }
}
