//! Settings of Kafka's producer: which there are, and which values they take.
//!
//! Names, types and bounds are those of `ProducerConfig` in Kafka 3.9 and 4.3 (clients/…/producer/ProducerConfig.java). Connect
//! passes `producer.override.*` on without looking, and the producer ignores what it does not know: a misspelt setting would be
//! measured as if it did nothing.

use scenario::near_miss;
use serde_json::Value;

use super::arguments::{QUOTE, plain};

enum Takes {
    /// A whole number from here on, of 64 bits.
    Number(i64),
    /// One of 32 bits.
    Int(i32),
    /// A whole number from here to there.
    Between(i64, i64),
    /// One of these words.
    Words(&'static [&'static str]),
    /// `true` or `false`.
    Boolean,
    /// Anything.
    Text,
}

use Takes::{Between, Boolean, Int, Number, Text, Words};

const SETTINGS: &[(&str, Takes)] = &[
    ("acks", Words(&["all", "-1", "0", "1"])),
    ("batch.size", Int(0)),
    ("buffer.memory", Number(0)),
    ("client.dns.lookup", Text),
    ("client.id", Text),
    ("compression.gzip.level", Between(-1, 9)),
    ("compression.lz4.level", Between(1, 17)),
    (
        "compression.type",
        Words(&["none", "gzip", "snappy", "lz4", "zstd"]),
    ),
    ("compression.zstd.level", Between(-131_072, 22)),
    ("connections.max.idle.ms", Number(-1)),
    ("delivery.timeout.ms", Int(0)),
    ("enable.idempotence", Boolean),
    ("enable.metrics.push", Boolean),
    ("interceptor.classes", Text),
    ("linger.ms", Number(0)),
    ("max.block.ms", Number(0)),
    ("max.in.flight.requests.per.connection", Int(1)),
    ("max.request.size", Int(0)),
    ("metadata.max.age.ms", Number(0)),
    ("metadata.max.idle.ms", Number(5000)),
    ("metric.reporters", Text),
    ("metrics.num.samples", Int(1)),
    (
        "metrics.recording.level",
        Words(&["INFO", "DEBUG", "TRACE"]),
    ),
    ("metrics.sample.window.ms", Number(0)),
    ("partitioner.adaptive.partitioning.enable", Boolean),
    ("partitioner.availability.timeout.ms", Number(0)),
    ("partitioner.class", Text),
    ("partitioner.ignore.keys", Boolean),
    ("receive.buffer.bytes", Int(-1)),
    ("reconnect.backoff.max.ms", Number(0)),
    ("reconnect.backoff.ms", Number(0)),
    ("request.timeout.ms", Int(0)),
    ("retries", Int(0)),
    ("retry.backoff.max.ms", Number(0)),
    ("retry.backoff.ms", Number(0)),
    ("send.buffer.bytes", Int(-1)),
    ("socket.connection.setup.timeout.max.ms", Number(0)),
    ("socket.connection.setup.timeout.ms", Number(0)),
    ("transaction.timeout.ms", Int(0)),
];

/// What Connect sets itself, whatever a connector says.
const OF_CONNECT: [&str; 4] = [
    "bootstrap.servers",
    "key.serializer",
    "transactional.id",
    "value.serializer",
];

/// What `buffer.memory` is when nobody says it.
const BUFFER: i64 = 32 << 20;

/// Where a client is told how to prove who it is: these have names beyond counting.
const SECURITY: [&str; 3] = ["security.", "sasl.", "ssl."];

/// Looks at a setting of the producer, by Kafka's name.
///
/// # Errors
/// In words, with a line of help, when the producer has no such setting, or cannot have this value.
pub(super) fn check(name: &str, value: &Value) -> Result<(), String> {
    if SECURITY.iter().any(|start| name.starts_with(start)) {
        return Ok(());
    }
    if OF_CONNECT.contains(&name) {
        return Err(format!(
            "`{name}` of a connector's producer is Connect's to set\nleave it out"
        ));
    }
    let Some((_, takes)) = SETTINGS.iter().find(|(known, _)| *known == name) else {
        let bare = name.strip_prefix("producer.override.").unwrap_or(name);
        let help = match SETTINGS.iter().any(|(known, _)| *known == bare) {
            _ if value.is_object() => QUOTE.to_owned(),
            true => format!("write it as Kafka's producer has it: `{bare}`"),
            false => near_miss(name, SETTINGS.iter().map(|(known, _)| *known)).map_or_else(
                || "Kafka's producer would ignore it, and the row would measure nothing".to_owned(),
                |meant| format!("did you mean `{meant}`?"),
            ),
        };
        return Err(format!(
            "`{name}` is no setting of Kafka's producer\n{help}"
        ));
    };
    let text = match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        Value::Bool(truth) => truth.to_string(),
        _ => {
            return Err(format!(
                "`{name}` takes a single value\nexpected {}",
                takes.words()
            ));
        }
    };
    match takes.accepts(&text) {
        true => Ok(()),
        false => Err(format!(
            "`{name}` cannot be {text:?}\nexpected {}",
            takes.words()
        )),
    }
}

impl Takes {
    fn accepts(&self, text: &str) -> bool {
        match self {
            Number(least) => text.parse::<i64>().is_ok_and(|number| number >= *least),
            Int(least) => text.parse::<i32>().is_ok_and(|number| number >= *least),
            Between(least, most) => text
                .parse::<i64>()
                .is_ok_and(|number| (*least..=*most).contains(&number)),
            Words(words) => words.contains(&text),
            Boolean => matches!(text, "true" | "false"),
            Text => true,
        }
    }

    fn words(&self) -> String {
        match self {
            Number(least) => format!("a whole number from {least} on"),
            Int(least) => format!("a whole number from {least} to {}", i32::MAX),
            Between(least, most) => format!("a whole number from {least} to {most}"),
            Words(words) => format!("one of {}", words.join(", ")),
            Boolean => "true or false".to_owned(),
            Text => "a text".to_owned(),
        }
    }
}

/// What the settings of one row say against each other.
///
/// # Errors
/// In words, when no producer can be made of them.
pub(super) fn check_together(settings: &serde_json::Map<String, Value>) -> Result<(), String> {
    let number = |name: &str| {
        let value = settings.get(name)?;
        value
            .as_i64()
            .or_else(|| value.as_str()?.trim().parse().ok())
    };
    // RecordAccumulator allocates a whole batch, or waits for it for ever.
    let buffer = number("buffer.memory").unwrap_or(BUFFER);
    if let Some(batch) = number("batch.size")
        && batch > buffer
    {
        return Err(format!(
            "a batch of {batch} bytes does not fit into buffer.memory = {buffer}\ngive `buffer.memory` at least `batch.size`"
        ));
    }
    // KafkaProducer.configureAcks (KIP-679).
    if let Some(acks) = settings.get("acks").map(plain)
        && !matches!(acks.as_str(), "all" | "-1")
        && settings.get("enable.idempotence").map(plain).as_deref() == Some("true")
    {
        return Err(format!(
            "enable.idempotence = true wants acks = all, and acks is {acks}\nKafka's producer refuses that"
        ));
    }
    if let (Some(wait), Some(request), Some(linger)) = (
        number("delivery.timeout.ms"),
        number("request.timeout.ms"),
        number("linger.ms"),
    ) && wait < request + linger
    {
        return Err(format!(
            "delivery.timeout.ms = {wait} is less than request.timeout.ms + linger.ms = {}\nKafka's producer refuses that",
            request + linger
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use rstest::rstest;
    use serde_json::json;

    #[rstest]
    #[case::number("batch.size", json!(100), None)]
    #[case::number_as_text("linger.ms", json!("50"), None)]
    #[case::word("compression.type", json!("lz4"), None)]
    #[case::boolean("enable.idempotence", json!(true), None)]
    #[case::security("sasl.mechanism", json!("PLAIN"), None)]
    #[case::misspelt("bach.size", json!(1), Some("did you mean `batch.size`?"))]
    #[case::nothing_alike("frobnicate", json!(1), Some("would ignore it"))]
    #[case::with_prefix("producer.override.linger.ms", json!(1), Some("write it as Kafka's producer has it: `linger.ms`"))]
    #[case::negative("batch.size", json!(-1), Some("a whole number from 0 to 2147483647"))]
    #[case::beyond_32_bits("batch.size", json!(2_147_483_648_u32), Some("a whole number from 0 to 2147483647"))]
    #[case::no_such_level("compression.lz4.level", json!(99), Some("from 1 to 17"))]
    #[case::of_connect("transactional.id", json!("x"), Some("Connect's to set"))]
    #[case::dots_without_quotes("batch", json!({ "size": 1 }), Some("wants quotes"))]
    #[case::no_number("linger.ms", json!("soon"), Some("\"soon\""))]
    #[case::fraction("linger.ms", json!(1.5), Some("a whole number"))]
    #[case::word_unknown("compression.type", json!("brotli"), Some("one of none, gzip, snappy, lz4, zstd"))]
    #[case::no_boolean("enable.idempotence", json!("yes"), Some("true or false"))]
    #[case::list("batch.size", json!([1, 2]), Some("a single value"))]
    fn a_setting_is_known_and_its_value_possible(
        #[case] name: &str,
        #[case] value: Value,
        #[case] said: Option<&str>,
    ) {
        let checked = check(name, &value);
        match said {
            None => checked.unwrap(),
            Some(said) => {
                let words = checked.unwrap_err();
                assert!(words.contains(said), "{words}");
            }
        }
    }

    #[rstest]
    #[case::fits(json!({ "batch.size": 100, "buffer.memory": 100 }), true)]
    #[case::too_large(json!({ "batch.size": 101, "buffer.memory": "100" }), false)]
    #[case::larger_than_the_default(json!({ "batch.size": 33_554_433 }), false)]
    #[case::idempotent(json!({ "enable.idempotence": true, "acks": "all" }), true)]
    #[case::idempotent_without_all(json!({ "enable.idempotence": true, "acks": 1 }), false)]
    #[case::in_time(json!({ "delivery.timeout.ms": 30, "request.timeout.ms": 20, "linger.ms": 10 }), true)]
    #[case::too_late(json!({ "delivery.timeout.ms": 29, "request.timeout.ms": 20, "linger.ms": 10 }), false)]
    fn settings_fit_together(#[case] settings: Value, #[case] fit: bool) {
        assert_eq!(check_together(settings.as_object().unwrap()).is_ok(), fit);
    }
}
