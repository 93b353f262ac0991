//! Changes of a table of Postgres, streamed by Debezium.
//!
//! The changes are written once, after a replication slot was made. Each measurement gets a copy of that slot
//! (`pg_copy_logical_replication_slot`), so that all read the same write-ahead log from the same place on.

use anyhow::{Context as _, Result};
use serde_json::{Map, Value};

use super::super::arguments::Changes;
use super::super::session::Session;
use super::{configuration, database, insert, table};
use crate::runner::Context;

/// The slot that the others are copies of.
fn first_slot(context: &Context) -> String {
    format!("{}_first", context.prefix)
}

pub(super) async fn prepare(
    context: &mut Context,
    changes: &Changes,
    records: u64,
    session: &Session,
) -> Result<()> {
    let (create, _) = table(&changes.columns);
    let slot = first_slot(context);
    let client = context.database(None).await?;
    client
        .batch_execute(&format!(
            "{create}; CREATE PUBLICATION tuning FOR TABLE items"
        ))
        .await
        .context("cannot make the table and its publication")?;
    client
        .execute(
            "SELECT pg_create_logical_replication_slot($1, 'pgoutput')",
            &[&slot],
        )
        .await
        .context("cannot make a replication slot")?;
    insert(
        context,
        &changes.columns,
        records,
        changes.per_transaction,
        session,
    )
    .await
}

pub(super) async fn begin(context: &mut Context, name: &str) -> Result<()> {
    let first = first_slot(context);
    let client = context.database(None).await?;
    client
        .execute(
            "SELECT pg_copy_logical_replication_slot($1, $2)",
            &[&first, &name],
        )
        .await
        .context("cannot copy the replication slot")?;
    Ok(())
}

pub(super) fn connector(context: &Context, name: &str) -> Result<Map<String, Value>> {
    let mut config = configuration(include_str!("changes.json"))?;
    config.extend(database(context)?);
    config.insert("topic.prefix".to_owned(), name.into());
    config.insert("slot.name".to_owned(), name.into());
    Ok(config)
}
