//! Runs a workload through a connector on a stack with one version of Debezium.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::{Map, Value};
use stack::native::{Native, StackSpec};
use stack::{Flavour, ServiceName};

use super::events::{Topics, read};
use crate::connect;
use crate::groups::DEBEZIUM;
use crate::progress::Shown;
use crate::runner::{Context, postgres};
use crate::{stacks, suite};

/// What is written to the database.
#[derive(Debug, Clone)]
pub struct Workload {
    /// Statements before the connector is made: the tables.
    pub before: String,
    /// Statements once it streams.
    pub then: String,
}

impl Default for Workload {
    /// A table that the original connector means, and one that it does not; each kind of change of rows, and a truncate.
    fn default() -> Self {
        Self {
            before: include_str!("before.sql").to_owned(),
            then: include_str!("then.sql").to_owned(),
        }
    }
}

/// How long a connector may take to stream, and then to deliver everything.
const LIMIT: Duration = Duration::from_secs(60);
/// After this time nothing comes any more.
const LATE: Duration = Duration::from_secs(2);
const POLL: Duration = Duration::from_millis(100);

/// What arrives on the topics.
///
/// # Errors
/// When the stack does not come up, or the connector does not run or does not get to the end of the workload.
pub async fn run(
    version: &str,
    config: &Map<String, Value>,
    workload: &Workload,
    shown: &Shown,
) -> Result<Topics> {
    let mut flavour = Flavour::default();
    flavour
        .versions
        .insert(DEBEZIUM.to_owned(), version.to_owned());
    let spec = StackSpec {
        flavour,
        ..StackSpec::of([ServiceName::Connect, ServiceName::Postgres])
    };
    let native = stacks::interruptible(async { Ok(Native::start(&spec, shown).await?) }).await?;
    let ran = stacks::guarded(&native, async {
        let mut context = Context::new(
            &suite::surroundings(&native, &suite::Options::default()),
            "diff-versions",
        )?;
        through(&mut context, config, workload).await
    })
    .await;
    native.shut_down().await?;
    ran.with_context(|| format!("on Debezium {version}"))
}

/// The settings that say where the stack is. Whatever else the connector says stays as it is.
fn here(context: &Context, config: &Map<String, Value>) -> Result<Map<String, Value>> {
    let server = postgres::parse(&context.endpoints, context.endpoint("postgres", "sql")?)?;
    let password = String::from_utf8_lossy(server.get_password().unwrap_or_default()).into_owned();
    let prefix = context.prefix.as_str();
    let mut config = config.clone();
    for (key, value) in [
        ("database.hostname", postgres::host(&server)),
        ("database.port", postgres::port(&server).to_string()),
        (
            "database.user",
            server.get_user().unwrap_or_default().to_owned(),
        ),
        ("database.password", password),
        ("database.dbname", prefix.to_owned()),
        ("topic.prefix", prefix.to_owned()),
        ("slot.name", prefix.to_owned()),
        // It tells the server what it has received, and with that us.
        ("status.update.interval.ms", "500".to_owned()),
        ("name", prefix.to_owned()),
    ] {
        config.insert(key.to_owned(), value.into());
    }
    // The server of the stack has no other decoder.
    config
        .entry("plugin.name")
        .or_insert_with(|| "pgoutput".into());
    Ok(config)
}

async fn through(
    context: &mut Context,
    config: &Map<String, Value>,
    workload: &Workload,
) -> Result<Topics> {
    let config = here(context, config)?;
    let name = context.prefix.clone();
    let sql = "the workload's statements before the connector";
    context
        .database(None)
        .await?
        .batch_execute(&workload.before)
        .await
        .context(sql)?;
    connect::put(context, &name, &Value::Object(config)).await?;
    let active =
        format!("SELECT 1 FROM pg_replication_slots WHERE slot_name = '{name}' AND active");
    until(context, &name, &active)
        .await
        .context("it does not stream")?;
    let client = context.database(None).await?;
    client
        .batch_execute(&workload.then)
        .await
        .context("the workload's statements")?;
    let end = client
        .query_one("SELECT pg_current_wal_lsn()::text", &[])
        .await?;
    let end: String = end.get(0);
    let received = format!(
        "SELECT 1 FROM pg_replication_slots JOIN pg_stat_replication ON pid = active_pid WHERE slot_name = '{name}' AND write_lsn >= '{end}'"
    );
    until(context, &name, &received)
        .await
        .context("it does not get to the end of the workload")?;
    let topics = settled(context, &name).await;
    connect::delete(context, &name).await?;
    topics
}

/// What is on the topics when nothing more has come for some time: what the connector has received it sends within moments.
async fn settled(context: &mut Context, prefix: &str) -> Result<Topics> {
    let (mut topics, mut since) = (Topics::new(), Instant::now());
    while since.elapsed() < LATE {
        let now = tokio::task::block_in_place(|| read(context, prefix))?;
        if now != topics {
            (topics, since) = (now, Instant::now());
        }
        tokio::time::sleep(POLL).await;
    }
    Ok(topics)
}

/// Waits until a query has a row, as long as the connector does not fail.
async fn until(context: &mut Context, connector: &str, query: &str) -> Result<()> {
    let begun = Instant::now();
    loop {
        if !context
            .database(None)
            .await?
            .query(query, &[])
            .await?
            .is_empty()
        {
            return Ok(());
        }
        let status = connect::status(context, connector).await?;
        let failed = status
            .into_iter()
            .flat_map(|status| status.tasks)
            .find(|task| task.state == "FAILED");
        if let Some(task) = failed {
            bail!(
                "its task failed: {}",
                task.trace.lines().next().unwrap_or_default()
            );
        }
        if begun.elapsed() > LIMIT {
            bail!("not within {LIMIT:?}");
        }
        tokio::time::sleep(POLL).await;
    }
}
