//! What a scenario needs that a file of endpoints does not give.

use std::path::Path;

use anyhow::Result;
use scenario::{Jvm, Scenario};
use stack::{Endpoints, Link, Profile, ServiceName};

use crate::groups;
use crate::runner::{AnyStep, CONTROL, LOGS, Selected, VERSIONS};

/// Why an instance cannot run there; `None` when it can. `control`: whether the services can be stopped and started, and their
/// logs be read. `profile`: what scenarios run on that do not say it, where nothing is known of the cluster's versions.
///
/// # Errors
/// When the scenario names what there is not, which its reader should have seen.
pub fn unmet(
    selected: &Selected,
    endpoints: &Endpoints,
    file: &Path,
    control: bool,
    profile: Profile,
) -> Result<Option<String>> {
    let scenario = &selected.scenario;
    let mut reasons = Vec::new();
    if scenario.exclusive && !control {
        reasons.push("it wants a stack of its own (`exclusive = true`)".to_owned());
    }
    if selected.instance().stack.secure {
        reasons.push(
            "it wants a secure stack (`secure = true` in `[stack]`), and only one of the lab's own is known to be".to_owned(),
        );
    }
    // Units run their JVMs for throughput; how somebody else's cluster does is not known.
    if selected.instance().stack.jvm == Jvm::Server && !control {
        reasons.push(
            "it wants JVMs that run for throughput (`jvm = \"server\"`), which the lab sets only on a stack of its own"
                .to_owned(),
        );
    }
    let versions = endpoints.of(VERSIONS);
    reasons.extend(groups::unfit(selected, &versions, profile)?);
    for (need, position) in &scenario.needs {
        let lacks = match need.as_str() {
            CONTROL if control => None,
            CONTROL => {
                Some("it stops or starts a service, and endpoints give no control".to_owned())
            }
            LOGS if control => None,
            LOGS => Some("it reads a service's log, and endpoints give none".to_owned()),
            VERSIONS if versions.contains_key("kafka") => None,
            VERSIONS => Some("it asks for the lab's own versions".to_owned()),
            "metrics" if endpoints.endpoint("lab", "metrics", "topic").is_err() => Some(format!(
                "it writes to the exporter's topic, where its records stay: allow it by \"metrics\": {{\"topic\": …}} in {}",
                file.display()
            )),
            "producer" if control => endpoints
                .endpoint("lab", "units", need)
                .err()
                .map(|_| "no unit is the producer here".to_owned()),
            _ => lacking(need, endpoints, file),
        };
        reasons.extend(lacks.map(|lacks| format!("{lacks} ({position})")));
    }
    // What a connector writes has to be removed, whether the scenario looks at it or not.
    if scenario.needs.contains_key("connect") && !scenario.needs.contains_key("kafka") {
        reasons.extend(lacking("kafka", endpoints, file));
    }
    Ok((!reasons.is_empty()).then(|| reasons.join("; ")))
}

fn lacking(need: &str, endpoints: &Endpoints, file: &Path) -> Option<String> {
    if let Ok(link) = need.parse::<Link>() {
        return Some(format!(
            "it hurts the link {link}, and only a stack of the lab's own has a proxy there"
        ));
    }
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
