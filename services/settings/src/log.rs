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

/// What writes to the log: these programs, and the crates they are made of that have something to say.
const PARTS: [&str; 7] = [
    "exporter", "producer", "settings", "rdkafka", "warp", "rustls", "h2",
];

fn level(text: &str) -> Result<String, String> {
    // EnvFilter takes nearly everything for the name of a part, and what is said of a part that is none silences the others.
    let directives: Vec<&str> = text.split(',').map(str::trim).collect();
    let text = directives.join(",");
    match EnvFilter::try_new(&text) {
        Ok(_) if directives.iter().copied().all(is_known) => Ok(text),
        _ => Err(format!(
            "error, warn, info, debug, trace or off, also by part as in \"info,rdkafka=debug\"; parts are {}, and their modules",
            PARTS.join(", ")
        )),
    }
}

/// Whether it is a level, or a part and its level.
fn is_known(directive: &str) -> bool {
    let (part, level) = match directive.split_once('=') {
        Some((part, level)) => (Some(part), level),
        None => (None, directive),
    };
    let is_part = |part: &str| {
        let (name, module) = part.split_once("::").unwrap_or((part, "module"));
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':');
        PARTS.contains(&name) && !module.is_empty() && module.chars().all(fits)
    };
    !level.is_empty() && level.parse::<LevelFilter>().is_ok() && part.is_none_or(is_part)
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
    #[case::spaces("info, rdkafka=debug", true)]
    #[case::of_a_module("info,exporter::consumer=trace", true)]
    #[case::no_level("verbose", false)]
    #[case::two_levels("info,foo=bar=baz", false)]
    #[case::two_levels_that_are_some("info,foo=debug=info", false)]
    #[case::no_level_of_a_part("info,rdkafka=loud", false)]
    #[case::a_part_alone("info,rdkafka", false)]
    #[case::a_level_is_missing("info,rdkafka=", false)]
    #[case::a_part_is_missing("info,=debug", false)]
    #[case::no_part("info,rdkafak=debug", false)]
    #[case::no_part_alone("foo=debug", false)]
    #[case::no_module("info,exporter::=debug", false)]
    #[case::a_span("info,[span]=debug", false)]
    fn a_level_is_known(#[case] text: &str, #[case] right: bool) {
        assert_eq!(level(text).is_ok(), right);
    }
}
