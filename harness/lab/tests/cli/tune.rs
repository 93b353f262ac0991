//! `lab tune` with experiments that take seconds: what it says and writes, not how fast anything is.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use crate::support::{Ended, Lab, scenarios, signal};

/// A folder with one experiment, and room for its report.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new(tune: &str) -> Self {
        Self::on("", tune)
    }

    /// `stack`: more lines of `[stack]`.
    fn on(stack: &str, tune: &str) -> Self {
        let text = format!(
            "# A small experiment.\n[stack]\njvm = \"server\"\n{stack}\n[[step]]\n[step.tune]\n{tune}\n"
        );
        Self(scenarios(&[("scenarios/tuning/small", &text)]).0)
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    fn arguments(&self, more: &[&str]) -> Vec<String> {
        let (file, report) = (
            self.path("scenarios/tuning/small.toml"),
            self.path("report"),
        );
        let root = self.path("scenarios");
        ["tune", &file, "--scenarios", &root, "--report", &report]
            .iter()
            .chain(more)
            .map(|one| (*one).to_owned())
            .collect()
    }

    fn run(&self, lab: &Lab, more: &[&str]) -> Ended {
        let arguments = self.arguments(more);
        lab.run(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path("report").to_owned() + "/" + name).unwrap()
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.read("tune.json")).unwrap()
    }
}

/// Each file in `tests/tune` is wrong in one way; beside it stands what is said. After a change that is meant:
/// `INSTA_UPDATE=always cargo test --release -p lab --test cli tune`.
#[test]
fn what_is_wrong_with_an_experiment_is_said_before_anything_starts() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tune");
    let mut files: Vec<PathBuf> = fs::read_dir(&folder)
        .unwrap()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|end| end == "toml"))
        .collect();
    files.sort();
    assert!(files.len() >= 7, "{files:?}");
    let lab = Lab::new();
    let elsewhere = tempfile::tempdir().unwrap();
    for file in files {
        let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
        let mut command = lab.command(&["tune"]);
        command.arg(&file).arg("--report").arg(elsewhere.path());
        let ended = Ended::from(command.output().unwrap());
        assert_eq!(ended.status, Some(2), "{name}: {ended:#?}");
        let said = ended
            .stderr
            .replace(&folder.display().to_string(), "tests/tune");
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path(&folder);
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.bind(|| insta::assert_snapshot!(name, said));
    }
}

#[test]
fn rows_that_cannot_be_read_are_said() {
    let folder = Folder::new("source = { lines = { records = 1000 } }\nrows = [{ name = \"a\" }]");
    let rows = folder.path("rows.json");
    let lab = Lab::new();
    folder
        .run(&lab, &["--rows", &rows])
        .assert_says(2, &["cannot read the rows", "rows.json"]);
    fs::write(
        &rows,
        r#"[{ "name": "a", "producer": { "linger.sm": 5 } }]"#,
    )
    .unwrap();
    folder
        .run(&lab, &["--rows", &rows])
        .assert_says(2, &["rows.json", "did you mean `linger.ms`?"]);
    fs::write(&rows, r#"[{ "nmae": "a" }]"#).unwrap();
    folder
        .run(&lab, &["--rows", &rows])
        .assert_says(2, &["rows.json", "nmae"]);
}

/// Little memory: what waits in it when a window ends is written before the next row begins, and slowly in small batches. None is
/// so large that the source would have to be.
const TWO_ROWS: &str = "source = { lines = { records = 500_000 } }
warm_up = \"1s\"
longest_warm_up = \"1s\"
window = \"3s\"
rows = [
  { name = \"small\", producer = { \"batch.size\" = 100, \"buffer.memory\" = 1048576 } },
  { name = \"large\", producer = { \"batch.size\" = 1000, \"linger.ms\" = 50, \"buffer.memory\" = 1048576 } },
]";

#[test]
fn an_experiment_is_reported_in_every_form_and_leaves_nothing() {
    let folder = Folder::new(&format!("{TWO_ROWS}\nrepeats = 2"));
    let lab = Lab::new();
    let ended = folder.run(&lab, &["--json"]);
    assert_eq!(ended.status, Some(0), "{ended:#?}");
    let printed: Value = serde_json::from_str(&ended.stdout).unwrap();
    let written = folder.json();
    assert_eq!(printed, written);
    assert_eq!(written["rounds"], 2, "{written:#}");
    let samples = written["samples"].as_array().unwrap();
    let order: Vec<_> = samples
        .iter()
        .map(|one| one["row"].as_str().unwrap())
        .collect();
    assert_eq!(order, ["small", "large", "small", "large"]);
    for sample in samples {
        let (total, offsets) = (&sample["total"], &sample["end_offsets"]);
        let difference = total.as_f64().unwrap() - offsets.as_f64().unwrap();
        // What Connect counts as written waits in the producer where its buffer is full at the end.
        let is_settled = sample["drained"] != false;
        assert!(
            !is_settled || difference.abs() <= 0.01 * total.as_f64().unwrap(),
            "{sample:#}"
        );
        for reading in [
            "batch_size_avg",
            "record_queue_time_avg",
            "request_rate",
            "compression_rate_avg",
        ] {
            assert!(
                sample["readings"][reading].is_number(),
                "{reading}: {sample:#}"
            );
        }
        for process in ["connect", "kafka"] {
            assert!(
                sample["cpu"]["processes"][process].as_f64().unwrap() > 0.0,
                "{sample:#}"
            );
        }
    }
    assert_eq!(written["rows"][1]["same_records"], true, "{written:#}");
    assert_eq!(folder.read("samples.jsonl").lines().count(), 4);
    assert_eq!(folder.read("tune.csv").lines().count(), 5);
    assert!(folder.read("tune.md").contains("| large |"));
    assert!(folder.read("tune.html").contains("Box plot"));
    assert!(
        ended.stderr.contains("round 2 of 2, row large"),
        "{}",
        ended.stderr
    );
    assert!(ended.stderr.contains(" left"), "{}", ended.stderr);
    lab.assert_nothing_left(&[], "after an experiment");
}

#[test]
fn what_was_measured_until_an_interrupt_is_reported() {
    let folder = Folder::new(&format!("{TWO_ROWS}\nrepeats = 50"));
    let lab = Lab::new();
    let arguments = folder.arguments(&[]);
    let run = lab.start(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    let begun = Instant::now();
    let samples = Path::new(&folder.path("report")).join("samples.jsonl");
    while fs::read_to_string(&samples)
        .unwrap_or_default()
        .lines()
        .count()
        < 1
    {
        assert!(
            begun.elapsed() < Duration::from_secs(180),
            "nothing is measured"
        );
        std::thread::sleep(Duration::from_millis(100));
    }
    signal(run.id(), Signal::INT);
    let ended = Ended::from(run.wait_with_output().unwrap());
    ended.assert_says(130, &["interrupted by SIGINT", "report: "]);
    let written = folder.json();
    assert_eq!(written["cut_short"], "interrupted by SIGINT");
    assert!(
        !written["samples"].as_array().unwrap().is_empty(),
        "{written:#}"
    );
    lab.assert_nothing_left(&[], "after an interrupt");
}

#[test]
fn a_source_that_runs_dry_is_said() {
    // On a secure stack, where a connector may write only what it was given.
    let folder = Folder::on(
        "secure = true",
        "source = { lines = { records = 20_000 } }\nrows = [{ name = \"a\" }]\nwarm_up = \"2s\"",
    );
    let lab = Lab::new();
    folder.run(&lab, &[]).assert_says(
        2,
        &[
            "the source ran dry after 20000 records",
            "give `records` at least",
        ],
    );
    lab.assert_nothing_left(&[], "after a dry source");
}

#[test]
fn what_the_worker_forbids_and_what_the_connector_does_not_know_is_said() {
    let folder = Folder::new(
        "source = { snapshot = { records = 1000 } }
rows = [
  { name = \"misspelt\", connector = { \"max.bach.size\" = 4096 } },
  { name = \"impossible\", connector = { \"max.batch.size\" = -1 } },
]",
    );
    let lab = Lab::new();
    folder.run(&lab, &[]).assert_says(
        2,
        &[
            "nothing was",
            "row \"misspelt\": the connector has no setting `max.bach.size`",
            "did you mean `max.batch.size`?",
            "row \"impossible\": `max.batch.size`",
        ],
    );
    let folder = Folder::new(
        "source = { lines = { records = 1000 } }
rows = [{ name = \"forbidden\", producer = { \"linger.ms\" = 5 }, worker = { \"connector.client.config.override.policy\" = \"None\" } }]",
    );
    folder.run(&lab, &[]).assert_says(
        2,
        &[
            "override.policy",
            "does not allow",
            "connector.client.config.override.policy=All",
        ],
    );
}

#[test]
fn what_does_not_fit_on_the_disk_is_not_begun() {
    let folder = Folder::new(
        "source = { lines = { records = 1_000_000_000_000 } }\nrows = [{ name = \"a\" }]",
    );
    let lab = Lab::new();
    folder
        .run(&lab, &[])
        .assert_says(2, &["of disk", "fewer `records`", "nothing was made"]);
}
