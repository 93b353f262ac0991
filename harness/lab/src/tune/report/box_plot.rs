//! Box plots of the rates: a row each, all on one axis that begins at zero.

use maud::{Markup, html};

use super::super::outcome::Experiment;
use crate::report::{label, ticks};
use crate::statistics::quartiles;

const WIDTH: f64 = 720.0;
const LEFT: f64 = 170.0;
const RIGHT: f64 = 40.0;
const TOP: f64 = 8.0;
const ROW: f64 = 34.0;
const BOTTOM: f64 = 40.0;
const BOX: f64 = 16.0;
const LETTERS: usize = 22;

pub(super) fn figure(experiment: &Experiment) -> Markup {
    let rows: Vec<(&str, Vec<f64>)> = experiment
        .rows
        .iter()
        .map(|row| {
            let own = experiment
                .samples
                .iter()
                .filter(|one| one.row == row.row.name);
            let rates: Vec<f64> = own
                .map(|one| one.rate)
                .filter(|rate| rate.is_finite())
                .collect();
            (row.row.name.as_str(), rates)
        })
        .filter(|(_, rates)| !rates.is_empty())
        .collect();
    if rows.is_empty() {
        return html! {};
    }
    let most = rows
        .iter()
        .flat_map(|(_, rates)| rates)
        .copied()
        .fold(0.0, f64::max);
    let ticks = ticks(most, 6);
    let last = ticks.last().copied().unwrap_or(1.0);
    let x = |value: f64| LEFT + value / last * (WIDTH - LEFT - RIGHT);
    let height = TOP + ROW * rows.len() as f64 + BOTTOM;
    let axis = height - BOTTOM;
    html! {
        figure.chart {
            figcaption { "Rates of each row: median, quartiles, least and most, and every round, records/s" }
            svg.boxes viewBox=(format!("0 0 {WIDTH} {height}")) role="img" aria-label="Box plot of the rates of each row" {
                @for value in &ticks {
                    line.rule x1=(at(x(*value))) x2=(at(x(*value))) y1=(at(TOP)) y2=(at(axis)) {}
                    text.tick x=(at(x(*value))) y=(at(axis + 16.0)) text-anchor="middle" { (label(*value)) }
                }
                text.tick x=(at(WIDTH - RIGHT)) y=(at(height - 6.0)) text-anchor="end" { "records/s" }
                @for (place, (name, rates)) in rows.iter().enumerate() {
                    @let middle = TOP + ROW * (place as f64 + 0.5);
                    @let [first, median, third] = quartiles(rates);
                    @let least = rates.iter().copied().fold(f64::INFINITY, f64::min);
                    @let highest = rates.iter().copied().fold(0.0, f64::max);
                    g class=(format!("box colour{}", place % 6)) {
                        title { (name) ": median " (label(median)) ", quartiles " (label(first)) " and " (label(third)) ", " (label(least)) " to " (label(highest)) }
                        text.name x=(at(LEFT - 10.0)) y=(at(middle + 4.0)) text-anchor="end" { (short(name)) }
                        line.whisker x1=(at(x(least))) x2=(at(x(highest))) y1=(at(middle)) y2=(at(middle)) {}
                        rect x=(at(x(first))) y=(at(middle - BOX / 2.0)) width=(at((x(third) - x(first)).max(1.0))) height=(at(BOX)) {}
                        line.median x1=(at(x(median))) x2=(at(x(median))) y1=(at(middle - BOX / 2.0 - 3.0)) y2=(at(middle + BOX / 2.0 + 3.0)) {}
                        @for rate in rates { circle cx=(at(x(*rate))) cy=(at(middle)) r="2.5" {} }
                    }
                }
            }
        }
    }
}

fn short(name: &str) -> String {
    match name.chars().count() > LETTERS {
        true => name.chars().take(LETTERS - 1).chain(['…']).collect(),
        false => name.to_owned(),
    }
}

fn at(place: f64) -> String {
    format!("{place:.1}")
}
