//! For each kind of check a mutation of the system that it has to see: the scenario is left as it is but for one thing that it
//! does to the system, and then the named check has to turn red.

#![allow(clippy::unwrap_used, missing_docs)]

#[path = "cli/support.rs"]
#[allow(dead_code)]
mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use support::Lab;

/// A file of `tests/mutations`, named after the check that turns red.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Mutation {
    /// The scenario.
    scenario: String,
    /// The check that turns red.
    step: String,
    /// What the scenario does to the system: text that is there once, outside of checks.
    find: String,
    /// What it does instead.
    put: String,
}

fn mutations() -> BTreeMap<String, Mutation> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mutations");
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let kind = path.file_stem().unwrap().to_string_lossy().into_owned();
            let mutation = toml::from_str(&fs::read_to_string(&path).unwrap());
            (
                kind,
                mutation.unwrap_or_else(|error| panic!("{}: {error}", path.display())),
            )
        })
        .collect()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// The scenario with its system broken, under a name of its own in the area `mutated`.
fn mutated(kind: &str, mutation: &Mutation, root: &Path) -> PathBuf {
    let text = fs::read_to_string(root.join(format!("{}.toml", mutation.scenario))).unwrap();
    let steps: Vec<&str> = text.split("[[step]]").collect();
    let hits: Vec<usize> = (0..steps.len())
        .filter(|place| steps[*place].contains(&mutation.find))
        .collect();
    let [hit] = hits[..] else {
        panic!(
            "{kind}: {:?} is in {} steps of {}",
            mutation.find,
            hits.len(),
            mutation.scenario
        );
    };
    let title = format!("name = {:?}\n", mutation.step);
    assert!(
        !steps[hit].contains(&title) && !steps[hit].contains(&format!("\n{kind} = ")),
        "{kind}: this would change what is expected, not the system"
    );
    assert!(
        text.contains(&title),
        "{kind}: {} has no step {:?}",
        mutation.scenario,
        mutation.step
    );
    let text = text.replacen(&mutation.find, &mutation.put, 1);
    // A check that is to fail need not be waited for as long as one that is to hold.
    let (before, after) = text.split_once(&title).unwrap();
    let own = after
        .split("[[step]]")
        .next()
        .unwrap()
        .contains("\nwithin = ");
    let within = if own { "" } else { "within = \"5s\"\n" };
    let text = format!("{before}{title}{within}{after}");
    let area = mutation.scenario.split('/').next().unwrap();
    let path = root.join(area).join(format!("mutated-{kind}.toml"));
    fs::write(&path, text).unwrap();
    path
}

#[test]
fn each_kind_of_check_sees_a_system_that_is_broken() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("scenarios");
    copy(&workspace.join("scenarios"), &root);
    let mutations = mutations();
    let mut arguments = vec![
        "run",
        "--json",
        "--jobs",
        "4",
        "--scenarios",
        root.to_str().unwrap(),
    ];
    let paths: Vec<String> = mutations
        .iter()
        .map(|(kind, mutation)| mutated(kind, mutation, &root).display().to_string())
        .collect();
    arguments.extend(paths.iter().map(String::as_str));

    let ended = Lab::new().run(&arguments);
    let report: Value =
        serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:#?}"));

    let mut wrong = Vec::new();
    for (kind, mutation) in &mutations {
        let name = format!("/mutated-{kind}");
        let instances = report["scenarios"].as_array().unwrap().iter();
        let mut instances = instances
            .filter(|one| {
                one["id"]
                    .as_str()
                    .unwrap()
                    .split('[')
                    .next()
                    .unwrap()
                    .ends_with(&name)
            })
            .peekable();
        assert!(instances.peek().is_some(), "{kind} did not run");
        for instance in instances {
            let last = instance["steps"].as_array().unwrap().last().unwrap();
            let red = instance["outcome"] == "failed"
                && last["outcome"] == "failed"
                && last["title"] == mutation.step.as_str()
                && last["key"] == kind.as_str()
                // Red because it saw something else, not because it could not look.
                && last["expected"].is_string();
            if !red {
                wrong.push(format!(
                    "{kind}: {} ended {} with {last:#}",
                    instance["id"], instance["outcome"]
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
