//! JUnit XML, for continuous integration: a suite for each area, a case for each instance of a scenario.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result};
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::terminal;
use crate::runner::{Outcome, ScenarioOutcome, Suite};

/// The XML. Form: Jenkins's `junit-10.xsd`.
///
/// # Errors
/// When it cannot be written as XML.
pub(super) fn document(suite: &Suite) -> Result<String> {
    let mut areas: BTreeMap<&str, Vec<TestCase>> = BTreeMap::new();
    for scenario in &suite.scenarios {
        let area = scenario.id.split('/').next().unwrap_or_default();
        areas.entry(area).or_default().push(case(area, scenario));
    }
    let mut report = Report::new("Kafka Connect Lab");
    report.set_time(Duration::from_secs_f64(suite.seconds));
    for (area, cases) in areas {
        let mut of_area = TestSuite::new(area);
        let seconds = suite
            .scenarios
            .iter()
            .filter(|one| one.id.split('/').next() == Some(area))
            .map(|one| one.seconds)
            .sum();
        of_area.set_time(Duration::from_secs_f64(seconds));
        of_area.add_property(("run", suite.run.as_str()));
        of_area.add_property(("began", suite.began.as_str()));
        for (component, version) in &suite.versions {
            of_area.add_property((format!("version of {component}").as_str(), version.as_str()));
        }
        of_area.add_test_cases(cases);
        report.add_test_suite(of_area);
    }
    let text = report
        .to_string()
        .context("cannot write the JUnit report as XML")?;
    // quick-junit counts them at the top too, where the schema has no place for it.
    let skipped = format!(" skipped=\"{}\"", suite.counts().2);
    let text = text.replacen(&skipped, "", 1);
    // Not characters of XML, which quick-junit leaves in.
    Ok(text.replace(['\u{fffe}', '\u{ffff}'], ""))
}

fn case(area: &str, scenario: &ScenarioOutcome) -> TestCase {
    let status = match &scenario.outcome {
        Outcome::Passed => TestCaseStatus::success(),
        Outcome::Skipped { reason } => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(reason.as_str());
            status
        }
        Outcome::Failed => {
            let failed = scenario
                .steps
                .iter()
                .find(|step| step.outcome == Outcome::Failed);
            // A step that could not be done, or no step at all, is an error to readers of these files; a check that saw
            // something else is a failure.
            let kind = match failed {
                Some(step) if step.expected.is_some() => NonSuccessKind::Failure,
                _ => NonSuccessKind::Error,
            };
            let mut status = TestCaseStatus::non_success(kind);
            let mut lines: Vec<String> = scenario.note.iter().cloned().collect();
            match failed {
                Some(step) => {
                    status
                        .set_message(step.title.as_str())
                        .set_type(step.key.as_str());
                    lines.extend(terminal::details(step));
                }
                None => {
                    status
                        .set_message(scenario.note.as_deref().unwrap_or("it failed"))
                        .set_type("scenario");
                }
            }
            status.set_description(lines.join("\n"));
            status
        }
    };
    let name = scenario
        .id
        .split_once('/')
        .map_or(&*scenario.id, |(_, name)| name);
    let mut case = TestCase::new(name, status);
    case.set_classname(area)
        .set_time(Duration::from_secs_f64(scenario.seconds));
    let steps: Vec<String> = scenario
        .steps
        .iter()
        .map(terminal::plain_step_line)
        .collect();
    if !steps.is_empty() {
        case.set_system_out(steps.join("\n"));
    }
    if let Some(left) = &scenario.clean_up {
        case.set_system_err(format!("not cleaned up: {left}"));
    }
    case
}
