//! When each step of a scenario began, and how long it took.

use maud::{Markup, html};

use super::axis::{label, ticks};
use super::html::{anchor, sign};
use crate::runner::{Outcome, ScenarioOutcome, StepOutcome};

/// A row a step on one axis. What comes after the last step is the clean-up.
pub(super) fn timeline(scenario: &ScenarioOutcome) -> Markup {
    if scenario.steps.is_empty() {
        return html! {};
    }
    let whole = scenario
        .steps
        .iter()
        .map(|step| step.start + step.seconds)
        .fold(scenario.seconds, f64::max)
        .max(0.001);
    // The last one is over the end.
    let mut ticks = ticks(whole, 6);
    ticks.retain(|tick| *tick <= whole);
    html! {
        div.timeline role="list" aria-label=(format!("Timeline of {}", scenario.id)) {
            @for step in &scenario.steps { (row(scenario, step, whole)) }
            div.axis aria-hidden="true" {
                span {}
                span.track {
                    @for tick in &ticks { span.tick style=(format!("left:{:.2}%", 100.0 * tick / whole)) { (label(*tick)) } }
                }
                span.number.unit { "seconds" }
            }
        }
    }
}

fn row(scenario: &ScenarioOutcome, step: &StepOutcome, whole: f64) -> Markup {
    // Inside of the track, however the clock was read.
    let left = (100.0 * step.start / whole).clamp(0.0, 100.0);
    let width = (100.0 * step.seconds / whole).clamp(0.0, 100.0 - left);
    let what = if step.outcome == Outcome::Failed {
        "bar bad"
    } else if step.attempts > 1 {
        "bar retried"
    } else {
        "bar"
    };
    let told = format!(
        "from {:.2} s to {:.2} s, {} {}",
        step.start,
        step.start + step.seconds,
        step.attempts,
        if step.attempts == 1 {
            "attempt"
        } else {
            "attempts"
        }
    );
    html! {
        div.row role="listitem" {
            a href=(format!("#{}", anchor(scenario, Some(step.number)))) { (sign(&step.outcome)) " " (step.title) }
            span.track {
                span class=(what) style=(format!("left:{left:.2}%;width:{width:.2}%")) title=(told) {}
            }
            span.number {
                (format!("{:.2} s", step.seconds))
                @if step.attempts > 1 { span.tries { " ×" (step.attempts) } }
            }
        }
    }
}
