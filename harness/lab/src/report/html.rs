//! One page for people, without anything from the network.

use maud::{Markup, html};

use super::chart::figure;
use super::page::{document, grid_table};
use super::summary;
use super::timeline::timeline;
use crate::runner::{Outcome, ScenarioOutcome, StepOutcome, Suite};

/// The page.
pub(super) fn page(suite: &Suite) -> String {
    let body = html! {
        header {
            h1 { "Kafka Connect Lab" }
            p { (summary(suite)) ", begun " (suite.began) ", run " code { (suite.run) } }
        }
        main {
            (overview(suite))
            @for scenario in in_order(suite) { (section(scenario)) }
            (surroundings(suite))
        }
    };
    document(&summary(suite), "", &body)
}

fn overview(suite: &Suite) -> Markup {
    html! {
        table {
            thead { tr { th { "scenario" } th { "outcome" } th.number { "time" } th { "what it checks" } } }
            tbody {
                @for scenario in in_order(suite) {
                    tr {
                        td { a href=(format!("#{}", anchor(scenario, None))) { (scenario.id) } }
                        td { (mark(&scenario.outcome)) }
                        td.number { (format!("{:.1} s", scenario.seconds)) }
                        td { (scenario.summary) }
                    }
                }
            }
        }
    }
}

fn section(scenario: &ScenarioOutcome) -> Markup {
    html! {
        section id=(anchor(scenario, None)) {
            h2 { (mark(&scenario.outcome)) " " (scenario.id) }
            p.file { code { (scenario.path.display()) } }
            p.doc { (scenario.doc) }
            @if !scenario.versions.is_empty() { p.file { (on(scenario)) } }
            @if let Outcome::Skipped { reason } = &scenario.outcome { p { "Skipped: " (reason) } }
            @if let Some(note) = &scenario.note { p { (note) } }
            (timeline(scenario))
            @for step in &scenario.steps { @for chart in &step.charts { (figure(chart)) } }
            @if !scenario.steps.is_empty() {
                ol.steps { @for step in &scenario.steps { li id=(anchor(scenario, Some(step.number))) { (step_item(step)) } } }
            }
            @if let Some(left) = &scenario.clean_up { p { "Not cleaned up: " (left) } }
        }
    }
}

/// What it ran on, in words.
fn on(scenario: &ScenarioOutcome) -> String {
    let versions: Vec<_> = scenario
        .versions
        .iter()
        .map(|(name, version)| format!("{name} {version}"))
        .collect();
    format!("on {}", versions.join(", "))
}

/// Folded where it held, unless it measured something: one looks for what did not, and for figures.
fn step_item(step: &StepOutcome) -> Markup {
    let open = step.outcome == Outcome::Failed || !step.charts.is_empty();
    html! {
        details open[open] {
            summary {
                (mark(&step.outcome)) " "
                span.title { (step.title) } " "
                code.key { (step.key) } " "
                span.place { (step.place) }
            }
            dl {
                @if let Some(expected) = &step.expected { dt { "expected" } dd { pre { (expected) } } }
                dt { @if step.expected.is_some() { "observed" } @else { (observed_as(step)) } }
                dd {
                    @match (&step.grid, &step.outcome) {
                        (Some(grid), Outcome::Passed) if !grid.rows.is_empty() => (grid_table(grid)),
                        _ => pre { (step.observed) },
                    }
                }
                dt { "attempts" }
                dd { (step.attempts) " in " (format!("{:.2} s", step.seconds)) }
                dt { "as written" }
                dd { pre { (step.written) } }
            }
            @if !step.log_tail.is_empty() {
                details.log {
                    summary { "the end of the log of " (step.service.as_deref().unwrap_or_default()) }
                    pre { (step.log_tail.join("\n")) }
                }
            }
        }
    }
}

/// What a check that held expected is what is written; one without expectation could not look.
fn observed_as(step: &StepOutcome) -> &'static str {
    match step.outcome {
        Outcome::Failed => "error",
        _ => "observed",
    }
}

fn surroundings(suite: &Suite) -> Markup {
    let list = |title: &str, pairs: Vec<&(String, String)>| {
        html! {
            details {
                summary { (title) }
                table { @for (name, value) in pairs { tr { td { (name) } td { code { (value) } } } } }
            }
        }
    };
    html! { (list("Versions", suite.versions.iter().collect())) (list("Endpoints", suite.endpoints.iter().collect())) }
}

/// A word and a sign: colour alone tells some readers nothing.
fn mark(outcome: &Outcome) -> Markup {
    match outcome {
        Outcome::Passed => html! { span.passed { "✓ passed" } },
        Outcome::Failed => html! { span.failed { "✗ failed" } },
        Outcome::Skipped { .. } => html! { span.skipped { "– skipped" } },
    }
}

/// The sign alone, where there is no room.
pub(super) fn sign(outcome: &Outcome) -> Markup {
    match outcome {
        Outcome::Passed => html! { span.passed { "✓" } },
        Outcome::Failed => html! { span.failed { "✗" } },
        Outcome::Skipped { .. } => html! { span.skipped { "–" } },
    }
}

/// Those that failed come first.
fn in_order(suite: &Suite) -> Vec<&ScenarioOutcome> {
    let mut all: Vec<_> = suite.scenarios.iter().collect();
    all.sort_by_key(|one| one.outcome != Outcome::Failed);
    all
}

/// Where a scenario, or a step of it, stands on the page.
pub(super) fn anchor(scenario: &ScenarioOutcome, step: Option<usize>) -> String {
    let name: String = scenario
        .id
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    step.map_or_else(|| name.clone(), |number| format!("{name}-step-{number}"))
}
