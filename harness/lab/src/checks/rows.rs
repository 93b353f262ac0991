//! `rows`

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::matching::{Mode, difference};
use super::number::Expected;
use crate::actions::sql_words;
use crate::runner::{Check, Context, Grid, Observed, Step, StepError};
use crate::words::count;

/// A query, and the rows it has to return: all of them, in this order.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rows {
    /// The query.
    query: String,
    /// Its rows, each a table of columns; a row may have more columns.
    rows: Option<Vec<Value>>,
    /// How many rows.
    count: Option<Expected>,
    /// A database of the server, instead of the scenario's own.
    database: Option<String>,
}

impl Check for Rows {
    fn check(&self) -> Result<(), String> {
        match (&self.rows, &self.count) {
            (None, None) => Err("nothing is expected\ngive `rows`, `count` or both".to_owned()),
            _ => Ok(()),
        }
    }
}

#[async_trait]
impl Step for Rows {
    async fn attempt(&self, context: &mut Context) -> Result<Observed, StepError> {
        let client = match context.database(self.database.as_deref()).await {
            Ok(client) => client,
            // The server may be on its way back.
            Err(error) => {
                return Err(StepError::mismatch(
                    "postgres",
                    "an answer",
                    format!("{error:#}"),
                ));
            }
        };
        // The server makes the JSON, so that every type of Postgres has a form.
        let query = format!(
            "SELECT row_to_json(r)::text FROM ({}) AS r",
            self.query.trim().trim_end_matches(';')
        );
        let answer =
            client
                .query(&query, &[])
                .await
                .map_err(|error| match error.as_db_error() {
                    Some(_) => StepError::broken("postgres", sql_words(&error, &query)),
                    None => StepError::mismatch("postgres", "an answer", error.to_string()),
                })?;
        let seen: Vec<Value> = answer
            .iter()
            .map(|row| serde_json::from_str(row.get::<_, &str>(0)).unwrap_or(Value::Null))
            .collect();
        let shown = || {
            let lines: Vec<_> = seen.iter().take(20).map(ToString::to_string).collect();
            format!("{}\n{}", count(seen.len(), "row"), lines.join("\n"))
        };
        if let Some(wanted) = self.count.filter(|wanted| !wanted.holds(seen.len() as f64)) {
            return Err(StepError::mismatch(
                "postgres",
                count(wanted, "row"),
                shown(),
            ));
        }
        if let Some(wanted) = &self.rows {
            if wanted.len() != seen.len() {
                return Err(StepError::mismatch(
                    "postgres",
                    count(wanted.len(), "row"),
                    shown(),
                ));
            }
            let pairs = seen.iter().zip(wanted).enumerate();
            for (number, (seen, wanted)) in pairs {
                if let Some(difference) = difference(seen, wanted, Mode::Subset) {
                    return Err(StepError::mismatch(
                        "postgres",
                        format!("row {}: {difference}", number + 1),
                        shown(),
                    ));
                }
            }
        }
        let header: Vec<String> = seen
            .first()
            .and_then(Value::as_object)
            .map(|row| row.keys().cloned().collect())
            .unwrap_or_default();
        let cells = |row: &Value| header.iter().map(|key| row[key].to_string()).collect();
        let grid = Grid {
            rows: seen.iter().map(cells).collect(),
            header: header.clone(),
        };
        Ok(Observed {
            grid: Some(grid),
            ..Observed::value(count(seen.len(), "row"), Value::Array(seen))
        })
    }
}
