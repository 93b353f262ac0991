//! What librdkafka tells, in our log.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;

/// Writes a line of librdkafka's log as one of the part `rdkafka`, for the `log` of a client's context.
pub fn rdkafka_log(level: RDKafkaLogLevel, facility: &str, text: &str) {
    let level = match level {
        RDKafkaLogLevel::Warning if is_waiting_for_the_broker(facility, text) => {
            RDKafkaLogLevel::Debug
        }
        RDKafkaLogLevel::Error if facility == "FAIL" => {
            let mut failures = FAILURES.lock().unwrap_or_else(PoisonError::into_inner);
            match failures.is_news(text, Instant::now()) {
                true => level,
                false => RDKafkaLogLevel::Debug,
            }
        }
        _ => level,
    };
    match level {
        RDKafkaLogLevel::Emerg
        | RDKafkaLogLevel::Alert
        | RDKafkaLogLevel::Critical
        | RDKafkaLogLevel::Error => {
            tracing::error!(target: "rdkafka", facility, "{text}");
        }
        RDKafkaLogLevel::Warning => tracing::warn!(target: "rdkafka", facility, "{text}"),
        RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info => {
            tracing::info!(target: "rdkafka", facility, "{text}")
        }
        RDKafkaLogLevel::Debug => tracing::debug!(target: "rdkafka", facility, "{text}"),
    }
}

/// A broker that has just started loads its coordinators first. librdkafka asks for a producer id again until it has one, and calls each
/// answer in between a warning.
fn is_waiting_for_the_broker(facility: &str, text: &str) -> bool {
    let is_normal = |words| text.contains(words);
    facility == "GETPID"
        && text.ends_with(": retrying")
        && [
            "Broker: Coordinator load in progress",
            "Broker: Coordinator not available",
            "Broker: Not coordinator",
        ]
        .into_iter()
        .any(is_normal)
}

/// Of all clients of this process, as the log is.
static FAILURES: Mutex<Failures> = Mutex::new(Failures(Vec::new()));

/// How long a failure of a connection is no news, as in librdkafka's own log.
const KNOWN: Duration = Duration::from_secs(30);

/// Failures of connections that were told of. librdkafka tells of one twice when a client starts, since its own limit begins with the
/// second; and each client tells of it.
struct Failures(Vec<(String, Instant)>);

impl Failures {
    fn is_news(&mut self, text: &str, now: Instant) -> bool {
        self.0
            .retain(|(_, told)| now.saturating_duration_since(*told) < KNOWN);
        // Behind it stand the milliseconds it took, and how many were not told.
        let what = text.split_once(" (after ").map_or(text, |(what, _)| what);
        if self.0.iter().any(|(known, _)| known == what) {
            return false;
        }
        self.0.push((what.to_owned(), now));
        true
    }
}

/// Writes an error event of librdkafka, for the `error` of a client's context that has nothing better to do with it. What led to it
/// stands in the log already, which repeats less: without a broker there are six such events a second.
pub fn rdkafka_error(error: &KafkaError, reason: &str) {
    tracing::debug!(target: "rdkafka", %error, "{reason}");
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const LOADING: &str = "[thrd:main]: Failed to acquire idempotence PID from broker 127.0.0.1:9092/0: Broker: Coordinator load in \
                           progress: retrying";
    const REFUSED: &str = "[thrd:main]: Failed to acquire idempotence PID from broker 127.0.0.1:9092/0: Broker: Cluster authorization \
                           failed: retrying";

    #[rstest]
    #[case::loading("GETPID", LOADING, true)]
    #[case::refused("GETPID", REFUSED, false)]
    #[case::of_something_else("FAIL", LOADING, false)]
    fn a_broker_that_starts_is_waited_for_quietly(
        #[case] facility: &str,
        #[case] text: &str,
        #[case] quietly: bool,
    ) {
        assert_eq!(is_waiting_for_the_broker(facility, text), quietly);
    }

    const FAILURE: &str = "[thrd:a:9/bootstrap]: a:9/bootstrap: Connect to ipv4#10.0.0.1:9 failed: Connection refused";

    #[rstest]
    #[case::after_the_same(
        " (after 7ms in state CONNECT, 1 identical error(s) suppressed)",
        Duration::ZERO,
        false
    )]
    #[case::after_another(": no, timed out (after 0ms in state CONNECT)", Duration::ZERO, true)]
    #[case::a_while_later(" (after 0ms in state CONNECT)", KNOWN, true)]
    fn a_failure_is_news(#[case] ending: &str, #[case] later: Duration, #[case] is_news: bool) {
        let mut failures = Failures(Vec::new());
        let start = Instant::now();
        assert!(failures.is_news(&format!("{FAILURE} (after 0ms in state CONNECT)"), start));
        assert_eq!(
            failures.is_news(&format!("{FAILURE}{ending}"), start + later),
            is_news
        );
    }
}
