//! A component that dies, or never gets ready.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rustix::process::Signal;

use crate::support::{Ended, Lab, ports, scenarios, signal};

/// A JAVA_HOME whose `java` is this script.
fn java_home(script: &str) -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    write(
        &home.path().join("bin/java"),
        &format!("#!/bin/sh\n{script}\n"),
    );
    write(&home.path().join("release"), "JAVA_VERSION=\"17.0.1\"\n");
    home
}

fn write(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn one_that_dies_at_its_start_is_named_with_its_log() {
    let home = java_home("echo 'no room for a heap' >&2; exit 3");
    let lab = Lab::new().with("JAVA_HOME", home.path().display().to_string());
    lab.run(&["up", "zookeeper"]).assert_says(
        1,
        &[
            "zookeeper",
            "`zookeeper` exited with status 3",
            "ZooKeeper to answer `srvr`",
            "last seen",
            "no room for a heap",
            "zookeeper.log",
        ],
    );
    lab.assert_nothing_left(&[], "after a component died");
}

/// Its answer was the last thing that was seen of it: that was told as a refusal of the guard, without its log.
#[test]
fn one_that_answers_as_it_dies_is_named_with_its_log() {
    let home = java_home(
        r#"for settings; do :; done
port=$(sed -n 's/^clientPort=//p' "$settings")
echo 'it goes down'
python3 - "$port" <<'END' &
import os, socket, sys, time
parent = os.getppid()
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
    client, _ = server.accept()
    open("asked", "w").close()
    while os.getppid() == parent:
        time.sleep(0.01)
    # Until the guard has seen it, too.
    time.sleep(0.1)
    client.recv(100)
    client.sendall(b"Zookeeper version: 3.8.4\nMode: standalone\n")
    client.close()
END
until [ -e asked ]; do sleep 0.01; done
exit 3"#,
    );
    let lab = Lab::new().with("JAVA_HOME", home.path().display().to_string());
    lab.run(&["up", "zookeeper"]).assert_says(
        1,
        &[
            "`zookeeper` exited with status 3",
            "ZooKeeper to answer `srvr`",
            "last seen: its answer",
            "it goes down",
        ],
    );
    lab.assert_nothing_left(&[], "after a component died as it answered");
}

#[test]
fn one_that_never_gets_ready_is_named_with_what_was_waited_for_and_seen() {
    let home = java_home("echo 'thinking it over'; exec sleep 600");
    let lab = Lab::new().with("JAVA_HOME", home.path().display().to_string());
    lab.run(&["up", "zookeeper", "postgres", "--timeout", "2s"])
        .assert_says(
            1,
            &[
                "zookeeper did not get ready within 2s",
                "waited for: ZooKeeper to answer `srvr`",
                "last seen: ",
                "refused",
                "thinking it over",
            ],
        );
    lab.assert_nothing_left(&[], "after a component did not get ready");
}

#[test]
fn one_that_dies_later_ends_the_rest() {
    let lab = Lab::new();
    let up = lab.start(&["up", "kafka"]);
    let status = lab.wait_ready(2);
    let pid = status["services"][1]["pid"].as_u64().unwrap();
    signal(u32::try_from(pid).unwrap(), Signal::KILL);
    let ended = Ended::from(up.wait_with_output().unwrap());
    ended.assert_says(1, &["kafka was ended by SIGKILL", "kafka.log"]);
    lab.assert_nothing_left(&ports(&status), "after a component died");
}

/// What is paused has not ended.
const PAUSED: &str = r#"# Started where it should be resumed.
[[step]]
pause = "zookeeper"

[[step]]
start = "zookeeper"
"#;

#[test]
fn one_that_is_paused_has_to_be_resumed() {
    let (_folder, root) = scenarios(&[("area/paused", PAUSED)]);
    let lab = Lab::new();
    lab.run(&["run", "--scenarios", &root]).assert_says(
        1,
        &["zookeeper runs already: it is paused, and has to be resumed"],
    );
    lab.assert_nothing_left(&[], "after a start of what is paused");
}
