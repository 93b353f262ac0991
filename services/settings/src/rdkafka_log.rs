//! What librdkafka tells, in our log.

use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;

/// Writes a line of librdkafka's log as one of the part `rdkafka`, for the `log` of a client's context.
pub fn rdkafka_log(level: RDKafkaLogLevel, facility: &str, text: &str) {
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

/// Writes an error event of librdkafka, for the `error` of a client's context that has nothing better to do with it. What led to it
/// stands in the log already, which repeats less: without a broker there are six such events a second.
pub fn rdkafka_error(error: &KafkaError, reason: &str) {
    tracing::debug!(target: "rdkafka", %error, "{reason}");
}
