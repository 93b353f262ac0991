//! Names of services and processes in scenarios: a wrong one is found as the file is read.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error};
use serde_json::Value;
use stack::ServiceName;

/// What a stack has whose services can be started and stopped, beside the names of those services.
pub const CONTROL: &str = "control";

/// What a stack has whose logs can be read.
pub const LOGS: &str = "logs";
/// What a stack has of whose components the versions are known: the variables `versions.…`.
pub const VERSIONS: &str = "versions";

/// What names of processes that a scenario starts begin with.
const OWN: &str = "exporter-";
/// Stands for them in messages.
const OWN_SHOWN: &str = "exporter-…";

/// The services of the stack, and what stands for the scenario's own processes.
const EVERYTHING: [&str; 8] = [
    "postgres",
    "prometheus",
    "zookeeper",
    "kafka",
    "connect",
    "exporter",
    "producer",
    OWN_SHOWN,
];
const SERVICES: [&str; 7] = {
    let [a, b, c, d, e, f, g, _] = EVERYTHING;
    [a, b, c, d, e, f, g]
};
const EXPORTERS: [&str; 2] = ["exporter", OWN_SHOWN];

fn is_own(name: &str) -> bool {
    name.strip_prefix(OWN).is_some_and(|rest| {
        !rest.is_empty()
            && rest
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
    })
}

/// A service of the stack.
#[derive(Debug, Clone, Copy)]
pub struct Service(pub ServiceName);

impl<'de> Deserialize<'de> for Service {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        name.parse()
            .map(Self)
            .map_err(|_| D::Error::unknown_variant(&name, &SERVICES))
    }
}

impl JsonSchema for Service {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Service".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "enum": SERVICES })
    }
}

macro_rules! process {
    ($(#[$doc:meta])* $name:ident, $known:expr, $others:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone)]
        pub struct $name(String);

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let name = String::deserialize(deserializer)?;
                if $others.contains(&name.as_str()) || is_own(&name) {
                    return Ok(Self(name));
                }
                Err(D::Error::unknown_variant(&name, $known))
            }
        }

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                let own = json_schema!({ "type": "string", "pattern": "^exporter-[a-z0-9-]+$" });
                if $others.is_empty() {
                    return own;
                }
                json_schema!({ "anyOf": [{ "enum": $others }, own] })
            }
        }

        impl Deref for $name {
            type Target = str;
            fn deref(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.pad(&self.0)
            }
        }
    };
}

const NOTHING: [&str; 0] = [];

process!(
    /// A service of the stack, or a process that the scenario started.
    Process, &EVERYTHING, SERVICES
);
process!(
    /// The stack's exporter, or one that the scenario started.
    Exporter, &EXPORTERS, ["exporter"]
);
process!(
    /// A process that the scenario starts. The prefix keeps it apart from the services, so that a misspelt service is not
    /// taken for a process that somebody may have started.
    OwnProcess, &[OWN_SHOWN], NOTHING
);

/// What a stack must have for arguments that name a service, alone or as `service`: that service. A process that the
/// scenario starts itself is none.
pub fn service_of(arguments: &Value) -> Vec<&'static str> {
    let name = arguments.get("service").unwrap_or(arguments);
    let service = name
        .as_str()
        .and_then(|name| name.parse::<ServiceName>().ok());
    service.map(ServiceName::as_str).into_iter().collect()
}

/// What a stack must have for an action that controls a service: the service, and control over it. A scenario always has
/// control over a process that it starts itself.
pub fn controlled_service_of(arguments: &Value) -> Vec<&'static str> {
    let mut needs = service_of(arguments);
    if !needs.is_empty() {
        needs.push(CONTROL);
    }
    needs
}

/// What a stack must have for a check of a log: the service, and its log. A scenario always has the log of a process that it
/// starts itself.
pub fn logged_service_of(arguments: &Value) -> Vec<&'static str> {
    let mut needs = service_of(arguments);
    if !needs.is_empty() {
        needs.push(LOGS);
    }
    needs
}

/// What a stack must have for a check of an exporter: its own, unless `exporter` names one of the scenario's.
pub fn exporter_of(arguments: &Value) -> Vec<&'static str> {
    let named = arguments.get("exporter").and_then(Value::as_str);
    let own = named.is_some_and(is_own);
    if own { Vec::new() } else { vec!["exporter"] }
}

impl Default for Exporter {
    fn default() -> Self {
        Self("exporter".to_owned())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use rstest::rstest;
    use serde_json::{from_value, json};

    #[test]
    fn every_service_has_its_name_here() {
        assert_eq!(SERVICES, ServiceName::ALL.map(ServiceName::as_str));
    }

    #[rstest]
    #[case::service("kafka", true)]
    #[case::own("exporter-2", true)]
    #[case::misspelt("kfka", false)]
    #[case::own_without_a_name("exporter-", false)]
    #[case::own_with_another_prefix("second", false)]
    fn a_process_is_a_service_or_own(#[case] name: &str, #[case] right: bool) {
        assert_eq!(from_value::<Process>(json!(name)).is_ok(), right);
    }

    #[rstest]
    #[case::alone(json!("kafka"), &["kafka"], &["kafka", "control"])]
    #[case::by_key(json!({ "service": "connect", "url": "/" }), &["connect"], &["connect", "control"])]
    #[case::own(json!({ "service": "exporter-late" }), &[], &[])]
    #[case::own_alone(json!("exporter-late"), &[], &[])]
    #[case::none(json!({ "url": "http://localhost" }), &[], &[])]
    fn a_stack_needs_what_arguments_name(
        #[case] arguments: Value,
        #[case] needs: &[&str],
        #[case] controlled: &[&str],
    ) {
        assert_eq!(service_of(&arguments), needs);
        assert_eq!(controlled_service_of(&arguments), controlled);
    }

    #[rstest]
    #[case::of_the_stack(json!({ "name": "cpu" }), &["exporter"])]
    #[case::own(json!({ "name": "cpu", "exporter": "exporter-late" }), &[])]
    fn a_check_of_an_own_exporter_needs_no_other(#[case] arguments: Value, #[case] needs: &[&str]) {
        assert_eq!(exporter_of(&arguments), needs);
    }

    #[test]
    fn a_process_of_the_scenario_does_not_take_the_name_of_a_service() {
        assert!(from_value::<OwnProcess>(json!("exporter")).is_err());
        assert!(from_value::<Service>(json!("exporter-2")).is_err());
    }
}
