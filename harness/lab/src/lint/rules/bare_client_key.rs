//! A setting of Kafka's producer that stands in a connector as if it were the connector's.

use crate::lint::case::{Case, Reading};
use crate::lint::definitions::Kind;
use crate::lint::finding::{Change, Finding, Severity};

/// Those that people tune, by Kafka's ProducerConfig and ConsumerConfig.
const PRODUCER: [&str; 16] = [
    "acks",
    "batch.size",
    "buffer.memory",
    "client.id",
    "compression.type",
    "delivery.timeout.ms",
    "enable.idempotence",
    "linger.ms",
    "max.block.ms",
    "max.in.flight.requests.per.connection",
    "max.request.size",
    "request.timeout.ms",
    "retries",
    "sasl.mechanism",
    "security.protocol",
    "send.buffer.bytes",
];
const CONSUMER: [&str; 8] = [
    "auto.offset.reset",
    "fetch.max.bytes",
    "fetch.min.bytes",
    "group.id",
    "max.partition.fetch.bytes",
    "max.poll.interval.ms",
    "max.poll.records",
    "session.timeout.ms",
];

/// The key as Connect would hand it on.
fn meant(case: &Case<'_>, key: &str) -> Option<String> {
    if !matches!(case.reading(key), Reading::No) {
        return None;
    }
    let (client, known): (&str, &[&str]) = match case.plugin.kind {
        Kind::Sink => ("consumer", &CONSUMER),
        _ => ("producer", &PRODUCER),
    };
    let bare = key.strip_prefix(&format!("{client}.")).unwrap_or(key);
    known
        .contains(&bare)
        .then(|| format!("{client}.override.{bare}"))
}

pub fn tells(case: &Case<'_>, key: &str) -> bool {
    meant(case, key).is_some()
}

pub fn check(case: &Case<'_>, found: &mut Vec<Finding>) {
    for entry in &case.document.entries {
        let Some(meant) = meant(case, &entry.key) else {
            continue;
        };
        let message = format!(
            "Connect does not hand \"{}\" to a client of Kafka",
            entry.key
        );
        let consequence = "it has no effect: the client runs with the worker's settings";
        let finding = Finding::of_key(Severity::Warning, entry, message, consequence)
            .instead(format!("write \"{meant}\", which holds where the worker's connector.client.config.override.policy allows it"));
        found.push(if case.get(&meant).is_some() {
            finding.change(Change::remove(
                &entry.key,
                format!("{} had no effect; {meant} holds", entry.key),
            ))
        } else {
            finding.change(Change::replace(
                &entry.key,
                &meant,
                entry.text().unwrap_or_default(),
                format!("the client runs with {} from now on", entry.key),
            ))
        });
    }
}
