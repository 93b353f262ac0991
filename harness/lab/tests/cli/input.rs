//! What is typed wrong.

use crate::support::{Ended, Lab};

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
        "demo",
        "up",
        "down",
        "status",
        "logs",
        "run",
        "list",
        "validate",
        "schema",
        "doctor",
        "fetch",
        "lock",
        "test",
        "bench",
        "clean",
        "tune",
        "lint",
        "definitions",
        "arrivals",
        "diff-versions",
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

#[test]
fn a_reader_that_goes_is_no_panic() {
    let lab = Lab::new();
    let mut command = lab.command(&["schema"]);
    command.stdout(std::process::Stdio::piped());
    command.stderr(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop(child.stdout.take());
    let ended = Ended::from(child.wait_with_output().unwrap());
    // By SIGPIPE, as other programs.
    assert_eq!((ended.status, ended.stderr.as_str()), (None, ""));
}

#[test]
fn output_that_cannot_be_written_is_said() {
    let full = std::fs::File::options()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let mut command = Lab::new().command(&["list"]);
    let ended = Ended::from(command.stdout(full).output().unwrap());
    ended.assert_says(2, &["error: failed printing to stdout", "No space left"]);
    assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
}

#[test]
fn a_report_that_cannot_be_written_is_said_before_anything_runs() {
    let ended = Lab::new().run(&["run", "engine/captures", "--report", "/dev/null"]);
    ended.assert_says(2, &["/dev/null", "report"]);
    assert!(!ended.stderr.contains("ready"), "{}", ended.stderr);
}

#[test]
fn scenarios_are_found_from_a_path_wherever_one_stands() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scenarios/engine");
    let lab = Lab::new();
    let mut command = lab.command(&["list", folder]);
    let ended = Ended::from(command.current_dir("/").output().unwrap());
    assert_eq!(ended.status, Some(0), "{ended:?}");
    assert!(ended.stdout.contains("engine/captures"), "{ended:?}");
}
