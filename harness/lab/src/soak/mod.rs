//! Rounds of a soak: scenarios that are made up, from a seed.
//!
//! Each is a scenario of its own, with topics, tables and connectors of its own, so that one can be run again alone; the stack stays
//! the same for all of them. What must hold in the end is known from what was done ([`model`]), not from what was seen.

mod fault;
mod model;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use stack::Profile;

pub use fault::Fault;
use model::Customers;

/// Something that is wrong on purpose, to see that it is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Wrong {
    /// A connector that leaves deletes out.
    Connector,
    /// A sink that ignores truncates.
    Sink,
}

/// What a soak is made of.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    pub seed: u64,
    pub profile: Profile,
    pub wrong: Option<Wrong>,
}

/// One round, as the text of a scenario file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Round {
    /// What is done in it, in a line.
    pub title: String,
    pub text: String,
    pub faults: Vec<Fault>,
    /// Messages that are produced, and rows that are changed.
    pub records: u64,
}

/// Messages of the load in the background.
const LOAD: u64 = 3_000;
const LOAD_RATE: u64 = 150;
const LOAD_SERIES: u64 = 40;

impl Plan {
    /// Makes up a round, from 1. The same number of the same plan is the same round.
    pub fn round(self, number: u32) -> Round {
        let mut random = StdRng::seed_from_u64(self.seed ^ u64::from(number).rotate_left(32));
        let mut customers = Customers::default();
        let mut steps = self.begin();
        let mut increments = 0;
        let mut faults = Vec::new();
        for _ in 0..random.random_range(2..=4) {
            let fault = Fault::any(&mut random, self.profile);
            let more = random.random_range(100..1_000_u64);
            increments += more;
            let changes = customers.change(&mut random);
            steps.extend(fault.steps(
                json!({ "sql": changes }),
                json!({ "produce": { "topic": "${sums}", "records": [{ "repeat": more, "value": increment() }] } }),
                exporter_of_sums(),
            ));
            faults.push(fault);
        }
        if self.wrong == Some(Wrong::Sink) {
            steps.push(json!({ "sql": customers.truncate() }));
        }
        if self.wrong == Some(Wrong::Connector) {
            steps.push(json!({ "sql": customers.delete() }));
        }
        // librdkafka takes other sequence numbers when a broker refuses one as out of order, and sends again what it has no
        // answer for. A broker that was killed has written some of that.
        let may_repeat = faults.iter().any(|fault| fault.kills("kafka"));
        steps.extend(checks(&customers, increments, may_repeat));
        let words: Vec<_> = faults.iter().map(Fault::to_string).collect();
        let title = format!(
            "Round {number} of `lab soak --seed {}`: {}.",
            self.seed,
            words.join(", ")
        );
        let scenario = json!({
            "tags": ["faults", "soak"],
            "exclusive": true,
            "stack": { "jdbc": JDBC_VERSION },
            "vars": {
                "load": "${run.prefix}.load",
                "sums": "${run.prefix}.sums",
                "customers": "${run.prefix}.public.customers",
            },
            "defaults": { "within": "120s" },
            "step": steps,
        });
        // Everything in it is a table, a list, text, a number or a truth: TOML has all of these.
        let body = toml::to_string(&scenario).unwrap_or_default();
        Round {
            text: format!("# {title}\n{body}"),
            title,
            faults,
            records: LOAD + increments + customers.changes(),
        }
    }

    /// Topics, exporters, the load, the tables and their connectors, with a first row that has arrived and whose offset is committed.
    fn begin(self) -> Vec<Value> {
        let mut source = json!({
            "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
            "database.hostname": "${postgres.host}",
            "database.port": "${postgres.port}",
            "database.user": "${postgres.user}",
            "database.password": "${postgres.password}",
            "database.dbname": "${postgres.database}",
            "plugin.name": "pgoutput",
            "slot.name": "${run.prefix}",
            "topic.prefix": "${run.prefix}",
            "table.include.list": "public.customers",
            "poll.interval.ms": "50",
            "skipped.operations": "none",
        });
        if self.wrong == Some(Wrong::Connector) {
            source["skipped.operations"] = json!("d");
        }
        let sink = json!({
            "connector.class": "io.debezium.connector.jdbc.JdbcSinkConnector",
            "topics": "${customers}",
            "connection.url": "jdbc:postgresql://${postgres.host}:${postgres.port}/${run.prefix}_copy",
            "connection.username": "${postgres.user}",
            "connection.password": "${postgres.password}",
            "collection.name.format": "customers",
            "insert.mode": "upsert",
            "delete.enabled": "true",
            "truncate.enabled": if self.wrong == Some(Wrong::Sink) { "false" } else { "true" },
            "primary.key.mode": "record_key",
            "schema.evolution": "basic",
            "consumer.override.session.timeout.ms": "6000",
            "consumer.override.heartbeat.interval.ms": "1000",
        });
        let shared = |name: &str| {
            let env = json!({ "KAFKA_CONFIG_SESSION_TIMEOUT_MS": "6000", "KAFKA_CONFIG_HEARTBEAT_INTERVAL_MS": "1000" });
            json!({ "start_exporter": { "name": name, "topic": "${load}", "group": "${run.prefix}.load", "env": env } })
        };
        vec![
            json!({ "create_topic": { "name": "${load}", "partitions": 4 } }),
            json!({ "create_topic": { "name": "${sums}", "partitions": 1 } }),
            exporter_of_sums(),
            shared("exporter-first"),
            shared("exporter-second"),
            json!({ "sql": "CREATE DATABASE ${run.prefix}_copy" }),
            json!({ "sql": "CREATE TABLE customers (id int PRIMARY KEY, name text)" }),
            json!({ "put_connector": { "name": "${run.prefix}", "config": source } }),
            json!({ "put_connector": { "name": "${run.prefix}_copy", "config": sink } }),
            json!({ "connector": "${run.prefix}" }),
            json!({ "connector": "${run.prefix}_copy" }),
            json!({
                "name": "the replication slot is active",
                "rows": {
                    "query": "SELECT state FROM pg_stat_replication JOIN pg_replication_slots ON pid = active_pid WHERE slot_name = '${run.prefix}'",
                    "rows": [{ "state": "streaming" }],
                },
            }),
            json!({ "sql": "INSERT INTO customers VALUES (0, 'first of all')" }),
            json!({
                "name": "a first row is on the topic",
                "records": { "topic": "${customers}", "exactly": [{ "value": { "op": "c" } }] },
                "capture": { "first": "$[0].value.source.lsn" },
            }),
            json!({
                "name": "and its offset is committed",
                "http": {
                    "service": "connect",
                    "url": "/connectors/${run.prefix}/offsets",
                    "json": { "offsets": [{ "offset": { "lsn": "${first}" } }] },
                },
            }),
            json!({ "producer": {
                "name": "producer-load", "topic": "${load}", "series": LOAD_SERIES, "metrics_per_message": 4,
                "rate": LOAD_RATE, "count": LOAD, "seed": 1,
                // A broker may come back later than a producer waits by itself when it ends.
                "flags": ["--flush-timeout", "60s"],
            } }),
        ]
    }
}

/// The version of the sink that rounds are written for: the lock's, which a test compares.
const JDBC_VERSION: &str = "3.6.0.Final";

fn exporter_of_sums() -> Value {
    let env = json!({
        "COUNTER_MODE": "delta", "KAFKA_GROUP_INSTANCE_ID": "sum", "STATE_TOPIC": "${run.prefix}.state",
    });
    json!({ "start_exporter": { "name": "exporter-sum", "topic": "${sums}", "group": "${run.prefix}.sums", "env": env } })
}

fn increment() -> Value {
    json!({ "m": { "Type": "counter", "Name": "increments_total", "Value": 1 } })
}

/// What must hold once nothing is hurt any more. `may_repeat`: whether the producer may have sent a message again that was there.
fn checks(customers: &Customers, increments: u64, may_repeat: bool) -> Vec<Value> {
    const SUM: &str = "SELECT count(*)::int AS rows, md5(coalesce(string_agg(id || '=' || name, ',' ORDER BY id), '')) AS sum FROM customers";
    let ok = |exporter: &str, name: &str, value: Value| json!({ "exporter": exporter, "name": name, "value": value });
    let mut checks = vec![
        json!({ "name": "the source runs", "connector": "${run.prefix}" }),
        // The task of the JDBC sink ends for good when its database is killed while it alters a table.
        json!({
            "name": "what has failed of the sink is restarted by hand",
            "restart_connector": { "name": "${run.prefix}_copy", "only_failed": true },
        }),
        json!({ "name": "the sink runs", "connector": "${run.prefix}_copy" }),
        json!({ "name": "each increment is counted once", "series": ok("exporter-sum", "increments_total", json!(increments)) }),
        json!({ "name": "and stays so", "series": ok("exporter-sum", "increments_total", json!(increments)), "for": "2s" }),
        json!({ "name": "all of the load was delivered", "log": { "service": "producer-load", "contains": "\"failed\":0" } }),
        json!({
            "name": if may_repeat { "nothing is missing, what was sent again left out" } else { "and nothing twice" },
            "records": { "topic": "${load}", "from_start": true, "once": may_repeat, "count": LOAD },
        }),
        json!({ "name": "the load is read", "lag": { "group": "${run.prefix}.load", "topic": "${load}", "records": 0 } }),
        json!({
            "name": "a series is shown by who owns its partition, not by both",
            "series": ok("exporter-second", "exporter_series", json!({ "at_least": 1, "at_most": LOAD_SERIES - 1 })),
        }),
        json!({ "stop": "exporter-second" }),
        json!({
            "name": "and by the other, once there is one alone",
            "series": ok("exporter-first", "exporter_series", json!(LOAD_SERIES)),
        }),
        // Debezium confirms a transaction once a later one has come.
        json!({ "sql": customers.last() }),
        json!({
            "name": "the source has the rows that were written",
            "rows": { "query": SUM, "rows": [{ "rows": customers.alive() }] },
            "capture": { "sum": "$[0].sum" },
        }),
        json!({
            "name": "the copy has the same rows",
            "rows": { "query": SUM, "database": "${run.prefix}_copy", "rows": [{ "rows": customers.alive(), "sum": "${sum}" }] },
        }),
    ];
    for (id, history) in customers.longest(3) {
        checks.push(json!({
            "name": format!("every change of row {id}, in order, what was sent again left out"),
            "records": {
                "topic": "${customers}", "from_start": true, "once": true,
                "key": { "id": id }, "exactly": history,
            },
        }));
    }
    checks
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::path::Path;

    use rstest::rstest;
    use stack::components::Lock;

    use super::*;
    use crate::catalogue::inputs;
    use crate::registry::registry;

    fn plan(seed: u64, profile: Profile) -> Plan {
        Plan {
            seed,
            profile,
            wrong: None,
        }
    }

    #[rstest]
    fn every_round_is_a_scenario(
        #[values(Profile::Zookeeper, Profile::Kraft)] profile: Profile,
        #[values(None, Some(Wrong::Connector), Some(Wrong::Sink))] wrong: Option<Wrong>,
    ) {
        let registry = registry().unwrap();
        let inputs = inputs(Path::new(".")).unwrap();
        for number in 1..=20 {
            let round = Plan {
                wrong,
                ..plan(7, profile)
            }
            .round(number);
            let read =
                scenario::parse_str(Path::new("soak/r.toml"), &round.text, &registry, &inputs);
            if let Err(problems) = read {
                panic!("{problems}\n{}", round.text);
            }
        }
    }

    #[test]
    fn a_round_is_made_up_again_from_its_seed_and_number() {
        let plan = plan(3, Profile::Zookeeper);
        assert_eq!(plan.round(5), plan.round(5));
        assert_ne!(plan.round(5).text, plan.round(6).text);
        assert_ne!(Plan { seed: 4, ..plan }.round(5).text, plan.round(5).text);
    }

    #[test]
    fn every_fault_comes_sooner_or_later() {
        let rounds = (1..200).map(|number| plan(1, Profile::Zookeeper).round(number));
        let faults: std::collections::BTreeSet<_> = rounds
            .flat_map(|round| round.faults)
            .map(|fault| fault.kind())
            .collect();
        assert_eq!(faults.len(), fault::all(Profile::Zookeeper).len());
    }

    #[test]
    fn the_sink_is_in_the_lock() {
        let lock = Lock::embedded().unwrap();
        let sink = lock.resolve(stack::flavour::JDBC, None).unwrap();
        assert_eq!(sink.version(), JDBC_VERSION);
    }
}
