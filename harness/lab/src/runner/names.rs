//! Names of services and processes in scenarios: a wrong one is found as the file is read.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error};
use serde_json::Value;
use stack::{Link, ServiceName};

/// What a stack has whose services can be started and stopped, beside the names of those services.
pub const CONTROL: &str = "control";

/// What a stack has whose logs can be read.
pub const LOGS: &str = "logs";
/// What a stack has of whose components the versions are known: the variables `versions.…`.
pub const VERSIONS: &str = "versions";

/// What stands in messages for names of exporters that a scenario starts.
const OWN_EXPORTER: &str = "exporter-…";
/// Likewise of producers.
const OWN_PRODUCER: &str = "producer-…";

/// The services of the stack, and what stands for the scenario's own processes.
const EVERYTHING: [&str; 12] = [
    "postgres",
    "prometheus",
    "zookeeper",
    "kafka",
    "kafka-2",
    "kafka-3",
    "connect",
    "connect-2",
    "exporter",
    "producer",
    OWN_EXPORTER,
    OWN_PRODUCER,
];
const SERVICES: [&str; 10] = {
    let [a, b, c, d, e, f, g, h, i, j, _, _] = EVERYTHING;
    [a, b, c, d, e, f, g, h, i, j]
};
const LINKS: [&str; Link::ALL.len()] = {
    let mut names = [""; Link::ALL.len()];
    let mut at = 0;
    while at < names.len() {
        names[at] = Link::ALL[at].as_str();
        at += 1;
    }
    names
};
const EXPORTERS: [&str; 2] = ["exporter", OWN_EXPORTER];

/// Whether a name is one of those that `shown` stands for.
fn is_like(shown: &str, name: &str) -> bool {
    let rest = shown
        .strip_suffix('…')
        .and_then(|prefix| name.strip_prefix(prefix));
    rest.is_some_and(|rest| {
        !rest.is_empty()
            && rest
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
    })
}

macro_rules! one_of {
    ($(#[$doc:meta])* $name:ident($what:ty), $known:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        pub struct $name(pub $what);

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let name = String::deserialize(deserializer)?;
                name.parse()
                    .map(Self)
                    .map_err(|_| D::Error::unknown_variant(&name, &$known))
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
                json_schema!({ "enum": $known })
            }
        }
    };
}

one_of!(
    /// A service of the stack.
    Service(ServiceName),
    SERVICES
);
one_of!(
    /// A link between two services.
    LinkName(Link),
    LINKS
);

macro_rules! process {
    ($(#[$doc:meta])* $name:ident, $known:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone)]
        pub struct $name(String);

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let name = String::deserialize(deserializer)?;
                if $known.iter().any(|known| *known == name || is_like(known, &name)) {
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
                names_schema($known)
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

/// Names, some of which stand for others.
fn names_schema(known: &[&str]) -> Schema {
    let (own, services): (Vec<&str>, Vec<&str>) =
        known.iter().partition(|name| name.ends_with('…'));
    let mut forms: Vec<Schema> = own
        .iter()
        .map(|name| {
            let prefix = name.trim_end_matches('…');
            json_schema!({ "type": "string", "pattern": format!("^{prefix}[a-z0-9-]+$") })
        })
        .collect();
    if !services.is_empty() {
        forms.insert(0, json_schema!({ "enum": services }));
    }
    match <[Schema; 1]>::try_from(forms) {
        Ok([only]) => only,
        Err(forms) => json_schema!({ "anyOf": forms }),
    }
}

process!(
    /// A service of the stack, or a process that the scenario started.
    Process, &EVERYTHING
);
process!(
    /// The stack's exporter, or one that the scenario started.
    Exporter, &EXPORTERS
);
process!(
    /// An exporter that the scenario starts. The prefix keeps it apart from the services, so that a misspelt service is not
    /// taken for a process that somebody may have started.
    OwnExporter, &[OWN_EXPORTER]
);
process!(
    /// A producer that the scenario starts; its prefix likewise.
    OwnProducer, &[OWN_PRODUCER]
);

/// Whether a name is that of a process which the scenario starts itself.
pub fn is_own_process(name: &str) -> bool {
    [OWN_EXPORTER, OWN_PRODUCER]
        .iter()
        .any(|shown| is_like(shown, name))
}

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

/// What a stack must have for an action on a link, alone or as `link`: a proxy in that link, where it leads to, and control.
pub fn link_of(arguments: &Value) -> Vec<&'static str> {
    let name = arguments.get("link").unwrap_or(arguments);
    let link = name.as_str().and_then(|name| name.parse::<Link>().ok());
    link.map(|link| vec![CONTROL, link.as_str(), link.to.as_str()])
        .unwrap_or_default()
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
    let own = named.is_some_and(|name| is_like(OWN_EXPORTER, name));
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
    #[case::own_producer("producer-of-noise", true)]
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
        assert!(from_value::<OwnExporter>(json!("exporter")).is_err());
        assert!(from_value::<OwnExporter>(json!("producer-2")).is_err());
        assert!(from_value::<Service>(json!("exporter-2")).is_err());
    }
}
