//! What is read: made once, and told to each measurement's connector.

mod changes;
mod disk;
mod lines;
mod snapshot;

use anyhow::{Context as _, Result};
use serde_json::{Map, Value};

use super::arguments::{Columns, Form, Source, Space};
use super::session::Session;
use crate::runner::{Context, postgres};

pub(super) use disk::{enough_left, room_for};

/// Settings of connectors that the lab brings along.
fn configuration(text: &str) -> Result<Map<String, Value>> {
    serde_json::from_str(text).context("a connector of the lab is no JSON object")
}

impl Source {
    /// Makes what it will be in.
    pub(super) async fn open(&self, context: &mut Context) -> Result<()> {
        if let Self::Snapshot(_) | Self::Changes(_) = self {
            context.database(None).await?;
        }
        Ok(())
    }

    /// Makes what is read.
    pub(super) async fn prepare(
        &self,
        context: &mut Context,
        form: &Form,
        session: &Session,
    ) -> Result<()> {
        let records = form.records.unwrap_or(0);
        room_for(context, self, form)?;
        match self {
            Self::Snapshot(table) => {
                snapshot::prepare(context, &table.columns, records, session).await
            }
            Self::Changes(changes) => changes::prepare(context, changes, records, session).await,
            Self::Lines(lines) => lines::prepare(context, lines, records, session),
            Self::Own(_) => Ok(()),
        }
    }

    /// The connector's configuration, for a measurement of this name.
    pub(super) fn connector(&self, context: &Context, name: &str) -> Result<Map<String, Value>> {
        match self {
            Self::Snapshot(_) => snapshot::connector(context, name),
            Self::Changes(_) => changes::connector(context, name),
            Self::Lines(_) => lines::connector(context, name),
            Self::Own(config) => Ok(config.clone()),
        }
    }

    /// What a measurement needs before its connector starts.
    pub(super) async fn begin(&self, context: &mut Context, name: &str) -> Result<()> {
        match self {
            Self::Changes(_) => changes::begin(context, name).await,
            _ => Ok(()),
        }
    }

    /// Takes away what a measurement had on the source.
    pub(super) async fn end(
        &self,
        context: &mut Context,
        config: &Map<String, Value>,
    ) -> Result<()> {
        match config.get("slot.name").and_then(Value::as_str) {
            // Of the user's own connector it may be in a database that is not ours.
            Some(slot) if context.endpoint("postgres", "sql").is_ok() => {
                context.own("replication slot", slot)?;
                let client = postgres::connect_as_given(
                    &context.endpoints,
                    context.endpoint("postgres", "sql")?,
                )
                .await?;
                postgres::drop_slots(&client, "slot_name", slot).await
            }
            _ => Ok(()),
        }
    }

    /// Where a search looks when the experiment does not say it.
    pub(super) fn space(&self) -> Result<Space> {
        let text = match self {
            Self::Snapshot(_) | Self::Changes(_) => include_str!("search-debezium.json"),
            Self::Lines(_) => include_str!("search-lines.json"),
            Self::Own(_) => include_str!("search-own.json"),
        };
        serde_json::from_str(text).context("a search space of the lab is not as it should be")
    }

    /// In words.
    pub(super) fn words(&self, form: &Form) -> String {
        let records = form.records.unwrap_or(0);
        let shape = |columns: &Columns| {
            format!(
                "a key, {} × text of {} characters, {} × bigint, {} × numeric, {} × timestamptz",
                columns.texts,
                columns.text_bytes,
                columns.integers,
                columns.numerics,
                columns.timestamps
            )
        };
        match self {
            Self::Snapshot(table) => format!(
                "Debezium's snapshot of a Postgres table of {records} rows ({})",
                shape(&table.columns)
            ),
            Self::Changes(changes) => format!(
                "{records} inserted rows of a Postgres table, {} in a transaction, streamed by Debezium ({})",
                changes.per_transaction,
                shape(&changes.columns)
            ),
            Self::Lines(lines) => format!(
                "{records} lines of {} bytes, read by FileStreamSource",
                lines.bytes
            ),
            Self::Own(config) => format!(
                "the connector of the experiment, {}",
                config
                    .get("connector.class")
                    .and_then(Value::as_str)
                    .unwrap_or("without a class")
            ),
        }
    }
}

/// Where Postgres is, as Debezium's settings say it.
fn database(context: &Context) -> Result<Map<String, Value>> {
    let server = postgres::parse(&context.endpoints, context.endpoint("postgres", "sql")?)?;
    let password = String::from_utf8_lossy(server.get_password().unwrap_or_default()).into_owned();
    let settings = [
        ("database.hostname", postgres::host(&server)),
        ("database.port", postgres::port(&server).to_string()),
        (
            "database.user",
            server.get_user().unwrap_or_default().to_owned(),
        ),
        ("database.password", password),
        ("database.dbname", context.prefix.clone()),
    ];
    Ok(settings
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.into()))
        .collect())
}

/// `CREATE TABLE` and the columns of `INSERT … SELECT … FROM generate_series(…) AS i`.
fn table(columns: &Columns) -> (String, String) {
    let (mut names, mut values) = (
        vec!["id bigint PRIMARY KEY".to_owned()],
        vec!["i".to_owned()],
    );
    for number in 0..columns.texts {
        names.push(format!("text{number} text NOT NULL"));
        // Digests do not compress, as little as most of what is in tables; beyond some they repeat.
        let digests: Vec<_> = (0..(columns.text_bytes / 32 + 1).min(32))
            .map(|part| format!("md5((i * 31 + {})::text)", number * 37 + part))
            .collect();
        let all = digests.join(" || ");
        values.push(format!(
            "rpad('item ' || {all}, {}, {all})",
            columns.text_bytes
        ));
    }
    for number in 0..columns.integers {
        names.push(format!("integer{number} bigint NOT NULL"));
        values.push(format!("i * {}", number + 3));
    }
    for number in 0..columns.numerics {
        names.push(format!("numeric{number} numeric(10, 2) NOT NULL"));
        values.push(format!("((i * {}) % 100000) / 100.0", number + 1));
    }
    for number in 0..columns.timestamps {
        names.push(format!("timestamp{number} timestamptz NOT NULL"));
        values.push(format!(
            "timestamptz '2026-01-01' + (i + {number}) * interval '1 second'"
        ));
    }
    (
        format!("CREATE TABLE items ({})", names.join(", ")),
        values.join(", "),
    )
}

/// Inserts rows, `step` in a statement, which is a transaction of its own; says how far it is.
async fn insert(
    context: &mut Context,
    columns: &Columns,
    records: u64,
    step: u64,
    session: &Session,
) -> Result<()> {
    let (_, values) = table(columns);
    let client = context.database(None).await?;
    let mut next = 1;
    while next <= records {
        let last = (next + step - 1).min(records);
        client
            .batch_execute(&format!(
                "INSERT INTO items SELECT {values} FROM generate_series({next}::bigint, {last}) AS i"
            ))
            .await
            .context("cannot fill the table")?;
        session.doing(&format!("preparing the data: row {last} of {records}"));
        next = last + 1;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::arguments::{Lines, Table};
    use super::*;

    #[test]
    fn the_labs_own_search_spaces_can_be_read() {
        let table = Table {
            records: 1,
            columns: Columns::default(),
        };
        let lines = Lines {
            records: 1,
            bytes: 87,
        };
        for source in [
            Source::Snapshot(table),
            Source::Lines(lines),
            Source::Own(Map::new()),
        ] {
            let space = source.space().unwrap();
            assert!(space.axes.size().unwrap() > 64);
        }
    }

    #[test]
    fn a_row_has_the_shape_that_is_asked_for() {
        let columns = Columns {
            texts: 1,
            text_bytes: 40,
            integers: 1,
            numerics: 0,
            timestamps: 1,
        };
        let (create, values) = table(&columns);
        assert_eq!(
            create,
            "CREATE TABLE items (id bigint PRIMARY KEY, text0 text NOT NULL, integer0 bigint NOT NULL, timestamp0 timestamptz NOT NULL)"
        );
        assert!(values.starts_with("i, rpad('item ' || md5("), "{values}");
        assert!(values.contains(", 40, "), "{values}");
        assert_eq!(values.matches("md5").count(), 4);
    }
}
