//! What a scenario runs beside its steps.

use std::fs;
use std::time::{Duration, Instant};

use crate::support::{Ended, Lab, one_has, scenarios, signal};

/// A load that dies at once, and a check that waits for half a minute for what will never come.
const SCENARIO: &str = r#"
# A load that cannot be.
[[step]]
create_topic = { name = "${run.prefix}" }

[[step]]
producer = { name = "producer-load", topic = "${run.prefix}", rate = 1, flags = ["--no-such-flag"] }

[[step]]
records = { topic = "${run.prefix}", count = 1000 }
within = "60s"
"#;

#[test]
fn a_load_that_dies_fails_the_step_that_runs_and_is_named_with_its_log() {
    let (_folder, root) = scenarios(&[("area/load", SCENARIO.trim_start())]);
    let lab = Lab::new();
    let begun = Instant::now();
    let ended = lab.run(&["run", "area/load", "--scenarios", &root]);
    ended.assert_says(
        1,
        &[
            "producer-load to run until a step stops or kills it",
            "producer-load exited with status",
            "the end of the log of producer-load",
            "--no-such-flag",
        ],
    );
    // Not what the check waits for.
    assert!(begun.elapsed() < Duration::from_secs(60), "{ended:#?}");
    lab.assert_nothing_left(&[], "after a load that died");
}

#[test]
fn ctrl_c_leaves_a_report_of_what_was_done() {
    let slow =
        "# It takes long.\n[[step]]\nshell = \"true\"\n\n[[step]]\nshell = \"exec sleep 61\"\n";
    let (folder, root) = scenarios(&[("area/slow", slow)]);
    let report = folder.path().join("report");
    let lab = Lab::new();
    let shown = report.display().to_string();
    let run = lab.start(&[
        "run",
        "--scenarios",
        &root,
        "--report",
        &shown,
        "--repeat",
        "2",
    ]);
    lab.wait_for(|all| one_has(all, "sleep 61"));
    signal(run.id(), rustix::process::Signal::INT);
    let ended = Ended::from(run.wait_with_output().unwrap());
    ended.assert_says(130, &["interrupted by SIGINT", "report.html"]);
    let json = fs::read_to_string(report.join("report.json")).unwrap();
    for words in [
        "\"id\": \"area/slow\"",
        "it was under way: interrupted by SIGINT",
        "\"title\": \"shell true\"",
        "\"id\": \"area/slow#2\"",
        "it had not begun: interrupted by SIGINT",
    ] {
        assert!(json.contains(words), "{words} is not in {json}");
    }
    lab.assert_nothing_left(&[], "after Ctrl-C");

    let ended = lab.run(&["run", "--scenarios", &root, "--report", "/proc/report"]);
    ended.assert_says(2, &["/proc/report: name another one with --report"]);
}

/// What a shell leaves in the background, or had in a pipe when its time was over, went on while other scenarios ran.
#[test]
fn what_a_shell_step_has_started_ends_with_its_scenario() {
    let step =
        |shell: &str| format!("# A shell.\n[[step]]\nshell = \"{shell}\"\nwithin = \"2s\"\n");
    let (_folder, root) = scenarios(&[
        ("area/a", &step("sleep 333 | cat")),
        ("area/b", &step("sleep 333 & echo")),
        ("area/c", &step("exec sleep 61")),
    ]);
    let lab = Lab::new();
    let run = lab.start(&["run", "--scenarios", &root]);
    let meanwhile = lab.wait_for(|all| one_has(all, "sleep 61"));
    assert!(!one_has(&meanwhile, "sleep 333"), "{meanwhile:#?}");
    let ended = Ended::from(run.wait_with_output().unwrap());
    assert_eq!(ended.status, Some(1), "{ended:#?}");
}
