//! Keys that a class reads without listing them: Connect's validation does not know them, and they work all the same. Found by
//! comparing the fields in Debezium's sources with what workers list.

use super::case::UNWRAP;
use super::worker::POSTGRES;

/// Versions of Debezium by their two first numbers.
type Version = (u32, u32);

/// First version, last version, class, keys.
type Line = (Version, Version, &'static str, &'static [&'static str]);

const ALWAYS: Version = (2, 0);
const LATEST: Version = (u32::MAX, 0);

const UNLISTED: [Line; 4] = [
    // Read since 2.5 (DBZ-7062 documents it), listed since 3.1 (DBZ-8776).
    ((2, 5), (3, 0), UNWRAP, &["delete.tombstone.handling.mode"]),
    (
        ALWAYS,
        LATEST,
        POSTGRES,
        &[
            // Of the naming of topics: AbstractTopicNamingStrategy and AbstractRegexTopicNamingStrategy.
            "topic.cache.size",
            "topic.delimiter",
            "topic.heartbeat.prefix",
            "topic.transaction",
            "topic.regex",
            "topic.replacement",
            "topic.key.enforce.uniqueness",
            "topic.key.field.name",
            "topic.key.field.regex",
            "topic.key.field.replacement",
            // Of the channels of signals: KafkaSignalChannel and FileSignalChannel.
            "signal.kafka.topic",
            "signal.kafka.bootstrap.servers",
            "signal.kafka.groupId",
            "signal.kafka.poll.timeout.ms",
            "signal.file",
            // Of PostgresConnectorConfig.
            "money.fraction.digits",
            "read.only",
        ],
    ),
    // Listed since then.
    (
        ALWAYS,
        (3, 0),
        POSTGRES,
        &[
            "event.converting.failure.handling.mode",
            "field.name.adjustment.mode",
            "incremental.snapshot.allow.schema.changes",
            "skip.messages.without.change",
        ],
    ),
    (
        (3, 0),
        LATEST,
        POSTGRES,
        &["offset.mismatch.strategy", "topic.heartbeat.name"],
    ),
];

/// Keys that a class of this version of Debezium reads and does not list. A version that is none is taken for the latest.
pub fn keys(debezium: &str, class: &str) -> impl Iterator<Item = &'static str> {
    let version = numbers(debezium).unwrap_or(LATEST);
    UNLISTED
        .iter()
        .filter(move |(from, to, of, _)| *of == class && *from <= version && version <= *to)
        .flat_map(|(_, _, _, keys)| keys.iter().copied())
}

/// Whether a class of this version of Debezium reads a key that it does not list.
pub fn is_read(debezium: &str, class: &str, key: &str) -> bool {
    keys(debezium, class).any(|unlisted| unlisted == key)
}

fn numbers(version: &str) -> Option<Version> {
    let mut parts = version.split('.').map(|part| part.parse().ok());
    Some((parts.next()??, parts.next()??))
}
