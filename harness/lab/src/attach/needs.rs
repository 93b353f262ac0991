//! What a scenario needs that a file of endpoints does not give.

use std::path::Path;

use scenario::{Jvm, Scenario};
use stack::{Endpoints, Profile, ServiceName};

use crate::runner::{AnyStep, CONTROL, LOGS, Selected, VERSIONS};

/// Why an instance cannot run there; `None` when it can.
pub fn unmet(selected: &Selected, endpoints: &Endpoints, file: &Path) -> Option<String> {
    let scenario = &selected.scenario;
    let mut reasons = Vec::new();
    if scenario.exclusive {
        reasons.push("it wants a stack of its own (`exclusive = true`)".to_owned());
    }
    if selected.instance().stack.jvm == Jvm::Server {
        reasons.push(
            "it wants JVMs that run for throughput (`jvm = \"server\"`), which the lab sets only on a stack of its own"
                .to_owned(),
        );
    }
    let stack = &selected.instance().stack;
    if stack.profile.is_some() || stack.kafka.is_some() || stack.debezium.is_some() {
        reasons.push(
            "it chooses versions in `[stack]`, which only a stack of its own can have".to_owned(),
        );
    }
    for (need, position) in &scenario.needs {
        let lacks = match need.as_str() {
            CONTROL => {
                Some("it stops or starts a service, and endpoints give no control".to_owned())
            }
            LOGS => Some("it reads a service's log, and endpoints give none".to_owned()),
            VERSIONS => Some("it asks for the lab's own versions".to_owned()),
            "metrics" if endpoints.endpoint("lab", "metrics", "topic").is_err() => Some(format!(
                "it writes to the exporter's topic, where its records stay: allow it by \"metrics\": {{\"topic\": …}} in {}",
                file.display()
            )),
            _ => lacking(need, endpoints, file),
        };
        reasons.extend(lacks.map(|lacks| format!("{lacks} ({position})")));
    }
    // What a connector writes has to be removed, whether the scenario looks at it or not.
    if scenario.needs.contains_key("connect") && !scenario.needs.contains_key("kafka") {
        reasons.extend(lacking("kafka", endpoints, file));
    }
    (!reasons.is_empty()).then(|| reasons.join("; "))
}

fn lacking(need: &str, endpoints: &Endpoints, file: &Path) -> Option<String> {
    let service: ServiceName = need.parse().ok()?;
    let Some((key, _)) = service.service().ports(Profile::default()).first() else {
        return Some(format!("it needs the stack's own {service}"));
    };
    match endpoints.endpoint("lab", need, key) {
        Ok(_) => None,
        Err(_) => Some(format!("{} names no {need}.{key}", file.display())),
    }
}

/// The services that have to answer for these, each with the scenarios that need it.
pub fn services(selected: &[Selected]) -> Vec<(ServiceName, Vec<&str>)> {
    let needs = |scenario: &Scenario<AnyStep>, service: ServiceName| {
        let has = |name: ServiceName| scenario.needs.contains_key(name.as_str());
        has(service) || (service == ServiceName::Kafka && has(ServiceName::Connect))
    };
    let of = |service| {
        let mut names: Vec<&str> = selected
            .iter()
            .filter(|one| needs(&one.scenario, service))
            .map(|one| one.scenario.name.as_str())
            .collect();
        names.dedup();
        (service, names)
    };
    ServiceName::ALL
        .into_iter()
        .map(of)
        .filter(|(_, names)| !names.is_empty())
        .collect()
}
