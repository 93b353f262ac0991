//! A table of Postgres, read by Debezium's snapshot.

use anyhow::{Context as _, Result};
use serde_json::{Map, Value};

use super::super::arguments::Columns;
use super::super::session::Session;
use super::{configuration, database, insert, table};
use crate::runner::Context;

/// Rows in a statement, while the table is filled.
const STEP: u64 = 100_000;

pub(super) async fn prepare(
    context: &mut Context,
    columns: &Columns,
    records: u64,
    session: &Session,
) -> Result<()> {
    let (create, _) = table(columns);
    let client = context.database(None).await?;
    client
        .batch_execute(&create)
        .await
        .context("cannot make the table")?;
    insert(context, columns, records, STEP, session).await?;
    let client = context.database(None).await?;
    // A sequential scan of a large table begins where the last one is or was: records would come in another order each time
    // (PostgreSQL, `synchronize_seqscans`).
    client
        .batch_execute(
            "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET synchronize_seqscans = off', current_database()); END $$",
        )
        .await
        .context("cannot make scans of the table begin at its first row")?;
    // Hint bits and the visibility map are written now, not while the first row is measured.
    client.batch_execute("VACUUM ANALYZE items").await?;
    // Needs a role that a foreign cluster may not give; then the first measurement has the writes.
    let _ = client.batch_execute("CHECKPOINT").await;
    Ok(())
}

pub(super) fn connector(context: &Context, name: &str) -> Result<Map<String, Value>> {
    let mut config = configuration(include_str!("snapshot.json"))?;
    config.extend(database(context)?);
    config.insert("topic.prefix".to_owned(), name.into());
    config.insert("slot.name".to_owned(), name.into());
    Ok(config)
}
