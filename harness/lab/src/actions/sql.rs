//! `sql`

use async_trait::async_trait;
use scenario::{TextFile, TextOr};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use tokio_postgres::SimpleQueryMessage;

use crate::runner::{Context, Observed, Step, StepError};
use crate::words::count;

/// Statements, run in one go: `sql = "TRUNCATE customers"`, or a file of them.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(try_from = "TextOr<Full>")]
pub struct Sql {
    text: String,
    database: Option<String>,
}

/// Statements with more about them. Either `text` or `file`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Full {
    /// The statements.
    text: Option<String>,
    /// A file of statements beside the scenario; variables in it are replaced.
    file: Option<TextFile>,
    /// A database of the server, instead of the scenario's own.
    database: Option<String>,
}

impl TryFrom<TextOr<Full>> for Sql {
    type Error = String;

    fn try_from(written: TextOr<Full>) -> Result<Self, String> {
        match written {
            TextOr::Text(text) => Ok(Self {
                text,
                database: None,
            }),
            TextOr::Full(Full {
                text: Some(text),
                file: None,
                database,
            })
            | TextOr::Full(Full {
                text: None,
                file: Some(TextFile { text, .. }),
                database,
            }) => Ok(Self { text, database }),
            TextOr::Full(_) => Err(
                "the statements are missing or there twice\ngive either `text` or `file`"
                    .to_owned(),
            ),
        }
    }
}

#[async_trait]
impl Step for Sql {
    async fn attempt(&self, context: &mut Context) -> Result<Observed, StepError> {
        if let Some(database) = &self.database {
            context.own("database", database)?;
        }
        let client = context.database(self.database.as_deref()).await?;
        let answers = client
            .simple_query(&self.text)
            .await
            .map_err(|error| StepError::broken("postgres", words(&error, &self.text)))?;
        let rows: u64 = answers
            .iter()
            .map(|answer| match answer {
                SimpleQueryMessage::CommandComplete(rows) => *rows,
                _ => 0,
            })
            .sum();
        Ok(Observed::value(count(rows, "row"), json!({ "rows": rows })))
    }
}

/// Postgres's own words, and the statement they are about.
pub(crate) fn words(error: &tokio_postgres::Error, sql: &str) -> anyhow::Error {
    let Some(db) = error.as_db_error() else {
        return anyhow::anyhow!("{error}");
    };
    let mut text = format!(
        "{}: {} (SQLSTATE {})",
        db.severity(),
        db.message(),
        db.code().code()
    );
    for (label, more) in [("detail", db.detail()), ("hint", db.hint())] {
        if let Some(more) = more {
            text.push_str(&format!("\n{label}: {more}"));
        }
    }
    if let Some(tokio_postgres::error::ErrorPosition::Original(at)) = db.position() {
        let before: String = sql.chars().take(*at as usize - 1).collect();
        let line = before.lines().count().max(1);
        text.push_str(&format!(
            "\nat line {line}: {}",
            sql.lines().nth(line - 1).unwrap_or_default().trim()
        ));
    }
    anyhow::anyhow!(text)
}
