//! `connector`

use async_trait::async_trait;
use scenario::TextOr;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::connect::{self, Status};
use crate::runner::{Context, Observed, Step, StepError};
use crate::words::count;

/// A connector's state: `connector = "NAME"` is one that runs with its tasks.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(from = "TextOr<Full>")]
pub struct Connector(Full);

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Full {
    /// Its name.
    name: String,
    /// State of the connector and of each task, unless `task_state` is given.
    #[serde(default)]
    state: State,
    /// State of each task.
    task_state: Option<State>,
    /// Number of tasks; at least one when not given, none when stopped.
    tasks: Option<usize>,
    /// Words in the stack trace of the connector or a task that failed.
    trace: Option<String>,
    /// It must not be there: nothing else is looked at.
    #[serde(default)]
    absent: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema, strum::Display)]
#[serde(rename_all = "UPPERCASE")]
#[strum(serialize_all = "UPPERCASE")]
enum State {
    #[default]
    Running,
    Paused,
    Stopped,
    Failed,
    Unassigned,
    Restarting,
}

impl From<TextOr<Full>> for Connector {
    fn from(written: TextOr<Full>) -> Self {
        Self(match written {
            TextOr::Full(full) => full,
            TextOr::Text(name) => Full {
                name,
                state: State::Running,
                task_state: None,
                tasks: None,
                trace: None,
                absent: false,
            },
        })
    }
}

#[async_trait]
impl Step for Connector {
    async fn attempt(&self, context: &mut Context) -> Result<Observed, StepError> {
        let Full { name, absent, .. } = &self.0;
        // Connect may be on its way back.
        let status = connect::status(context, name).await.map_err(|error| {
            StepError::mismatch("connect", self.expected(), format!("{error:#}"))
        })?;
        match status {
            None if *absent => Ok(Observed::text("it is not there")),
            None => Err(StepError::mismatch(
                "connect",
                self.expected(),
                format!("there is no connector {name}"),
            )),
            Some(status) if !absent && self.holds(&status) => {
                let states: Vec<_> = status
                    .tasks
                    .iter()
                    .map(|task| task.state.as_str())
                    .collect();
                Ok(Observed::value(
                    shown(&status),
                    json!({ "state": status.connector.state, "tasks": states }),
                ))
            }
            Some(status) => Err(StepError::mismatch(
                "connect",
                self.expected(),
                shown(&status),
            )),
        }
    }
}

impl Connector {
    fn holds(&self, status: &Status) -> bool {
        let Full {
            state,
            task_state,
            tasks,
            trace,
            ..
        } = &self.0;
        let wanted = task_state.unwrap_or(*state).to_string();
        let all = std::iter::once(&status.connector).chain(&status.tasks);
        // A connector with a failed task is itself RUNNING.
        let connector_is_right = match (task_state, state) {
            (None, State::Failed) => {
                ["FAILED", "RUNNING"].contains(&status.connector.state.as_str())
            }
            _ => status.connector.state == state.to_string(),
        };
        let number_is_right = match tasks {
            Some(number) => status.tasks.len() == *number,
            None => *state == State::Stopped || !status.tasks.is_empty(),
        };
        connector_is_right
            && number_is_right
            && status.tasks.iter().all(|task| task.state == wanted)
            && trace
                .as_deref()
                .is_none_or(|words| all.clone().any(|one| one.trace.contains(words)))
    }

    fn expected(&self) -> String {
        let Full {
            name,
            state,
            task_state,
            tasks,
            trace,
            absent,
        } = &self.0;
        if *absent {
            return format!("no connector {name}");
        }
        let number = tasks.map_or_else(|| "its tasks".to_owned(), |number| count(number, "task"));
        let mut words = format!(
            "connector {name} to be {state}, {number} {}",
            task_state.unwrap_or(*state)
        );
        if let Some(trace) = trace {
            words.push_str(&format!(", with {trace:?} in a trace"));
        }
        words
    }
}

fn shown(status: &Status) -> String {
    let tasks: Vec<_> = status
        .tasks
        .iter()
        .map(|task| task.state.as_str())
        .collect();
    let mut text = format!(
        "connector {}, tasks [{}]",
        status.connector.state,
        tasks.join(", ")
    );
    for one in std::iter::once(&status.connector).chain(&status.tasks) {
        // The first line says what happened and each `Caused by` why.
        let lines = one.trace.lines().enumerate();
        for (_, line) in
            lines.filter(|(number, line)| *number == 0 || line.starts_with("Caused by"))
        {
            text.push('\n');
            text.push_str(line);
        }
    }
    text
}
