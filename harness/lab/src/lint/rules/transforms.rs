//! Transforms and predicates: those that are named and have no class, and those that have settings and are not named.

use scenario::near_miss;

use crate::lint::case::{Case, Link, near_class};
use crate::lint::definitions::Kind;
use crate::lint::finding::{Change, Finding, Severity};

/// Debezium's transforms that are not among its connectors' files.
const SCRIPTING: [&str; 2] = [
    "io.debezium.transforms.Filter",
    "io.debezium.transforms.ContentBasedRouter",
];

const LISTS: [(&str, Kind); 2] = [
    ("transforms", Kind::Transformation),
    ("predicates", Kind::Predicate),
];

fn links<'a, 'b>(case: &'b Case<'a>, list: &str) -> &'b [Link<'a>] {
    if list == "transforms" {
        &case.transforms
    } else {
        &case.predicates
    }
}

/// The list that a key belongs to, and the name in it, if that name is not in the list.
fn undeclared<'k>(case: &Case<'_>, key: &'k str) -> Option<(&'static str, &'k str)> {
    LISTS.into_iter().find_map(|(list, _)| {
        let rest = key.strip_prefix(list)?.strip_prefix('.')?;
        let is_declared = links(case, list)
            .iter()
            .any(|link| key.starts_with(&link.prefix));
        let name = rest.split('.').next().unwrap_or(rest);
        (!is_declared).then_some((list, name))
    })
}

pub fn tells(case: &Case<'_>, key: &str) -> bool {
    undeclared(case, key).is_some()
}

pub fn check(case: &Case<'_>, found: &mut Vec<Finding>) {
    for entry in &case.document.entries {
        let Some((list, name)) = undeclared(case, &entry.key) else {
            continue;
        };
        let names = links(case, list).iter().map(|link| link.name.as_str());
        found.push(
            Finding::of_key(
                Severity::Warning,
                entry,
                format!("\"{list}\" does not have {name}"),
                "it has no effect: records go by as they are",
            )
            .instead(format!("name {name} in \"{list}\", or leave this out"))
            .near(near_miss(name, names))
            .change(Change::remove(
                &entry.key,
                format!("{} had no effect", entry.key),
            )),
        );
    }
    for (list, kind) in LISTS {
        for link in links(case, list) {
            of_link(case, list, kind, link, found);
        }
    }
    for link in &case.transforms {
        let Some(entry) = case.get(&format!("{}predicate", link.prefix)) else {
            continue;
        };
        let name = entry.text().unwrap_or_default();
        if !case
            .predicates
            .iter()
            .any(|predicate| predicate.name == name)
        {
            let names = case
                .predicates
                .iter()
                .map(|predicate| predicate.name.as_str());
            found.push(
                Finding::of_value(
                    Severity::Error,
                    entry,
                    format!("\"predicates\" does not have {name}"),
                    "Connect takes the configuration, and the connector's tasks fail",
                )
                .near(near_miss(&name, names)),
            );
        }
    }
}

fn of_link(case: &Case<'_>, list: &str, kind: Kind, link: &Link<'_>, found: &mut Vec<Finding>) {
    let Some(entry) = case.get(list) else { return };
    match (&link.class, link.plugin) {
        (None, _) => found.push(
            Finding::of_value(
                Severity::Error,
                entry,
                format!("{} has no \"{}type\"", link.name, link.prefix),
                "Connect refuses the configuration",
            )
            .instead(format!("write \"{}type\", its class", link.prefix)),
        ),
        (Some(class), None) => {
            let Some(entry) = case.get(&format!("{}type", link.prefix)) else {
                return;
            };
            if SCRIPTING.contains(&class.as_str()) {
                found.push(Finding::of_value(
                    Severity::Note,
                    entry,
                    format!("{class} is in Debezium's archive debezium-scripting"),
                    "its keys are not checked, and a worker without that archive refuses the configuration",
                ));
                return;
            }
            let known: Vec<_> = case
                .definitions
                .plugins
                .iter()
                .filter(|(_, plugin)| plugin.kind == kind)
                .map(|(class, _)| class.as_str())
                .collect();
            let near = near_class(class, &known);
            // Whoever is so close to a class of ours meant it; others may come from somewhere else.
            let severity = if near.is_some() {
                Severity::Error
            } else {
                Severity::Note
            };
            let consequence = if near.is_some() {
                "Connect refuses the configuration where no plugin has this class"
            } else {
                "its keys are not checked, and a worker without it refuses the configuration"
            };
            found.push(
                Finding::of_value(
                    severity,
                    entry,
                    format!("nothing is known of the class {class}"),
                    consequence,
                )
                .near(near),
            );
        }
        (Some(_), Some(_)) => {}
    }
}
