//! What others make of the reports of a suite in which everything happens that can.

#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

use super::{html, junit};
use crate::runner::{Grid, Outcome, ScenarioOutcome, StepOutcome, Suite};

fn step(number: usize, title: &str, key: &str) -> StepOutcome {
    StepOutcome {
        number,
        title: title.to_owned(),
        key: key.to_owned(),
        role: if key == "sql" {
            scenario::Role::Action
        } else {
            scenario::Role::Check
        },
        place: format!("scenarios/cdc/delete.toml:{}:1", 10 * number),
        outcome: Outcome::Passed,
        seconds: 0.25,
        attempts: 1,
        observed: "1 row".to_owned(),
        expected: None,
        log_tail: Vec::new(),
        service: None,
        grid: None,
    }
}

fn scenario(id: &str, outcome: Outcome, steps: Vec<StepOutcome>) -> ScenarioOutcome {
    ScenarioOutcome {
        id: id.to_owned(),
        path: format!("scenarios/{id}.toml").into(),
        summary: format!("What {id} says"),
        doc: format!("What {id} says.\nAnd why."),
        outcome,
        seconds: 2.5,
        steps,
        note: None,
        clean_up: None,
    }
}

/// Text as a hostile topic, table or log may have it.
const HOSTILE: &str =
    "<script>document.title='taken'</script> ]]> & \"'\u{1}\u{fffe} \u{1b}[31mred";

fn suite() -> Suite {
    let with_table = StepOutcome {
        grid: Some(Grid {
            header: vec!["key".to_owned(), "value".to_owned()],
            rows: vec![vec!["{\"id\":1}".to_owned(), HOSTILE.to_owned()]],
        }),
        ..step(2, "the row arrives", "records")
    };
    let mismatch = StepOutcome {
        outcome: Outcome::Failed,
        seconds: 30.04,
        attempts: 61,
        observed: format!("no records\n{HOSTILE}"),
        expected: Some("t to have exactly\n  key {\"id\":1}".to_owned()),
        log_tail: vec!["[2026-11-22] ERROR no slot".to_owned(), HOSTILE.to_owned()],
        service: Some("connect".to_owned()),
        ..step(2, HOSTILE, "records")
    };
    let broken = StepOutcome {
        outcome: Outcome::Failed,
        observed: "ERROR: relation \"x\" does not exist (SQLSTATE 42P01)".to_owned(),
        ..step(1, "a table", "sql")
    };
    let skipped = Outcome::Skipped {
        reason: "an earlier scenario failed".to_owned(),
    };
    Suite {
        run: "20261122-120000-1".to_owned(),
        began: "2026-11-22T12:00:00Z".to_owned(),
        seconds: 35.5,
        seed: Some(7),
        versions: vec![("kafka".to_owned(), "3.9.2".to_owned())],
        endpoints: vec![("kafka bootstrap".to_owned(), "127.0.0.1:20000".to_owned())],
        left: None,
        scenarios: vec![
            scenario(
                "cdc/insert",
                Outcome::Passed,
                vec![step(1, "a table", "sql"), with_table],
            ),
            scenario(
                "cdc/delete[debezium=3.7.0.Final]",
                Outcome::Failed,
                vec![step(1, "a table", "sql"), mismatch],
            ),
            ScenarioOutcome {
                clean_up: Some("cannot drop database x".to_owned()),
                ..scenario("cdc/broken", Outcome::Failed, vec![broken])
            },
            ScenarioOutcome {
                note: Some("fails at \"it arrives\" as DBZ-5966 says".to_owned()),
                ..scenario("exposure/known", Outcome::Passed, Vec::new())
            },
            ScenarioOutcome {
                note: Some("it was to fail, but everything held".to_owned()),
                ..scenario("exposure/mended", Outcome::Failed, Vec::new())
            },
            scenario("exposure/left", skipped, Vec::new()),
        ],
    }
}

/// Runs a program over a file, if the machine has one of these.
fn reader(programs: &[&str], arguments: &[&str], file: &Path) -> Option<Output> {
    let Some(program) = programs.iter().find_map(|name| which::which(name).ok()) else {
        println!("skipped: none of {programs:?} is installed");
        return None;
    };
    Some(
        Command::new(program)
            .args(arguments)
            .arg(file)
            .output()
            .unwrap(),
    )
}

#[test]
fn junit_is_valid_by_the_schema_that_ci_servers_use() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("junit.xml");
    let schema = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/reports/junit-10.xsd");
    let text = junit::document(&suite()).unwrap();
    // A schema that takes everything would prove nothing.
    for (text, valid) in [
        (text.clone(), true),
        (text.replace("<testcase name=", "<testcase nome="), false),
    ] {
        std::fs::write(&file, text).unwrap();
        let Some(output) = reader(&["xmllint"], &["--noout", "--schema", schema], &file) else {
            return;
        };
        assert_eq!(
            output.status.success(),
            valid,
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

#[test]
fn the_page_opens_in_a_browser_and_runs_nothing_that_it_shows() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("report.html");
    std::fs::write(&file, html::page(&suite())).unwrap();
    let profile = format!(
        "--user-data-dir={}",
        folder.path().join("profile").display()
    );
    let arguments = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        &profile,
        "--dump-dom",
    ];
    let Some(output) = reader(&["chromium", "google-chrome"], &arguments, &file) else {
        return;
    };
    let page = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(
        page.contains("<title>Kafka Connect Lab: 2 passed, 3 failed, 1 skipped in 35.5 s</title>"),
        "{page}"
    );
    assert_eq!(page.matches("<section").count(), 6);
    assert!(!page.contains("<script"), "{page}");
}

#[test]
fn json_has_what_programs_ask_for() {
    let report = serde_json::to_value(suite()).unwrap();
    assert_eq!(report["scenarios"][1]["steps"][1]["attempts"], json!(61));
    assert_eq!(report["scenarios"][5]["outcome"], json!("skipped"));
    assert_eq!(report["scenarios"][0]["steps"][0]["expected"], Value::Null);
}
