//! Variables that look like a setting and are none: what they hold is ignored, which nobody would notice.

use std::collections::BTreeSet;
use std::ffi::OsString;

use clap::{Command, CommandFactory};

use crate::kafka::PREFIX;

/// Letters that may be wrong. More, and variables of other programs are near: Kafka's own scripts have `KAFKA_OPTS`, systemd has
/// `LISTEN_FDS`, and Kubernetes makes up `KAFKA_PORT`.
const LETTERS: usize = 2;
/// Letters behind a whole name, as in `LISTEN_ADDRESS`.
const ENDING: usize = 4;

/// Says in the log which variables of the environment are most likely misspelt settings.
pub fn warn_of_misspelt<P: CommandFactory>(
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) {
    // A name that is no text is none of ours.
    let given = environment
        .into_iter()
        .filter_map(|(variable, _)| variable.into_string().ok())
        .collect();
    for (variable, meant) in misspelt(&P::command(), &given) {
        tracing::warn!("{variable} is no setting and is ignored; did you mean {meant}?");
    }
}

/// Variables that are no settings, and the settings they are near to. One that is given, too, was not meant.
fn misspelt(command: &Command, given: &BTreeSet<String>) -> Vec<(String, String)> {
    let settings: BTreeSet<&str> = command
        .get_arguments()
        .filter_map(|argument| argument.get_env()?.to_str())
        .collect();
    let meant = |variable: &String| -> Option<String> {
        if settings.contains(variable.as_str()) {
            return None;
        }
        let near = settings
            .iter()
            .filter(|setting| !given.contains(**setting) && is_near(variable, setting))
            .min_by_key(|setting| strsim::damerau_levenshtein(variable, setting));
        near.map(|setting| (*setting).to_owned())
            .or_else(|| prefix(variable))
    };
    given
        .iter()
        .filter_map(|variable| Some((variable.clone(), meant(variable)?)))
        .collect()
}

fn is_near(variable: &str, setting: &str) -> bool {
    let is_ending =
        |rest: &str| rest.len() <= ENDING && rest.chars().all(|letter| letter.is_ascii_uppercase());
    // The distance takes as long as both lengths multiplied, and an environment may hold anything.
    variable.len().abs_diff(setting.len()) <= ENDING
        && (variable.strip_prefix(setting).is_some_and(is_ending)
            || strsim::damerau_levenshtein(variable, setting) <= LETTERS)
}

/// The variable of a librdkafka setting, if only its prefix is misspelt.
fn prefix(variable: &str) -> Option<String> {
    let (second, _) = variable.match_indices('_').nth(1)?;
    let (beginning, setting) = variable.split_at_checked(second + 1)?;
    // Two letters away is `KAFKA_CONF_`, which may be anybody's.
    let is_near = strsim::damerau_levenshtein(beginning, PREFIX) == 1;
    (is_near && !setting.is_empty()).then(|| format!("{PREFIX}{setting}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use clap::Parser;
    use rstest::rstest;

    use super::*;
    use crate::{KafkaArgs, LogArgs};

    #[derive(Parser)]
    struct Args {
        #[command(flatten)]
        _kafka: KafkaArgs,
        #[arg(long, env = "LISTEN_ADDR")]
        _listen_addr: Option<String>,
        #[arg(long, env = "KAFKA_GROUP_ID")]
        _group_id: Option<String>,
        #[command(flatten)]
        _log: LogArgs,
    }

    #[rstest]
    #[case::a_letter_too_few("KAFKA_TOPC", "KAFKA_TOPIC")]
    #[case::a_letter_too_many("KAFKA_TOPICS", "KAFKA_TOPIC")]
    #[case::changed_places("KAFKA_GRUOP_ID", "KAFKA_GROUP_ID")]
    #[case::one_of_many("KAFKA_BOOTSTRAP_SERVER", "KAFKA_BOOTSTRAP_SERVERS")]
    #[case::half_an_ending("LISTEN_ADDRES", "LISTEN_ADDR")]
    #[case::an_ending("LISTEN_ADDRESS", "LISTEN_ADDR")]
    #[case::without_a_line("LOGLEVEL", "LOG_LEVEL")]
    #[case::of_librdkafka("KAFKA_CONFG_SASL_USERNAME", "KAFKA_CONFIG_SASL_USERNAME")]
    fn the_setting_that_is_meant(#[case] variable: &str, #[case] meant: &str) {
        let given = BTreeSet::from([variable.to_owned()]);
        let expected = [(variable.to_owned(), meant.to_owned())];
        assert_eq!(misspelt(&Args::command(), &given), expected);
    }

    /// Settings, and what other programs have.
    #[rstest]
    #[case("KAFKA_TOPIC")]
    #[case("KAFKA_CONFIG_SASL_USERNAME")]
    #[case("KAFKA_HOME")]
    #[case("KAFKA_OPTS")]
    #[case("KAFKA_HEAP_OPTS")]
    #[case("KAFKA_LOG4J_OPTS")]
    #[case("KAFKA_JVM_PERFORMANCE_OPTS")]
    #[case("KAFKA_JMX_OPTS")]
    #[case("KAFKA_CONF_DIR")]
    #[case("KAFKA_CONNECT_GROUP_ID")]
    #[case("KAFKA_PORT")]
    #[case("KAFKA_PORT_9092_TCP_ADDR")]
    #[case("KAFKA_SERVICE_HOST")]
    #[case("LISTEN_FDS")]
    #[case("LISTEN_PID")]
    #[case("LISTEN_ADDR_V6")]
    #[case("LOGNAME")]
    #[case("LOG_DIR")]
    #[case("PATH")]
    #[case("")]
    fn nothing_is_said_of(#[case] variable: &str) {
        let given = BTreeSet::from([variable.to_owned()]);
        assert_eq!(misspelt(&Args::command(), &given), []);
    }

    #[test]
    fn a_setting_that_is_given_itself_is_not_meant() {
        let given = ["KAFKA_TOPIC", "KAFKA_TOPICS"].map(str::to_owned);
        assert_eq!(misspelt(&Args::command(), &given.into()), []);
    }
}
