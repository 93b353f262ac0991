//! Each report is as its file in `tests/reports` says. After a change that is meant: `INSTA_UPDATE=always cargo test --release
//! -p lab report`, and look at what git says of it.

use serde_json::{Value, json};

use super::samples::suite;
use crate::report::{html, junit, summary, terminal};

fn assert_golden(name: &str, report: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/reports"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, report));
}

#[test]
fn terminal_is_a_line_a_step_and_details_of_what_failed() {
    let suite = suite();
    let mut lines = Vec::new();
    for scenario in &suite.scenarios {
        lines.extend(scenario.steps.iter().flat_map(terminal::step_lines));
        lines.extend(terminal::scenario_lines(scenario));
    }
    lines.push(summary(&suite));
    // Whether there are colours is the terminal's affair.
    assert_golden("terminal", &console::strip_ansi_codes(&lines.join("\n")));
}

#[test]
fn what_services_say_does_not_steer_the_terminal() {
    let suite = suite();
    let failed = &suite.scenarios[1].steps[1];
    let mut lines = terminal::details(failed);
    lines.push(terminal::plain_step_line(failed));
    assert!(
        !lines.iter().any(|line| line.contains(char::is_control)),
        "{lines:#?}"
    );
}

#[test]
fn junit_is_as_it_was() {
    assert_golden("junit", &junit::document(&suite()).unwrap());
}

#[test]
fn json_is_as_it_was() {
    let report = serde_json::to_value(suite()).unwrap();
    assert_eq!(report["scenarios"][1]["steps"][1]["attempts"], json!(61));
    assert_eq!(report["scenarios"][5]["outcome"], json!("skipped"));
    assert_eq!(report["scenarios"][0]["steps"][0]["expected"], Value::Null);
    assert_golden("json", &format!("{report:#}"));
}

#[test]
fn the_page_is_as_it_was() {
    let page = html::page(&suite());
    // Without the style sheet, and an element a line, so that a difference can be read.
    let (_, body) = page.split_once("<body>").unwrap();
    assert_golden("html", &body.replace("><", ">\n<"));
}
