//! Which scenarios share a stack, which have one of their own, and which do not run at all.

use std::collections::BTreeMap;

use anyhow::{Result, anyhow};
use scenario::{Position, Scenario, StackSettings};
use stack::components::{Lock, profiles};
use stack::{Flavour, Link, Profile, Security, ServiceName, Size};

use crate::runner::{AnyStep, CONTROL, Selected};

/// The component that `kafka` in `[stack]` gives a version of.
const KAFKA: &str = "kafka";
/// The component that `debezium` in `[stack]` gives a version of.
pub const DEBEZIUM: &str = "debezium-postgres";
/// The component that `jdbc` in `[stack]` gives a version of.
pub const JDBC: &str = stack::flavour::JDBC;

/// Who shares a stack.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Sharing {
    /// All that hurt no service.
    #[default]
    Allowed,
    /// Nobody: what sharing saves is measured against this.
    Never,
}

/// Scenarios that run on one stack.
#[derive(Debug)]
pub struct Group {
    /// What the stack is made of.
    pub flavour: Flavour,
    /// Whether there may be others on it.
    pub shared: bool,
    /// The scenarios, in their order.
    pub selected: Vec<Selected>,
}

/// What runs where.
#[derive(Debug, Default)]
pub struct Plan {
    /// One for each stack: those that are shared come first.
    pub groups: Vec<Group>,
    /// What does not run, each with the reason.
    pub skipped: Vec<(Selected, String)>,
}

/// Sorts instances into groups. `usual`: profile, size and security of scenarios that do not say them. `sharing`: who shares a stack.
///
/// # Errors
/// When a scenario names what there is not, which its reader should have seen.
pub fn plan(selected: Vec<Selected>, usual: &Flavour, sharing: Sharing) -> Result<Plan> {
    let lock = Lock::embedded()?;
    let mut plan = Plan::default();
    for one in selected {
        let settings = &one.instance().stack;
        let mut flavour = flavour(settings, usual.profile, &lock)?;
        flavour.size = Size {
            brokers: settings.brokers.unwrap_or(usual.size.brokers),
            workers: settings.workers.unwrap_or(usual.size.workers),
        };
        flavour.security = match settings.secure {
            true => Security::Secure,
            false => usual.security,
        };
        let reason = refusal(&one, flavour.profile)
            .or_else(|| too_small(&one, flavour.size))
            .or_else(|| behind_several(&one, flavour.size.brokers));
        if let Some(reason) = reason {
            plan.skipped.push((one, reason));
            continue;
        }
        let shared = sharing == Sharing::Allowed && !wants_own_stack(&one);
        let mut groups = plan.groups.iter_mut();
        let fits = |group: &mut Group| shared && group.shared && group.flavour.join(&flavour);
        match groups.position(fits) {
            Some(place) => plan.groups[place].selected.push(one),
            None => plan.groups.push(Group {
                flavour,
                shared,
                selected: vec![one],
            }),
        }
    }
    // A stable sort: otherwise the order is that of the scenarios.
    plan.groups.sort_by_key(|group| !group.shared);
    Ok(plan)
}

/// What the stack of a scenario is made of.
fn flavour(settings: &StackSettings, default: Profile, lock: &Lock) -> Result<Flavour> {
    let profile = match (&settings.profile, &settings.kafka) {
        (Some(name), _) => name.parse().map_err(|error: String| anyhow!(error))?,
        (None, Some(version)) => of_kafka(version)?,
        (None, None) => default,
    };
    let mut flavour = Flavour::of(profile);
    if let Some(version) = &settings.debezium {
        let usual = flavour.resolve(lock, DEBEZIUM)?;
        // Who names the usual version shares a stack with who names none.
        if usual.version() != version {
            let version = (DEBEZIUM.to_owned(), version.clone());
            flavour.versions.extend([version]);
        }
    }
    let jdbc = settings.jdbc.iter();
    flavour
        .versions
        .extend(jdbc.map(|version| (JDBC.to_owned(), version.clone())));
    Ok(flavour)
}

/// The profile that has this version of Kafka.
fn of_kafka(version: &str) -> Result<Profile> {
    for profile in Profile::ALL {
        if profiles::versions(profile)?
            .get("kafka")
            .is_some_and(|kafka| kafka == version)
        {
            return Ok(profile);
        }
    }
    Err(anyhow!("no profile has Kafka {version}"))
}

/// Why a scenario does not run on a profile.
fn refusal(selected: &Selected, profile: Profile) -> Option<String> {
    let scenario = &selected.scenario;
    if let Some(reason) = scenario.skip.get(profile.as_str()) {
        return Some(format!("not on the profile {profile}: {reason}"));
    }
    let needs = scenario.needs.keys().filter_map(|name| name.parse().ok());
    let lacking = needs
        .into_iter()
        .find(|service: &ServiceName| !profile.has(*service))?;
    Some(format!(
        "it needs {lacking}, which a stack of the profile {profile} does not have"
    ))
}

/// Why a scenario does not run on so many brokers and workers.
fn too_small(selected: &Selected, size: Size) -> Option<String> {
    let needs = selected.scenario.needs.keys();
    let mut services = needs.filter_map(|name| name.parse::<ServiceName>().ok());
    let lacking = services.find(|service| !size.has(*service))?;
    let (key, number) = Size::that_has(lacking);
    Some(format!(
        "it names {lacking}: say `{key} = {number}` in `[stack]`"
    ))
}

/// Why a scenario does not run with so many brokers.
fn behind_several(selected: &Selected, brokers: u8) -> Option<String> {
    let link = link_to_kafka(&selected.scenario).filter(|_| brokers > 1)?;
    Some(format!(
        "it hurts {link}, and {brokers} brokers have no proxies: one would lead its clients to the others"
    ))
}

/// A link to Kafka that a scenario hurts.
fn link_to_kafka(scenario: &Scenario<AnyStep>) -> Option<&str> {
    let is_one = |name: &&String| {
        name.parse()
            .is_ok_and(|link: Link| link.to == ServiceName::Kafka)
    };
    scenario.needs.keys().find(is_one).map(String::as_str)
}

/// What a scenario's steps want that the stack of its own `[stack]` never has, and the first step that wants it.
pub fn impossible(scenario: &Scenario<AnyStep>) -> Option<(&Position, String)> {
    let stacks = || scenario.instances.iter().map(|instance| &instance.stack);
    if let Some(link) = link_to_kafka(scenario)
        && stacks().all(|stack| stack.brokers.is_some_and(|brokers| brokers > 1))
    {
        let why = format!(
            "{link} is a link of a stack with one broker: several would lead its clients to each other\nleave `brokers` out of `[stack]`"
        );
        return Some((&scenario.needs[link], why));
    }
    let chosen = |stack: &StackSettings| {
        let by_version = || stack.kafka.as_deref().map(|version| of_kafka(version).ok());
        let by_name = stack.profile.as_ref().map(|name| name.parse().ok());
        by_name.or_else(by_version).flatten()
    };
    scenario.needs.iter().find_map(|(need, position)| {
        let service: ServiceName = need.parse().ok()?;
        let lacks = |profile: Profile| !profile.has(service);
        let why = format!(
            "there is no {service} in the stack that `[stack]` chooses\nleave the choice to `--profile`, or the step out"
        );
        stacks()
            .all(|stack| chosen(stack).is_some_and(lacks))
            .then_some((position, why))
    })
}

/// Why a scenario does not fit a stack that exists with these versions, by component. Where none are known, every choice of
/// versions is a reason; whether there is a sink a scenario hears from Connect then.
///
/// # Errors
/// When the scenario names what there is not, which its reader should have seen.
pub fn unfit(
    selected: &Selected,
    versions: &BTreeMap<String, String>,
    default: Profile,
) -> Result<Option<String>> {
    let settings = &selected.instance().stack;
    let chooses =
        settings.profile.is_some() || settings.kafka.is_some() || settings.debezium.is_some();
    let Some(kafka) = versions.get(KAFKA) else {
        return Ok(chooses.then(|| {
            "it chooses versions in `[stack]`, which only a stack of its own can have".to_owned()
        }));
    };
    let lock = Lock::embedded()?;
    // Another release of the same line has the profile of its line.
    let profile = of_kafka(kafka).unwrap_or(default);
    let flavour = flavour(settings, profile, &lock)?;
    let choices = [
        (
            KAFKA,
            settings.profile.is_some() || settings.kafka.is_some(),
        ),
        (DEBEZIUM, settings.debezium.is_some()),
        (JDBC, settings.jdbc.is_some()),
    ];
    for (component, chosen) in choices {
        let wanted = flavour.resolve(&lock, component)?;
        let there = versions.get(component).map_or("none", String::as_str);
        if chosen && there != wanted.version() {
            return Ok(Some(format!(
                "it chooses {component} {} in `[stack]`, and there is {there}",
                wanted.version()
            )));
        }
    }
    Ok(refusal(selected, profile))
}

/// Whoever hurts services cannot share them.
pub fn wants_own_stack(selected: &Selected) -> bool {
    selected.scenario.exclusive || selected.scenario.needs.contains_key(CONTROL)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::path::Path;
    use std::sync::Arc;

    use rstest::rstest;
    use scenario::parse_str;

    use super::*;
    use crate::catalogue::inputs;
    use crate::registry::registry;

    /// The instances of scenarios, each given as what stands between its header and its only step.
    fn instances(scenarios: &[&str]) -> Vec<Selected> {
        let read = |text: &&str| {
            let text = format!("# A test.\n{text}\n[[step]]\nsql = \"SELECT 1\"\n");
            let registry = registry().unwrap();
            let inputs = inputs(Path::new(".")).unwrap();
            Arc::new(parse_str(Path::new("a/t.toml"), &text, &registry, &inputs).unwrap())
        };
        let instances = |scenario: Arc<scenario::Scenario<_>>| {
            (0..scenario.instances.len()).map(move |index| Selected {
                scenario: Arc::clone(&scenario),
                index,
                round: 1,
            })
        };
        scenarios.iter().map(read).flat_map(instances).collect()
    }

    /// Who shares stacks of one broker and one worker.
    fn shared(selected: Vec<Selected>, profile: Profile) -> Plan {
        plan(selected, &Flavour::of(profile), Sharing::Allowed).unwrap()
    }

    /// Each stack in words: profile, versions, how many scenarios, and whether it is shared.
    fn stacks(plan: &Plan) -> Vec<String> {
        let words = |group: &Group| {
            let versions: Vec<_> = group.flavour.versions.values().cloned().collect();
            let (number, profile) = (group.selected.len(), group.flavour.profile);
            let shared = if group.shared { "" } else { " alone" };
            format!("{number} on {profile} {}{shared}", versions.concat())
        };
        plan.groups.iter().map(words).collect()
    }

    #[rstest]
    #[case::all_alike(&["", "", "[stack]\njvm = \"server\""], &["3 on zookeeper "])]
    #[case::exclusive(&["exclusive = true", "", "exclusive = true"], &["1 on zookeeper ", "1 on zookeeper  alone", "1 on zookeeper  alone"])]
    #[case::a_version_of_its_own(
        &["", "[stack]\ndebezium = \"2.7.4.Final\"", "", "[stack]\ndebezium = \"2.7.4.Final\""],
        &["2 on zookeeper ", "2 on zookeeper 2.7.4.Final"]
    )]
    #[case::a_matrix(
        &["[matrix]\nd = [\"2.7.4.Final\", \"3.7.0.Final\"]\np = [\"zookeeper\", \"kraft\"]\n[stack]\ndebezium = \"${d}\"\nprofile = \"${p}\""],
        &["1 on zookeeper 2.7.4.Final", "1 on kraft 2.7.4.Final", "1 on zookeeper ", "1 on kraft "]
    )]
    #[case::the_version_of_kafka_says_the_profile(
        &["[stack]\nkafka = \"4.3.1\"", "[stack]\nkafka = \"3.9.2\"", "[stack]\nprofile = \"kraft\""],
        &["2 on kraft ", "1 on zookeeper "]
    )]
    #[case::a_sink_joins_who_can_do_without(
        &["", "[stack]\njdbc = \"3.6.0.Final\"", "[stack]\ndebezium = \"2.7.4.Final\""],
        &["2 on zookeeper 3.6.0.Final", "1 on zookeeper 2.7.4.Final"]
    )]
    #[case::secure(&["", "[stack]\nsecure = true", "", "[stack]\nsecure = true"], &["2 on zookeeper ", "2 on zookeeper "])]
    #[case::exclusive_in_a_version(
        &["exclusive = true\n[stack]\nprofile = \"kraft\"", "[stack]\nprofile = \"kraft\""],
        &["1 on kraft ", "1 on kraft  alone"]
    )]
    fn who_needs_another_stack_gets_one(#[case] scenarios: &[&str], #[case] expected: &[&str]) {
        let plan = shared(instances(scenarios), Profile::Zookeeper);
        assert_eq!(stacks(&plan), expected);
        assert!(plan.skipped.is_empty());
    }

    #[test]
    fn nobody_shares_where_that_is_asked_for() {
        let plan = plan(instances(&["", ""]), &Flavour::default(), Sharing::Never).unwrap();
        assert_eq!(
            stacks(&plan),
            ["1 on zookeeper  alone", "1 on zookeeper  alone"]
        );
    }

    #[test]
    fn the_default_version_by_name_is_the_default_version() {
        let named = "[stack]\ndebezium = \"3.7.0.Final\"\nkafka = \"3.9.2\"";
        let plan = shared(instances(&["", named]), Profile::Zookeeper);
        assert_eq!(stacks(&plan), ["2 on zookeeper "]);
    }

    #[test]
    fn the_command_line_says_the_profile_of_those_that_do_not() {
        let scenarios = instances(&["", "[stack]\nprofile = \"zookeeper\""]);
        let plan = shared(scenarios, Profile::Kraft);
        assert_eq!(stacks(&plan), ["1 on kraft ", "1 on zookeeper "]);
    }

    #[rstest]
    #[case::on_it(Profile::Kraft, true)]
    #[case::on_the_other(Profile::Zookeeper, false)]
    fn a_scenario_that_says_skip_is_skipped_with_its_reason(
        #[case] profile: Profile,
        #[case] skipped: bool,
    ) {
        let scenarios = instances(&["skip = { kraft = \"KAFKA-1\" }"]);
        let plan = shared(scenarios, profile);
        let reasons: Vec<_> = plan.skipped.iter().map(|(_, reason)| reason).collect();
        if skipped {
            assert_eq!(reasons, ["not on the profile kraft: KAFKA-1"]);
        } else {
            assert!(reasons.is_empty());
        }
        assert_eq!(plan.groups.is_empty(), skipped);
    }

    #[test]
    fn an_instance_is_skipped_on_the_profile_that_it_names() {
        let matrix = "skip = { kraft = \"KAFKA-1\" }\n[matrix]\np = [\"zookeeper\", \"kraft\"]\n[stack]\nprofile = \"${p}\"";
        let plan = shared(instances(&[matrix]), Profile::Zookeeper);
        assert_eq!(stacks(&plan), ["1 on zookeeper "]);
        assert_eq!(plan.skipped[0].0.instance().id, "a/t[p=kraft]");
    }

    #[rstest]
    #[case::nothing_chosen("", "3.9.2", None)]
    #[case::what_is_there(
        "[stack]\ndebezium = \"3.7.0.Final\"\nkafka = \"3.9.2\"",
        "3.9.2",
        None
    )]
    #[case::another_debezium(
        "[stack]\ndebezium = \"2.7.4.Final\"",
        "3.9.2",
        Some("chooses debezium-postgres 2.7.4.Final in `[stack]`, and there is 3.7.0.Final")
    )]
    #[case::a_sink_that_is_not_there(
        "[stack]\njdbc = \"3.6.0.Final\"",
        "3.9.2",
        Some("chooses debezium-jdbc 3.6.0.Final in `[stack]`, and there is none")
    )]
    #[case::another_profile("[stack]\nprofile = \"kraft\"", "3.9.2", Some("chooses kafka 4.3.1"))]
    #[case::skipped_there(
        "skip = { kraft = \"KAFKA-1\" }",
        "4.3.1",
        Some("not on the profile kraft: KAFKA-1")
    )]
    fn a_stack_that_exists_fits_or_says_why_not(
        #[case] header: &str,
        #[case] kafka: &str,
        #[case] expected: Option<&str>,
    ) {
        let versions = [(KAFKA, kafka), (DEBEZIUM, "3.7.0.Final")]
            .map(|(component, version)| (component.to_owned(), version.to_owned()))
            .into();
        let one = instances(&[header]).remove(0);
        let reason = unfit(&one, &versions, Profile::default()).unwrap();
        match (reason.as_deref(), expected) {
            (None, None) => {}
            (Some(reason), Some(words)) => assert!(reason.contains(words), "{reason}"),
            (reason, _) => panic!("{reason:?}"),
        }
    }

    #[test]
    fn who_hurts_a_link_to_kafka_is_skipped_behind_several_brokers() {
        let step = "[[step]]\ncut_link = \"connect-kafka\"";
        let mut flavour = Flavour::of(Profile::Zookeeper);
        flavour.size.brokers = 3;
        let plan = plan(instances(&[step]), &flavour, Sharing::Allowed).unwrap();
        assert!(plan.groups.is_empty());
        let reason = &plan.skipped[0].1;
        assert!(
            reason.contains("it hurts connect-kafka, and 3 brokers"),
            "{reason}"
        );
    }

    #[rstest]
    #[case::link_of_several(
        "[stack]\nbrokers = 3\n[[step]]\ncut_link = \"connect-kafka\"",
        Some("connect-kafka")
    )]
    #[case::link_of_several_to_another(
        "[stack]\nbrokers = 3\n[[step]]\ncut_link = \"connect-postgres\"",
        None
    )]
    #[case::link_of_one("[[step]]\ncut_link = \"connect-kafka\"", None)]
    #[case::no_zookeeper(
        "[stack]\nprofile = \"kraft\"\n[[step]]\nkill = \"zookeeper\"",
        Some("no zookeeper")
    )]
    #[case::no_zookeeper_by_version(
        "[stack]\nkafka = \"4.3.1\"\n[[step]]\nkill = \"zookeeper\"",
        Some("no zookeeper")
    )]
    #[case::where_the_command_line_chooses("[[step]]\nkill = \"zookeeper\"", None)]
    fn what_a_scenarios_own_stack_never_has_is_a_mistake(
        #[case] text: &str,
        #[case] expected: Option<&str>,
    ) {
        let one = instances(&[text]).remove(0);
        match (impossible(&one.scenario), expected) {
            (None, None) => {}
            (Some((_, why)), Some(words)) => assert!(why.contains(words), "{why}"),
            (found, _) => panic!("{found:?}"),
        }
    }

    #[test]
    fn who_needs_zookeeper_is_skipped_without_it() {
        let step = "[[step]]\nlog = { service = \"zookeeper\", contains = \"x\" }";
        let plan = shared(instances(&[step]), Profile::Kraft);
        assert!(plan.groups.is_empty());
        let reason = &plan.skipped[0].1;
        assert!(reason.contains("needs zookeeper"), "{reason}");
    }
}
