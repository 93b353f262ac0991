//! For a wiki.

use std::fmt::Write as _;

use super::super::outcome::Experiment;
use super::{connector_patch, details, grid, path, sentences, warm_up, worker_patch};
use crate::runner::Grid;

pub(super) fn document(experiment: &Experiment) -> String {
    let mut text = format!("# {}\n\n", escape(&experiment.name));
    let _ = writeln!(text, "{}\n", escape(&experiment.doc.replace('\n', " ")));
    let versions: Vec<_> = experiment
        .versions
        .iter()
        .map(|(name, version)| format!("{name} {version}"))
        .collect();
    let _ = writeln!(
        text,
        "Source: {}. Begun {}, {} of {} rounds in {:.0} s on {} processors; each measurement {:.0} s after {} of warm-up. {}\n",
        escape(&experiment.source),
        experiment.began,
        experiment.rounds,
        experiment.rounds_planned,
        experiment.seconds,
        experiment.processors,
        experiment.window,
        warm_up(experiment),
        escape(&versions.join(", "))
    );
    table(&mut text, &grid(experiment));
    for sentence in sentences(experiment) {
        let _ = writeln!(text, "- {}", escape(&sentence));
    }
    text.push_str("\n## What producer and machine say\n\n");
    table(&mut text, &details(experiment));
    if let (Some(found), Some(path)) = (&experiment.search, path(experiment)) {
        let _ = writeln!(
            text,
            "## The search\n\n{} over {} combinations, seed {}, budget {:.0} s.\n",
            found.method, found.combinations, found.seed, found.budget
        );
        table(&mut text, &path);
        if let Some(winner) = &found.winner {
            let _ = writeln!(
                text,
                "Into the connector's configuration:\n\n```json\n{:#}\n```\n\nInto the worker's:\n\n```properties\n{}\n```\n",
                serde_json::Value::Object(connector_patch(winner)),
                worker_patch(winner)
            );
        }
    }
    let _ = writeln!(text, "Again: `{}`", experiment.command);
    text
}

fn table(text: &mut String, grid: &Grid) {
    let line = |cells: &[String]| {
        let cells: Vec<_> = cells.iter().map(|cell| escape(cell)).collect();
        format!("| {} |\n", cells.join(" | "))
    };
    text.push_str(&line(&grid.header));
    text.push_str(&format!("|{}\n", " --- |".repeat(grid.header.len())));
    for row in &grid.rows {
        text.push_str(&line(row));
    }
    text.push('\n');
}

/// What would end a cell, or be taken for a tag.
fn escape(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('|', "\\|")
        .replace('<', "&lt;")
        .replace(['\n', '\r'], " ")
}
