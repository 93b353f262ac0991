//! `lab up`, `status`, `logs`, `down`.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use rstest::rstest;
use rustix::process::Signal;

use crate::support::{Ended, Lab, ports, scenarios, signal};

#[test]
fn a_detached_stack_is_seen_and_ended_from_elsewhere() {
    let lab = Lab::new();
    let up = lab.run(&["up", "kafka", "--detach"]);
    assert_eq!(up.status, Some(0), "{up:#?}");
    let status = lab.status().unwrap();
    let services = status["services"].as_array().unwrap();
    assert!(status["run"].is_string());
    let names: Vec<_> = services
        .iter()
        .map(|service| service["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["zookeeper", "kafka"]);
    for service in services {
        assert_eq!(service["state"], "ready");
        assert!(service["pid"].as_i64().unwrap() > 1);
        assert!(std::path::Path::new(service["log"].as_str().unwrap()).is_file());
    }
    assert!(
        services[1]["endpoints"]["bootstrap"]
            .as_str()
            .unwrap()
            .starts_with("127.0.0.1:")
    );
    assert!(services[0]["endpoints"]["client"].is_string());

    let logs = lab.run(&["logs", "kafka"]);
    assert!(
        logs.stdout.contains("started (kafka.server.KafkaServer)")
            || logs.stdout.contains("KafkaServer"),
        "{logs:?}"
    );
    lab.run(&["logs", "kafak"])
        .assert_says(2, &["no log of `kafak`", "kafka", "zookeeper"]);

    let taken = ports(&status);
    assert_eq!(lab.run(&["down"]).status, Some(0));
    lab.assert_nothing_left(&taken, "after lab down");
}

#[test]
fn two_stacks_stand_side_by_side() {
    let lab = Lab::new();
    for _ in 0..2 {
        assert_eq!(lab.run(&["up", "kafka", "--detach"]).status, Some(0));
    }
    lab.run(&["status", "--json"])
        .assert_says(2, &["several runs are alive", "--run"]);
    let all = lab.run(&["status", "--json", "--all"]).stdout;
    let all: serde_json::Value = serde_json::from_str(&all).unwrap();
    assert_eq!(all.as_array().unwrap().len(), 2, "{all:#}");
    assert_eq!(lab.run(&["down", "--all"]).status, Some(0));
    lab.assert_nothing_left(&[], "after lab down --all");
}

#[test]
fn a_default_port_that_is_taken_is_named_with_its_holder() {
    let lab = Lab::new();
    // Someone else may have it already: then they are the holder.
    let held = TcpListener::bind(("127.0.0.1", 9092));
    let ended = lab.run(&["up", "kafka", "--ports", "default"]);
    ended.assert_says(2, &["9092", "kafka.bootstrap", "process "]);
    if held.is_ok() {
        ended.assert_says(2, &[&format!("process {}", std::process::id())]);
    }
    lab.assert_nothing_left(&[], "after a refused start");
}

#[test]
fn ctrl_c_ends_a_stack_in_the_foreground_with_success() {
    let lab = Lab::new();
    let up = lab.start(&["up", "zookeeper"]);
    let taken = ports(&lab.wait_ready(1));
    signal(up.id(), Signal::INT);
    let ended = Ended::from(up.wait_with_output().unwrap());
    ended.assert_says(0, &["has ended"]);
    lab.assert_nothing_left(&taken, "after Ctrl-C");
}

#[test]
fn a_stack_without_zookeeper_is_kafka_alone_and_frees_both_its_ports() {
    let lab = Lab::new();
    let up = lab.run(&["up", "kafka", "--profile", "kraft", "--detach"]);
    assert_eq!(up.status, Some(0), "{up:#?}");
    let status = lab.status().unwrap();
    let services = status["services"].as_array().unwrap();
    let names: Vec<_> = services.iter().map(|service| &service["name"]).collect();
    assert_eq!(names, ["kafka"]);
    assert_eq!(services[0]["state"], "ready");
    let taken = ports(&status);
    assert_eq!(taken.len(), 2, "clients and the controller: {status:#}");

    // Kafka 4 logs through log4j2: without settings of ours there would be errors alone.
    let logs = lab.run(&["logs", "kafka"]);
    assert!(logs.stdout.contains("INFO KafkaRaftServer"), "{logs:?}");

    assert_eq!(lab.run(&["down"]).status, Some(0));
    lab.assert_nothing_left(&taken, "after lab down");
}

#[test]
fn a_run_that_is_ended_from_elsewhere_says_so() {
    let lab = Lab::new();
    let up = lab.start(&["up", "zookeeper"]);
    let status = lab.wait_ready(1);
    assert_eq!(lab.run(&["down"]).status, Some(0));
    let ended = Ended::from(up.wait_with_output().unwrap());
    ended.assert_says(1, &["was ended from elsewhere", "lab down"]);
    lab.assert_nothing_left(&ports(&status), "after lab down");
}

#[test]
fn a_stack_that_was_kept_ends_with_the_result_of_its_scenarios() {
    let lab = Lab::new();
    let mut kept = lab.start(&["run", "exposure/values", "--keep"]);
    let said = BufReader::new(kept.stderr.take().unwrap()).lines();
    let mut said = said.map_while(Result::ok);
    assert!(said.any(|line| line.contains("the stack stays up")));
    assert_eq!(lab.run(&["down"]).status, Some(0));
    said.for_each(drop);
    assert_eq!(kept.wait().unwrap().code(), Some(0));
}

/// Works until something else ends it.
const ENDLESS: &str = r#"# A run at work.
[[step]]
log = { service = "zookeeper", contains = "never said" }
within = "2m"
"#;

#[test]
fn a_run_at_work_is_ended_by_its_name_alone() {
    let (_folder, root) = scenarios(&[("area/endless", ENDLESS)]);
    let lab = Lab::new();
    let at_work = lab.start(&["run", "--scenarios", &root]);
    let status = lab.wait_ready(1);
    let run = status["run"].as_str().unwrap();
    lab.run(&["down"]).assert_says(
        2,
        &["at work", "lab run --scenarios", "lab down --run", run],
    );
    lab.run(&["down", "--run", "zzz"])
        .assert_says(2, &["no run zzz is alive", run, "lab run --scenarios"]);
    assert_eq!(lab.run(&["down", "--run", run]).status, Some(0));
    let ended = Ended::from(at_work.wait_with_output().unwrap());
    ended.assert_says(1, &["was ended from elsewhere"]);
    lab.assert_nothing_left(&ports(&status), "after lab down --run");

    let names = lab.run(&["logs"]);
    assert_eq!(names.stdout, "guard\nzookeeper\n", "{names:?}");
    lab.run(&["logs", "zookeeper", "--run", "zzz"])
        .assert_says(2, &["no run zzz", run, "lab run --scenarios"]);
}

#[rstest]
#[case::broker("kafka-2", "--brokers 3")]
#[case::worker("connect-2", "--workers 2")]
fn one_of_several_wants_several(#[case] service: &str, #[case] option: &str) {
    let lab = Lab::new();
    lab.run(&["up", service]).assert_says(2, &[service, option]);
    lab.assert_nothing_left(&[], "after a refused start");
}

/// As root, Postgres is another user, who could not pass through directories that a strict user makes; and Kafka read what is not
/// ASCII in its settings as something else, and had its data elsewhere.
#[test]
fn a_state_directory_is_made_for_all_services_whatever_its_name() {
    let lab = Lab::new();
    let state = lab.state().join("ein ümläut");
    let up = lab.command(&["up", "connect", "postgres", "--detach"]);
    let mut command = Command::new("sh");
    command
        .args(["-c", r#"umask 077; exec "$0" "$@""#])
        .arg(up.get_program())
        .args(up.get_args())
        .env("LC_ALL", "C")
        .env("LAB_STATE_DIR", &state);
    let ended = Ended::from(command.output().unwrap());
    assert_eq!(ended.status, Some(0), "{ended:#?}");
    let mut down = lab.command(&["down"]);
    down.env("LAB_STATE_DIR", &state);
    assert!(down.status().unwrap().success());
    assert_eq!(lab.state().read_dir().unwrap().count(), 1);
}

#[test]
fn a_directory_that_postgres_may_not_pass_through_is_named() {
    let lab = Lab::new();
    let closed = lab.state().join("closed");
    std::fs::create_dir(&closed).unwrap();
    std::fs::set_permissions(&closed, PermissionsExt::from_mode(0o700)).unwrap();
    let mut up = lab.command(&["up", "postgres", "--detach"]);
    up.env("LAB_STATE_DIR", closed.join("state"));
    if !rustix::process::geteuid().is_root() {
        println!("skipped: only below root Postgres is another user");
        return;
    }
    let ended = Ended::from(up.output().unwrap());
    let closed = closed.display().to_string();
    ended.assert_says(2, &["may not pass through", &closed, "chmod o+x"]);
}
