//! Signals to Debezium: the table and the topic that they come by.

use crate::lint::case::Case;
use crate::lint::finding::{Change, Finding, Severity};

const TABLE: &str = "signal.data.collection";
const CHANNELS: &str = "signal.enabled.channels";
/// Not settings: what a message of the topic of signals has to be made of.
const MESSAGE: [&str; 2] = ["signal.kafka.key", "signal.kafka.value"];

pub fn tells(key: &str) -> bool {
    MESSAGE.contains(&key)
}

pub fn check(case: &Case<'_>, found: &mut Vec<Finding>) {
    if !case.is_postgres() {
        return;
    }
    for key in MESSAGE {
        let Some(entry) = case.get(key) else { continue };
        found.push(
            Finding::of_key(
                Severity::Warning,
                entry,
                format!("{} does not read \"{key}\", nor did any version", case.version()),
                "it switches nothing on: key and value are what a message of the topic of signals is made of",
            )
            .instead(format!("signals by Kafka need \"{CHANNELS}\": \"source,kafka\", \"signal.kafka.topic\" and \"signal.kafka.bootstrap.servers\""))
            .change(Change::remove(key, format!("{key} had no effect"))),
        );
    }
    table(case, found);
    channels(case, found);
}

fn table(case: &Case<'_>, found: &mut Vec<Finding>) {
    let Some(entry) = case.get(TABLE) else { return };
    let value = entry.text().unwrap_or_default();
    let parts: Vec<_> = value.trim().split('.').collect();
    // The name of the database may stand before it.
    if (2..=3).contains(&parts.len()) && parts.iter().all(|part| !part.is_empty()) {
        return;
    }
    found.push(
        Finding::of_value(
            Severity::Warning,
            entry,
            format!("\"{TABLE}\" names a table as schema.table, which {value:?} is not"),
            "no signal ever arrives, so no incremental snapshot can be asked for by a table",
        )
        .instead(
            "write such as \"public.debezium_signal\", a table with the columns id, type and data",
        )
        .change(Change::remove(
            TABLE,
            "signals by a table were not possible, and are not asked for any more",
        )),
    );
}

fn channels(case: &Case<'_>, found: &mut Vec<Finding>) {
    let channels = case.list(CHANNELS);
    let has_kafka = channels.iter().any(|channel| channel == "kafka");
    if let Some(entry) = case.get("signal.kafka.topic").filter(|_| !has_kafka) {
        found.push(
            Finding::of_key(
                Severity::Warning,
                entry,
                format!("\"{CHANNELS}\" does not have kafka"),
                "nobody reads the topic of signals",
            )
            .instead(format!("write \"{CHANNELS}\": \"source,kafka\""))
            .change(Change::set(
                CHANNELS,
                "source,kafka",
                "signals are read from the table and from the topic",
            )),
        );
    }
    let Some(entry) = case.get(CHANNELS) else {
        return;
    };
    if has_kafka && case.get("signal.kafka.bootstrap.servers").is_none() {
        found.push(
            Finding::of_value(
                Severity::Error,
                entry,
                "the channel kafka needs \"signal.kafka.bootstrap.servers\"",
                "the connector's task fails when it starts",
            )
            .instead("write \"signal.kafka.bootstrap.servers\""),
        );
    }
    if has_kafka && case.get(TABLE).is_none() && !case.is_on("read.only") {
        found.push(
            Finding::of_value(
                Severity::Warning,
                entry,
                format!("signals come by Kafka, and there is no \"{TABLE}\""),
                "an incremental snapshot marks its chunks in that table, so it does not begin",
            )
            .instead(format!("write \"{TABLE}\", or \"read.only\": \"true\" where nothing may be written to the database")),
        );
    }
}
