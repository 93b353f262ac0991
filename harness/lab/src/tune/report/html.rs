//! One page for people, without anything from the network.

use maud::{Markup, html};

use super::super::chart;
use super::super::outcome::Experiment;
use super::{
    connector_patch, details, grid, path, processors, sentences, summary, warm_up, worker_patch,
};
use crate::report::{box_plot, document, figure, grid_table};

pub(super) fn page(experiment: &Experiment) -> String {
    let body = html! {
        header {
            h1 { (experiment.name) }
            p.doc { (experiment.doc) }
            p { (summary(experiment)) }
            p.file { (about(experiment)) }
        }
        main {
            (grid_table(&grid(experiment)))
            ul { @for sentence in sentences(experiment) { li { (sentence) } } }
            (figure(&chart(experiment)))
            (box_plot("Rates of each row", "records/s", &rates(experiment)))
            (processors::figure(experiment))
            h2 { "What producer and machine say" }
            (grid_table(&details(experiment)))
            (search(experiment))
            h2 { "Again" }
            pre { (experiment.command) }
        }
    };
    document(&experiment.name, include_str!("page.css"), &body)
}

fn rates(experiment: &Experiment) -> Vec<(String, Vec<f64>)> {
    let of = |name: &str| {
        let own = experiment.samples.iter().filter(|one| one.row == name);
        own.map(|one| one.rate).collect()
    };
    let rows = experiment.rows.iter().map(|row| row.row.name.clone());
    rows.map(|name| (name.clone(), of(&name))).collect()
}

fn about(experiment: &Experiment) -> String {
    let versions: Vec<_> = experiment
        .versions
        .iter()
        .map(|(name, version)| format!("{name} {version}"))
        .collect();
    format!(
        "{}; begun {}, {} of {} rounds in {:.0} s on {} processors; each measurement {:.0} s after {} of warm-up; {}",
        experiment.source,
        experiment.began,
        experiment.rounds,
        experiment.rounds_planned,
        experiment.seconds,
        experiment.processors,
        experiment.window,
        warm_up(experiment),
        versions.join(", ")
    )
}

fn search(experiment: &Experiment) -> Markup {
    let Some((found, path)) = experiment.search.as_ref().zip(path(experiment)) else {
        return html! {};
    };
    html! {
        h2 { "The search" }
        p { (found.method) " over " (found.combinations) " combinations, seed " (found.seed) ", budget " (format!("{:.0} s", found.budget)) }
        (grid_table(&path))
        @if let Some(winner) = &found.winner {
            h2 { "The winner, as patches" }
            p { "Into the connector's configuration:" }
            pre { (format!("{:#}", serde_json::Value::Object(connector_patch(winner)))) }
            p { "Into the worker's:" }
            pre { (worker_patch(winner)) }
        }
    }
}
