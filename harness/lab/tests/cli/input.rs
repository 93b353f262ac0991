//! What is typed wrong.

use std::ffi::OsStr;
use std::fs::Permissions;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, chown};

use crate::support::{Ended, Lab};

const SCENARIOS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scenarios");

#[test]
fn a_service_that_does_not_exist() {
    Lab::new()
        .run(&["up", "kafak"])
        .assert_says(2, &["kafak", "zookeeper, kafka, connect"]);
}

#[test]
fn a_state_directory_that_is_none_is_not_one_without_runs() {
    let lab = Lab::new().with("LAB_STATE_DIR", "/dev/null");
    for command in ["status", "down", "logs", "clean"] {
        let ended = lab.run(&[command]);
        ended.assert_says(2, &["cannot look for runs in /dev/null", "LAB_STATE_DIR"]);
    }
}

#[test]
fn a_scenario_that_does_not_exist() {
    Lab::new()
        .run(&["run", "cdc/nothing"])
        .assert_says(2, &["no scenario `cdc/nothing`: `lab list` shows"]);
}

#[test]
fn a_name_that_is_nearly_one() {
    let lab = Lab::new();
    for (given, meant) in [
        ("cdc/orignal", "did you mean `cdc/original`"),
        ("scenarios/cdc/delet.toml", "did you mean `cdc/delete`"),
        ("truncate", "`cdc/truncate`"),
        ("exposur", "did you mean `exposure`"),
    ] {
        let ended = lab.run(&["run", given, "--scenarios", SCENARIOS]);
        ended.assert_says(2, &["no scenario `", meant]);
        assert!(ended.stderr.len() < 200, "{}", ended.stderr);
    }
}

#[test]
fn what_is_no_scenario_is_called_what_it_is() {
    let lab = Lab::new();
    let folder = tempfile::tempdir().unwrap();
    let outside = folder.path().display().to_string();
    let json = format!("{SCENARIOS}/cdc/customers.json");
    let include = format!("{SCENARIOS}/exposure/include/own-exporter.toml");
    for (given, said) in [
        (outside.as_str(), "no scenario is in"),
        (json.as_str(), "is a JSON file"),
        (include.as_str(), "has steps to include, and is no scenario"),
        ("", "an empty PATH names nothing"),
        ("/dev/null", "no scenario is in /dev/null"),
    ] {
        for command in ["run", "validate"] {
            let ended = lab.run(&[command, given, "--scenarios", SCENARIOS]);
            ended.assert_says(2, &[said]);
        }
    }
    lab.run(&["list", "--scenarios", "/nope"])
        .assert_says(2, &["there is no folder /nope, which --scenarios"]);
}

#[test]
fn a_tag_that_no_scenario_has() {
    let lab = Lab::new();
    for command in ["run", "list"] {
        lab.run(&[command, "--tag", "nothing"]).assert_says(
            2,
            &["none of those asked for has the tag `nothing`; `lab list` shows"],
        );
        lab.run(&[command, "--tag", "cdcc"])
            .assert_says(2, &["did you mean `cdc`?"]);
    }
}

#[test]
fn a_length_of_time_without_unit_is_answered_with_one() {
    Lab::new()
        .run(&["up", "--timeout", "5"])
        .assert_says(2, &["it has no unit: did you mean 5s?"]);
}

#[test]
fn a_machine_without_units_of_its_own_says_what_to_do() {
    if std::path::Path::new("/etc/kafka-connect-lab/endpoints.json").exists() {
        return;
    }
    Lab::new()
        .run(&["run", "engine/captures", "--driver", "systemd"])
        .assert_says(
            2,
            &[
                "/etc/kafka-connect-lab/endpoints.json",
                "NixOS",
                "--endpoints",
            ],
        );
}

#[test]
fn that_nothing_runs_is_no_mistake() {
    let lab = Lab::new();
    let nothing = "nothing runs: start a stack with `lab up`\n";
    for (command, said) in [
        (&["down"][..], nothing),
        (&["down", "--all"], nothing),
        (&["status"], nothing),
        (&["status", "--json"], "[]\n"),
        (&["status", "--json", "--all"], "[]\n"),
    ] {
        let ended = lab.run(command);
        assert_eq!((ended.status, ended.stdout.as_str()), (Some(0), said));
    }
    lab.run(&["down", "--run", "nosuch"])
        .assert_says(2, &["no run nosuch is alive"]);
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

/// Kafka takes a comma for the end of a directory, and had its data outside of the run.
#[test]
fn a_state_directory_that_kafka_cannot_be_told_of() {
    let folder = tempfile::tempdir().unwrap();
    let named = |bytes: &[u8]| folder.path().join(OsStr::from_bytes(bytes));
    for state in [named(b"a,b"), named(b"a:b"), named(b"a$b"), named(b"\xff")] {
        let lab = Lab::new();
        let mut command = lab.command(&["up", "zookeeper", "--detach"]);
        command.env("LAB_STATE_DIR", &state);
        let ended = Ended::from(command.output().unwrap());
        ended.assert_says(2, &["LAB_STATE_DIR", "its path has one of"]);
    }
    assert_eq!(folder.path().read_dir().unwrap().count(), 0);
}

/// Who can write there can put anything in the place of what the lab starts.
#[test]
fn a_state_directory_of_somebody_else() {
    let lab = Lab::new();
    let open = Permissions::from_mode(0o777);
    std::fs::set_permissions(lab.state(), open).unwrap();
    lab.run(&["up", "zookeeper", "--detach"])
        .assert_says(2, &["LAB_STATE_DIR", "everybody may write to it"]);
    if !rustix::process::geteuid().is_root() {
        println!("the rest is skipped: only root can give a directory to somebody else");
        return;
    }
    std::fs::set_permissions(lab.state(), Permissions::from_mode(0o755)).unwrap();
    chown(lab.state(), Some(65534), Some(65534)).unwrap();
    lab.run(&["up", "zookeeper", "--detach"])
        .assert_says(2, &["LAB_STATE_DIR", "it belongs to user 65534"]);
    chown(lab.state(), Some(0), Some(0)).unwrap();
    let runs = lab.state().join("runs");
    std::fs::create_dir(&runs).unwrap();
    chown(&runs, Some(65534), Some(65534)).unwrap();
    lab.run(&["up", "zookeeper", "--detach"])
        .assert_says(2, &["LAB_STATE_DIR", "runs is no directory of yours"]);
}

/// A working directory that is no UTF-8 ended every start.
#[test]
fn a_folder_that_is_no_utf8() {
    let folder = tempfile::tempdir().unwrap();
    let odd = folder.path().join(OsStr::from_bytes(b"\xff"));
    std::fs::create_dir(&odd).unwrap();
    let lab = Lab::new();
    let mut command = lab.command(&["up", "zookeeper", "--detach"]);
    let ended = Ended::from(command.current_dir(&odd).output().unwrap());
    assert_eq!(ended.status, Some(0), "{ended:#?}");
    assert_eq!(lab.run(&["down"]).status, Some(0));
}

/// It said that all was well, and `up` could not begin.
#[test]
fn doctor_looks_at_the_directories() {
    for variable in ["LAB_STATE_DIR", "LAB_CACHE_DIR"] {
        let lab = Lab::new().with(variable, "/dev/null");
        let ended = lab.run(&["doctor"]);
        assert_eq!(ended.status, Some(2), "{ended:#?}");
        let mend = format!("export {variable}=DIRECTORY");
        assert!(
            ended.stdout.contains("/dev/null is not a directory"),
            "{ended:#?}"
        );
        assert!(ended.stdout.contains(&mend), "{ended:#?}");
    }
    let lab = Lab::new();
    let odd = lab.second().with("LAB_STATE_DIR", "/tmp/a,b");
    let ended = odd.run(&["doctor"]);
    assert!(ended.stdout.contains("its path has one of"), "{ended:#?}");
    let ended = lab.with("LAB_POSTGRES_DIR", "/nope").run(&["doctor"]);
    assert!(
        ended.stdout.contains("unset LAB_POSTGRES_DIR"),
        "{ended:#?}"
    );
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
    ended.assert_says(2, &["/dev/null is no folder: --report wants one"]);
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
