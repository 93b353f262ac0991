//! Lines on a terminal: one a step while it runs, details only of what failed.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use comfy_table::{ContentArrangement, Table, presets};
use console::{Color, style};

use crate::progress::Shown;
use crate::runner::{Grid, Listener, Outcome, ScenarioOutcome, StepOutcome, Suite};
use crate::suite::Reporter;

/// Tells the user how scenarios go on.
pub struct Terminal<'a> {
    shown: &'a Shown,
    /// Steps of scenarios that run beside others, kept until theirs is told as a whole.
    kept: Option<Mutex<BTreeMap<String, Vec<String>>>>,
}

impl<'a> Terminal<'a> {
    /// `jobs`: how many scenarios run at the same time.
    pub fn new(shown: &'a Shown, jobs: usize) -> Self {
        Self {
            shown,
            kept: (jobs > 1).then(Mutex::default),
        }
    }

    fn tell(&self, id: &str, line: String) {
        match &self.kept {
            Some(kept) => {
                kept.lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .entry(id.to_owned())
                    .or_default()
                    .push(line);
            }
            None => self.shown.line(&line),
        }
    }
}

impl Listener for Terminal<'_> {
    fn begins(&self, id: &str, title: &str, within: Option<Duration>) {
        let limit = within.map_or_else(String::new, |within| {
            format!(" (within {})", humantime::format_duration(within))
        });
        self.shown.doing(&format!("{id}: {title}{limit}"));
    }

    fn step(&self, id: &str, step: &StepOutcome) {
        for line in step_lines(step) {
            self.tell(id, line);
        }
    }
}

impl Reporter for Terminal<'_> {
    fn ended(&self, outcome: &ScenarioOutcome) {
        // Others that run tell of their next step.
        self.shown.done();
        if let Some(kept) = &self.kept {
            let lines = kept
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .remove(&outcome.id);
            lines
                .into_iter()
                .flatten()
                .for_each(|line| self.shown.line(&line));
        }
        for line in scenario_lines(outcome) {
            self.shown.line(&line);
        }
    }
}

pub(super) fn scenario_lines(outcome: &ScenarioOutcome) -> Vec<String> {
    let mut lines = Vec::new();
    let took = format!("{:.1} s", outcome.seconds);
    match &outcome.outcome {
        Outcome::Passed => lines.push(format!(
            "{} {}  {took}",
            style("PASS").green().bold(),
            outcome.id
        )),
        Outcome::Failed => lines.push(format!(
            "{} {}  {took}",
            style("FAIL").red().bold(),
            outcome.id
        )),
        Outcome::Skipped { reason } => {
            lines.push(format!(
                "{} {}  {reason}",
                style("SKIP").yellow().bold(),
                outcome.id
            ));
        }
    }
    lines.extend(outcome.note.iter().map(|note| format!("     {note}")));
    lines.extend(
        outcome
            .clean_up
            .iter()
            .map(|left| format!("     not cleaned up: {left}")),
    );
    lines
}

/// A step: one line, and what is known of it when it failed.
pub(super) fn step_lines(step: &StepOutcome) -> Vec<String> {
    let mut lines = vec![step_line(step)];
    if step.outcome == Outcome::Failed {
        lines.extend(details(step));
    }
    lines
}

fn step_line(step: &StepOutcome) -> String {
    line(step, |mark, colour| style(mark).fg(colour).to_string())
}

/// The same line for a file.
pub(super) fn plain_step_line(step: &StepOutcome) -> String {
    line(step, |mark, _| mark.to_owned())
}

fn line(step: &StepOutcome, mark: impl Fn(&str, Color) -> String) -> String {
    let mark = match step.outcome {
        Outcome::Passed => mark("✓", Color::Green),
        Outcome::Failed => mark("✗", Color::Red),
        Outcome::Skipped { .. } => mark("–", Color::Yellow),
    };
    format!(
        "  {mark} {:<60} {:>7.2} s",
        harmless(&step.title),
        step.seconds
    )
}

/// What is known of a step that failed.
pub(super) fn details(step: &StepOutcome) -> Vec<String> {
    let mut lines = vec![format!("      at {}", step.place)];
    let mut block = |label: &str, text: &str| {
        for (number, line) in text.lines().enumerate() {
            let label = if number == 0 { label } else { "" };
            lines.push(format!("      {label:<9} {}", harmless(line)));
        }
    };
    if let Some(expected) = &step.expected {
        block("expected", expected);
        block("observed", &step.observed);
    } else {
        block("error", &step.observed);
    }
    block(
        "attempts",
        &format!("{} in {:.1} s", step.attempts, step.seconds),
    );
    if let Some(service) = step.service.as_ref().filter(|_| !step.log_tail.is_empty()) {
        lines.push(format!("      the end of the log of {service}:"));
        let tail = step.log_tail.iter();
        lines.extend(tail.map(|line| format!("        {}", harmless(line))));
    }
    lines
}

/// What logs, topics and tables hold must not colour, clear or retitle the terminal.
fn harmless(text: &str) -> String {
    console::strip_ansi_codes(text)
        .chars()
        .map(|c| match c {
            '\t' => ' ',
            c if c.is_control() => char::REPLACEMENT_CHARACTER,
            c => c,
        })
        .collect()
}

/// A table, as wide as the terminal.
pub fn table(grid: &Grid) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::UTF8_FULL_CONDENSED)
        .set_content_arrangement(ContentArrangement::Dynamic);
    if !console::user_attended() {
        table.set_width(160);
    }
    table.set_header(&grid.header);
    for row in &grid.rows {
        table.add_row(row);
    }
    table.to_string()
}

/// The last line.
pub fn summary(suite: &Suite) -> String {
    let (passed, failed, skipped) = suite.counts();
    let skips = if skipped > 0 {
        format!(", {skipped} skipped")
    } else {
        String::new()
    };
    format!(
        "{passed} passed, {failed} failed{skips} in {:.1} s",
        suite.seconds
    )
}
