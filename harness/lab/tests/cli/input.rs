//! What is typed wrong.

use crate::support::Lab;

#[test]
fn a_service_that_does_not_exist() {
    Lab::new()
        .run(&["up", "kafak"])
        .assert_says(2, &["kafak", "zookeeper, kafka, connect"]);
}

#[test]
fn a_scenario_that_does_not_exist() {
    Lab::new()
        .run(&["run", "cdc/nothing"])
        .assert_says(2, &["no scenario `cdc/nothing`", "cdc/original"]);
}

#[test]
fn a_tag_that_no_scenario_has() {
    Lab::new()
        .run(&["run", "--tag", "nothing"])
        .assert_says(2, &["no scenario is selected", "lab list"]);
}

#[test]
fn a_component_that_does_not_exist() {
    Lab::new()
        .run(&["fetch", "kafka@1.0"])
        .assert_says(2, &["kafka", "1.0", "3.9.2"]);
}

#[test]
fn a_state_directory_that_cannot_be_made() {
    Lab::new()
        .with("LAB_STATE_DIR", "/proc/nothing")
        .run(&["up", "zookeeper"])
        .assert_says(2, &["/proc/nothing", "LAB_STATE_DIR"]);
}

#[test]
fn every_command_has_help() {
    let lab = Lab::new();
    for command in [
        "demo", "up", "down", "status", "logs", "run", "list", "validate", "schema", "doctor",
        "fetch", "lock", "test", "bench", "clean",
    ] {
        let ended = lab.run(&[command, "--help"]);
        assert_eq!(ended.status, Some(0), "{command}");
        assert!(
            ended.stdout.contains("Usage: lab"),
            "{command}: {}",
            ended.stdout
        );
    }
}
