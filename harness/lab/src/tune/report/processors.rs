//! What limited each row: a bar of the processors that each process used, with its words beside.

use maud::{Markup, html};

use super::super::arguments::shorten;
use super::super::outcome::Experiment;

/// Wide enough for a name.
const NAMED: f64 = 12.0;

pub(super) fn figure(experiment: &Experiment) -> Markup {
    let all = experiment.processors.max(1) as f64;
    // One colour a process in every row.
    let mut names: Vec<&String> = experiment
        .rows
        .iter()
        .flat_map(|row| row.cpu.processes.keys())
        .collect();
    names.sort();
    names.dedup();
    html! {
        figure.chart {
            figcaption { "What limited each row, and the processors that it used of " (experiment.processors) }
            table.limits {
                thead { tr { th { "row" } th { "limited by" } th { "processors" } th { "because" } } }
                tbody {
                    @for row in experiment.rows.iter().filter(|row| row.rounds > 0) {
                        tr {
                            td { (shorten(&row.row.name)) }
                            td { b { (row.limit.what.to_string()) } }
                            td {
                                div.used role="img" aria-label=(row.cpu.words()) {
                                    @for (place, name) in names.iter().enumerate() {
                                        @if let Some(used) = row.cpu.processes.get(*name) {
                                            @let share = (100.0 * used / all).clamp(0.0, 100.0);
                                            span class=(format!("colour{}", place % 6)) style=(format!("width:{share:.1}%")) title=(format!("{name}: {used:.2} processors")) {
                                                @if share >= NAMED { (name) }
                                            }
                                        }
                                    }
                                }
                            }
                            td { (row.limit.why) }
                        }
                    }
                }
            }
        }
    }
}
