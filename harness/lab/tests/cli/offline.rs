//! After `lab fetch` nothing needs the network.

use std::process::Command;

use crate::support::{Ended, Lab};

#[test]
fn a_stack_comes_up_where_there_is_only_loopback() {
    if !rustix::process::geteuid().is_root() {
        // In a user namespace of its own an ordinary user would look like root, and Postgres has no other user to run as.
        println!("skipped: only root may make a network namespace without a user namespace");
        return;
    }
    if which::which("ip").is_err() || which::which("unshare").is_err() {
        println!(
            "skipped: `ip` (iproute2) and `unshare` (util-linux) are needed to make a network namespace"
        );
        return;
    }
    let lab = Lab::new();
    assert_eq!(lab.run(&["fetch"]).status, Some(0));
    let inside = lab.command(&["up", "connect", "postgres", "prometheus", "--detach"]);
    let mut outside = Command::new("unshare");
    outside.args([
        "--net",
        "sh",
        "-euc",
        "ip link set lo up; \"$0\" \"$@\"; \"$0\" down",
    ]);
    outside.arg(inside.get_program()).args(inside.get_args());
    for (name, value) in inside.get_envs() {
        match value {
            Some(value) => outside.env(name, value),
            None => outside.env_remove(name),
        };
    }
    let ended = Ended::from(outside.output().unwrap());
    ended.assert_says(0, &["everything is ready"]);
    lab.assert_nothing_left(&[], "after lab down");
}
