//! What the command line and scenarios say of profiles and versions.

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{self, Ended, Lab};

/// Scenarios of one file, which has this text above its only step.
fn scenarios(text: &str) -> TempDir {
    let text = format!("# A test.\n{text}\n[[step]]\nsql = \"SELECT 1\"\n");
    support::scenarios(&[("area/one", &text)]).0
}

/// Runs a command on a folder of scenarios.
fn run(command: &[&str], scenarios: &TempDir) -> Ended {
    let folder = scenarios.path().to_str().unwrap();
    let words = [command, &["--scenarios", folder]].concat();
    Lab::new().run(&words)
}

#[test]
fn a_profile_that_does_not_exist() {
    for command in ["up", "run", "demo", "test"] {
        Lab::new()
            .run(&[command, "--profile", "raft"])
            .assert_says(2, &["'raft'", "zookeeper, kraft"]);
    }
}

#[test]
fn zookeeper_on_a_stack_without_it() {
    let lab = Lab::new();
    lab.run(&["up", "zookeeper", "--profile", "kraft"])
        .assert_says(2, &["a stack of the profile `kraft` has no zookeeper"]);
    lab.assert_nothing_left(&[], "after a refused start");
}

#[test]
fn a_scenario_is_skipped_with_its_reason() {
    let scenarios = scenarios("skip = { kraft = \"KAFKA-1 is open\" }");
    let ended = run(&["run", "--profile", "kraft", "--json"], &scenarios);
    ended.assert_says(0, &["area/one", "KAFKA-1 is open"]);
    let suite: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(suite["scenarios"][0]["outcome"], "skipped");
    // Nobody needed a stack.
    assert_eq!(suite["run"], "");
}

#[test]
fn a_version_that_the_lock_lacks_is_found_before_anything_runs() {
    let scenarios =
        scenarios("[matrix]\nv = [\"2.7.5.Final\"]\n[stack]\ndebezium = \"${v}\"\nkafka = \"4.3\"");
    for command in ["validate", "run"] {
        run(&[command], &scenarios).assert_says(
            2,
            &[
                "area/one.toml:5:12: there is no debezium \"2.7.5.Final\"",
                "expected one of \"2.7.4.Final\" or \"3.7.0.Final\"",
                "did you mean \"2.7.4.Final\"?",
                "area/one.toml:6:9: there is no kafka \"4.3\"",
            ],
        );
    }
}

#[test]
fn a_list_says_what_runs_where() {
    let scenarios = scenarios("skip = { kraft = \"KAFKA-1 is open\" }");
    let list: Value = serde_json::from_str(&run(&["list", "--json"], &scenarios).stdout).unwrap();
    assert_eq!(list[0]["profiles"], serde_json::json!(["zookeeper"]));
    assert_eq!(list[0]["skip"]["kraft"], "KAFKA-1 is open");
}
