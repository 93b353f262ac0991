//! After `lab fetch` nothing needs the network.

use std::process::Command;

use crate::support::{Ended, Lab};

/// The demo has all services and all three jobs.
#[test]
fn the_demo_holds_where_there_is_only_loopback() {
    let lab = Lab::new();
    assert_eq!(lab.run(&["fetch"]).status, Some(0));
    let report = tempfile::tempdir().unwrap();
    let mut demo = lab.command(&["demo", "--report"]);
    demo.arg(report.path());
    let ended = match only_loopback(&demo) {
        Ok(mut inside) => Ended::from(inside.output().unwrap()),
        Err(reason) => {
            println!("with the network of this machine: {reason}");
            Ended::from(demo.output().unwrap())
        }
    };
    assert_eq!(ended.status, Some(0), "{ended:#?}");
    for job in ["exposure/", "tuning/", "cdc/", "3 passed, 0 failed"] {
        assert!(ended.stdout.contains(job), "{job}: {ended:#?}");
    }
    assert!(report.path().join("report.html").is_file());
    lab.assert_nothing_left(&[], "after the demo");
}

/// The same command in a network namespace of its own, or why there can be none.
fn only_loopback(command: &Command) -> Result<Command, &'static str> {
    if !rustix::process::geteuid().is_root() {
        // In a user namespace of its own an ordinary user would look like root, and Postgres has no other user to run as.
        return Err("only root may make a network namespace without a user namespace");
    }
    if which::which("ip").is_err() || which::which("unshare").is_err() {
        return Err("`ip` (iproute2) and `unshare` (util-linux) are needed to make a namespace");
    }
    let mut inside = Command::new("unshare");
    inside.args([
        "--net",
        "sh",
        "-euc",
        "ip link set lo up; exec \"$0\" \"$@\"",
    ]);
    inside.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => inside.env(name, value),
            None => inside.env_remove(name),
        };
    }
    Ok(inside)
}
