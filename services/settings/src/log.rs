//! Where a service's log goes: standard error, as text or as JSON lines.

use std::io::IsTerminal;
use std::sync::{Mutex, PoisonError};

use clap::{Args, ValueEnum};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

/// The form of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Settings of the log.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Log")]
pub struct LogArgs {
    /// error, warn, info, debug or trace; also by part, as in "info,rdkafka=debug"
    #[arg(long, env = "LOG_LEVEL", default_value = "info", value_name = "LEVEL", value_parser = level)]
    pub log_level: String,
    /// How log lines look
    #[arg(
        long,
        env = "LOG_FORMAT",
        default_value = "text",
        value_name = "FORMAT"
    )]
    pub log_format: LogFormat,
}

fn level(text: &str) -> Result<String, String> {
    // EnvFilter takes a word that is no level for the name of a part, and then logs nothing at all.
    let is_known = |directive: &str| {
        let directive = directive.trim();
        directive.contains(['=', '['])
            || !directive.is_empty() && directive.parse::<LevelFilter>().is_ok()
    };
    match EnvFilter::try_new(text) {
        Ok(_) if text.split(',').all(is_known) => Ok(text.to_owned()),
        _ => Err(
            "error, warn, info, debug or trace, also by part as in \"info,rdkafka=debug\""
                .to_owned(),
        ),
    }
}

impl LogArgs {
    /// Sends the log of this process to standard error from now on. A second call changes nothing.
    pub fn install(&self) -> LogLevel {
        let filter = EnvFilter::try_new(&self.log_level).unwrap_or_default();
        let builder = tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_ansi(std::io::stderr().is_terminal())
            // A log that cannot be written, on a full disk or into a closed pipe, must not end a service: telling of it on the
            // same stream would.
            .log_internal_errors(false)
            .with_writer(std::io::stderr);
        // The only error of both is that a log is installed already, by a test for example.
        let set: Box<dyn Fn(EnvFilter) + Send + Sync> = match self.log_format {
            LogFormat::Text => {
                let builder = builder.with_filter_reloading();
                let handle = builder.reload_handle();
                let _ = builder.try_init();
                Box::new(move |filter| drop(handle.reload(filter)))
            }
            LogFormat::Json => {
                let builder = builder.json().with_filter_reloading();
                let handle = builder.reload_handle();
                let _ = builder.try_init();
                Box::new(move |filter| drop(handle.reload(filter)))
            }
        };
        LogLevel {
            configured: self.log_level.clone(),
            detail: Mutex::new(0),
            set,
        }
    }
}

/// The level of an installed log, which may change while the program runs.
pub struct LogLevel {
    configured: String,
    /// How many steps above the configured level the log is.
    detail: Mutex<usize>,
    set: Box<dyn Fn(EnvFilter) + Send + Sync>,
}

/// What comes above the configured level, whatever that is.
const MORE: [&str; 2] = ["debug", "trace"];

impl LogLevel {
    /// One step more: debug, then trace. Says what it is now.
    pub fn more(&self) -> &str {
        let mut detail = self.detail.lock().unwrap_or_else(PoisonError::into_inner);
        *detail = (*detail + 1).min(MORE.len());
        let level = MORE.get(*detail - 1).copied().unwrap_or(&self.configured);
        self.apply(level)
    }

    /// Back to what the settings say. Says what that is.
    pub fn as_configured(&self) -> &str {
        let mut detail = self.detail.lock().unwrap_or_else(PoisonError::into_inner);
        *detail = 0;
        self.apply(&self.configured)
    }

    fn apply<'l>(&self, level: &'l str) -> &'l str {
        (self.set)(EnvFilter::try_new(level).unwrap_or_default());
        level
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::level;

    #[rstest]
    #[case::level("warn", true)]
    #[case::upper_case("INFO", true)]
    #[case::by_part("info,rdkafka=debug", true)]
    #[case::off("off", true)]
    #[case::misspelt("inof", false)]
    #[case::misspelt_beside_a_part("inof,rdkafka=debug", false)]
    #[case::empty("", false)]
    #[case::no_form("INFO=x=y,", false)]
    fn a_level_is_known(#[case] text: &str, #[case] right: bool) {
        assert_eq!(level(text).is_ok(), right);
    }
}
