//! One unit, through the commands of systemd.

use std::fmt;
use std::io;
use std::process::{Output, Stdio};

use tokio::process::Command;

/// A unit by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    name: String,
}

/// What `systemctl show` says of a unit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UnitState {
    /// `LoadState`: `loaded`, or `not-found`.
    pub load: String,
    /// `ActiveState`: `active`, `activating`, `inactive`, `failed`, …
    pub active: String,
    /// `SubState`, which tells `auto-restart` from other ways to be activating.
    pub sub: String,
    /// `Result`: how it ended last, `success` where it did so in order.
    pub result: String,
    /// `MainPID`; none where no process runs.
    pub main: Option<u32>,
    /// `NRestarts`: how often systemd has started it again by itself since somebody started it.
    pub restarts: u32,
}

impl UnitState {
    /// Whether no process of it runs, and none will by itself.
    pub fn is_down(&self) -> bool {
        matches!(self.active.as_str(), "inactive" | "failed")
    }

    fn parse(text: &str) -> Self {
        let mut state = Self::default();
        for (key, value) in text.lines().filter_map(|line| line.split_once('=')) {
            match key {
                "LoadState" => value.clone_into(&mut state.load),
                "ActiveState" => value.clone_into(&mut state.active),
                "SubState" => value.clone_into(&mut state.sub),
                "Result" => value.clone_into(&mut state.result),
                "MainPID" => state.main = value.parse().ok().filter(|pid| *pid != 0),
                "NRestarts" => state.restarts = value.parse().unwrap_or_default(),
                _ => {}
            }
        }
        state
    }
}

impl fmt::Display for UnitState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ({})", self.active, self.sub)?;
        if !["", "success"].contains(&self.result.as_str()) {
            write!(formatter, ", result {}", self.result)?;
        }
        Ok(())
    }
}

/// Why a unit does not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum UnitError {
    /// The command cannot be run.
    #[error(
        "cannot run `{program}`: services are controlled on the machine where they are units of systemd"
    )]
    Command {
        /// `systemctl` or `journalctl`.
        program: &'static str,
        /// Cause.
        #[source]
        source: io::Error,
    },
    /// The command said no.
    #[error("`{command}` failed: {said}")]
    Refused {
        /// The whole command.
        command: String,
        /// What it printed.
        said: String,
    },
    /// There is no such unit.
    #[error(
        "there is no unit {unit} on this machine: say in the file of endpoints which one it is, as \"units\": {{\"{service}\": \"NAME.service\"}}"
    )]
    NotFound {
        /// The unit.
        unit: String,
        /// The service that it would be.
        service: &'static str,
    },
    /// It does not run before a scenario begins.
    #[error(
        "{unit} is {state}: `systemctl start {unit}` starts it, `journalctl -u {unit}` says why it ended"
    )]
    Down {
        /// The unit.
        unit: String,
        /// How it is.
        state: Box<UnitState>,
    },
    /// It was started again before it could be kept down.
    #[error(
        "systemd started {unit} again after it was killed, before it could be kept down: its RestartSec is too short"
    )]
    Restarted {
        /// The unit.
        unit: String,
    },
    /// It ended while it was waited for.
    #[error(
        "{unit} is {state} while the lab waits for {condition}\n  last seen: {last_seen}\n  the end of its journal:\n{tail}"
    )]
    Ended {
        /// The unit.
        unit: String,
        /// How it is.
        state: Box<UnitState>,
        /// What was waited for.
        condition: &'static str,
        /// The last answer.
        last_seen: String,
        /// The end of its journal.
        tail: String,
    },
    /// It runs but does not get ready.
    #[error(
        "{unit} is active, but did not get ready within {waited:?}\n  waited for: {condition}\n  last seen: {last_seen}\n  the end of its journal:\n{tail}"
    )]
    NotReady {
        /// The unit.
        unit: String,
        /// How long.
        waited: std::time::Duration,
        /// What was waited for.
        condition: &'static str,
        /// The last answer.
        last_seen: String,
        /// The end of its journal.
        tail: String,
    },
}

impl Unit {
    /// The unit of this name.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into() }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How it is.
    ///
    /// # Errors
    /// When systemd does not answer.
    pub async fn state(&self) -> Result<UnitState, UnitError> {
        let properties = "--property=LoadState,ActiveState,SubState,Result,MainPID,NRestarts";
        let said = run("systemctl", &["show", properties, &self.name]).await?;
        Ok(UnitState::parse(&said))
    }

    /// Starts it; a start by hand is not held back because of starts before.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn start(&self) -> Result<(), UnitError> {
        // Fails where there is nothing to reset.
        let _ = run("systemctl", &["reset-failed", &self.name]).await;
        run("systemctl", &["start", &self.name]).await.map(drop)
    }

    /// Stops it, and returns when it has ended.
    ///
    /// # Errors
    /// When systemd refuses.
    pub async fn stop(&self) -> Result<(), UnitError> {
        run("systemctl", &["stop", &self.name]).await.map(drop)
    }

    /// Sends a signal, by its name, to its processes.
    ///
    /// # Errors
    /// When none runs.
    pub async fn signal(&self, signal: &str) -> Result<(), UnitError> {
        let signal = format!("--signal={signal}");
        run("systemctl", &["kill", &signal, &self.name])
            .await
            .map(drop)
    }

    /// What it has logged since the machine was booted.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub async fn journal(&self) -> Result<String, UnitError> {
        run(
            "journalctl",
            &[
                "--boot",
                "--quiet",
                "--no-pager",
                "--output=cat",
                "--unit",
                &self.name,
            ],
        )
        .await
    }
}

async fn run(program: &'static str, arguments: &[&str]) -> Result<String, UnitError> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null());
    // Messages and numbers as they are parsed here, and nobody is asked for a password.
    command.env("LC_ALL", "C").env("SYSTEMD_PAGER", "");
    if program == "systemctl" {
        command.arg("--no-ask-password");
    }
    // Who gives up waiting does not leave a command behind.
    command.kill_on_drop(true);
    let Output {
        status,
        stdout,
        stderr,
    } = command
        .output()
        .await
        .map_err(|source| UnitError::Command { program, source })?;
    if status.success() {
        return Ok(String::from_utf8_lossy(&stdout).into_owned());
    }
    let said = [stderr, stdout].concat();
    let said = String::from_utf8_lossy(&said).trim().replace('\n', "; ");
    let said = if said.is_empty() {
        status.to_string()
    } else {
        said
    };
    Err(UnitError::Refused {
        command: format!("{program} {}", arguments.join(" ")),
        said,
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::running(
        "LoadState=loaded\nActiveState=active\nSubState=running\nResult=success\nMainPID=7\nNRestarts=0\n",
        "active (running)",
        Some(7),
        false
    )]
    #[case::killed(
        "ActiveState=failed\nSubState=failed\nResult=signal\nMainPID=0\n",
        "failed (failed), result signal",
        None,
        true
    )]
    #[case::comes_back(
        "ActiveState=activating\nSubState=auto-restart\nResult=signal\nMainPID=0\n",
        "activating (auto-restart), result signal",
        None,
        false
    )]
    fn a_state_is_read_from_properties(
        #[case] text: &str,
        #[case] shown: &str,
        #[case] main: Option<u32>,
        #[case] down: bool,
    ) {
        let state = UnitState::parse(text);
        assert_eq!(state.to_string(), shown);
        assert_eq!((state.main, state.is_down()), (main, down));
    }
}
