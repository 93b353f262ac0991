//! Box plots: a row each, all on one axis that begins at zero.

use maud::{Markup, html};

use super::{label, ticks};
use crate::statistics::quartiles;

const WIDTH: f64 = 720.0;
const LEFT: f64 = 170.0;
const RIGHT: f64 = 40.0;
const TOP: f64 = 8.0;
const ROW: f64 = 34.0;
const BOTTOM: f64 = 40.0;
const BOX: f64 = 16.0;
const LETTERS: usize = 22;

/// Rows of (name, samples) in this unit. Nothing if there is no sample.
pub(crate) fn box_plot(title: &str, unit: &str, rows: &[(String, Vec<f64>)]) -> Markup {
    let rows: Vec<(&str, Vec<f64>)> = rows
        .iter()
        .map(|(name, samples)| {
            let finite = samples.iter().copied().filter(|sample| sample.is_finite());
            (name.as_str(), finite.collect::<Vec<f64>>())
        })
        .filter(|(_, samples)| !samples.is_empty())
        .collect();
    if rows.is_empty() {
        return html! {};
    }
    let most = rows
        .iter()
        .flat_map(|(_, samples)| samples)
        .copied()
        .fold(0.0, f64::max);
    let ticks = ticks(most, 6);
    let last = ticks.last().copied().unwrap_or(1.0);
    let x = |value: f64| LEFT + value / last * (WIDTH - LEFT - RIGHT);
    let height = TOP + ROW * rows.len() as f64 + BOTTOM;
    let axis = height - BOTTOM;
    html! {
        figure.chart {
            figcaption { (title) ": median, quartiles, least and most, and every round, " (unit) }
            svg.boxes viewBox=(format!("0 0 {WIDTH} {height}")) role="img" aria-label=(format!("Box plot: {title}")) {
                @for value in &ticks {
                    line.rule x1=(at(x(*value))) x2=(at(x(*value))) y1=(at(TOP)) y2=(at(axis)) {}
                    text.tick x=(at(x(*value))) y=(at(axis + 16.0)) text-anchor="middle" { (label(*value)) }
                }
                text.tick x=(at(WIDTH - RIGHT)) y=(at(height - 6.0)) text-anchor="end" { (unit) }
                @for (place, (name, samples)) in rows.iter().enumerate() {
                    @let middle = TOP + ROW * (place as f64 + 0.5);
                    @let [first, median, third] = quartiles(samples);
                    @let least = samples.iter().copied().fold(f64::INFINITY, f64::min);
                    @let highest = samples.iter().copied().fold(0.0, f64::max);
                    g class=(format!("box colour{}", place % 6)) {
                        title { (name) ": median " (label(median)) ", quartiles " (label(first)) " and " (label(third)) ", " (label(least)) " to " (label(highest)) }
                        text.name x=(at(LEFT - 10.0)) y=(at(middle + 4.0)) text-anchor="end" { (short(name)) }
                        line.whisker x1=(at(x(least))) x2=(at(x(highest))) y1=(at(middle)) y2=(at(middle)) {}
                        rect x=(at(x(first))) y=(at(middle - BOX / 2.0)) width=(at((x(third) - x(first)).max(1.0))) height=(at(BOX)) {}
                        line.median x1=(at(x(median))) x2=(at(x(median))) y1=(at(middle - BOX / 2.0 - 3.0)) y2=(at(middle + BOX / 2.0 + 3.0)) {}
                        @for sample in samples { circle cx=(at(x(*sample))) cy=(at(middle)) r="2.5" {} }
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
