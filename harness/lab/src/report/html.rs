//! One page for people, without anything from the network.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::summary;
use crate::runner::{Grid, Outcome, ScenarioOutcome, StepOutcome, Suite};

/// The page.
pub(super) fn page(suite: &Suite) -> String {
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "Kafka Connect Lab: " (summary(suite)) }
                style { (PreEscaped(include_str!("page.css"))) }
            }
            body {
                header {
                    h1 { "Kafka Connect Lab" }
                    p { (summary(suite)) ", begun " (suite.began) ", run " code { (suite.run) } }
                }
                main {
                    (overview(suite))
                    @for scenario in &suite.scenarios { (section(scenario)) }
                    (surroundings(suite))
                }
            }
        }
    };
    markup.into_string()
}

fn overview(suite: &Suite) -> Markup {
    html! {
        table {
            thead { tr { th { "scenario" } th { "outcome" } th.number { "time" } th { "what it checks" } } }
            tbody {
                @for scenario in &suite.scenarios {
                    tr {
                        td { a href=(format!("#{}", anchor(scenario))) { (scenario.id) } }
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
        section id=(anchor(scenario)) {
            h2 { (mark(&scenario.outcome)) " " (scenario.id) }
            p.file { code { (scenario.path.display()) } }
            p.doc { (scenario.doc) }
            @if !scenario.versions.is_empty() { p.file { (on(scenario)) } }
            @if let Outcome::Skipped { reason } = &scenario.outcome { p { "Skipped: " (reason) } }
            @if let Some(note) = &scenario.note { p { (note) } }
            ol.steps { @for step in &scenario.steps { (step_item(step, scenario.seconds)) } }
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

fn step_item(step: &StepOutcome, whole: f64) -> Markup {
    // Never wider than the line, however the clock was read.
    let share = (100.0 * step.seconds / whole.max(0.001)).clamp(0.2, 100.0);
    html! {
        li {
            div.head {
                (mark(&step.outcome)) " "
                span.title { (step.title) } " "
                code.key { (step.key) } " "
                span.place { (step.place) }
                span.number { (format!("{:.2} s", step.seconds)) @if step.attempts > 1 { ", " (step.attempts) " attempts" } }
            }
            div.bar style=(format!("width:{share:.1}%")) {}
            @if let Some(expected) = &step.expected { dl { dt { "expected" } dd { pre { (expected) } } } }
            @match (&step.grid, &step.outcome) {
                (Some(grid), Outcome::Passed) if !grid.rows.is_empty() => (table(grid)),
                _ if !step.observed.is_empty() => dl { dt { "observed" } dd { pre { (step.observed) } } },
                _ => {},
            }
            @if !step.log_tail.is_empty() {
                details {
                    summary { "the end of the log of " (step.service.as_deref().unwrap_or_default()) }
                    pre { (step.log_tail.join("\n")) }
                }
            }
        }
    }
}

fn table(grid: &Grid) -> Markup {
    html! {
        table.grid {
            thead { tr { @for cell in &grid.header { th { (cell) } } } }
            tbody { @for row in &grid.rows { tr { @for cell in row { td { (cell) } } } } }
        }
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

fn anchor(scenario: &ScenarioOutcome) -> String {
    scenario
        .id
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect()
}
