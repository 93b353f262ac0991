//! librdkafka's log in ours.

use rdkafka::config::RDKafkaLogLevel;

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
