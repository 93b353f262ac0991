//! A chart as SVG inside the page.
//!
//! Drawn here and not by a library: colours come from the page's style sheet, so that they follow light and dark mode, and
//! lines differ by dashes, markers and a name at their end as well, for those who do not tell the colours apart.

use maud::{Markup, html};

use super::axis::{label, ticks};
use crate::runner::{Chart, Series};

/// Size of the drawing, in units that the browser scales.
const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 260.0;
/// What is left for the numbers, and for the names at the ends of lines.
const LEFT: f64 = 56.0;
const RIGHT: f64 = 130.0;
const TOP: f64 = 24.0;
const BOTTOM: f64 = 40.0;
/// Between two names, so that they do not cover each other.
const LINE: f64 = 15.0;
/// Colours, dashes and markers of the style sheet. Numbers without a common divisor: looks repeat late.
const COLOURS: usize = 6;
const DASHES: [&str; 5] = ["none", "7 4", "2 4", "10 3 2 3", "5 2"];
const MARKERS: usize = 5;
/// Letters of a name beside a line; the whole name is in its tooltip.
const LETTERS: usize = 16;

/// The chart, or nothing where there is nothing to draw.
pub(crate) fn figure(chart: &Chart) -> Markup {
    let lines: Vec<Series> = chart.series.iter().filter_map(drawable).collect();
    if lines.is_empty() {
        return html! {};
    }
    let scale = Scale::of(&lines, &chart.marks);
    html! {
        figure.chart {
            figcaption { (chart.title) ", " (chart.y) }
            svg viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" aria-label=(format!("{}: {} over {}", chart.title, chart.y, chart.x)) {
                (axes(chart, &scale))
                @for (place, line) in lines.iter().enumerate() { (drawn(line, look(&lines, place), &scale)) }
                (names(&lines, &scale))
            }
        }
    }
}

/// Without values that have no place, and nothing if none is left.
fn drawable(series: &Series) -> Option<Series> {
    let mut kept = series.clone();
    kept.points.retain(|(x, y)| x.is_finite() && y.is_finite());
    (!kept.points.is_empty()).then_some(kept)
}

/// From numbers to places. Both axes begin at zero: lengths then compare as the numbers do.
struct Scale {
    x: Vec<f64>,
    y: Vec<f64>,
}

impl Scale {
    fn of(lines: &[Series], marks: &[(f64, String)]) -> Self {
        let points = || lines.iter().flat_map(|line| &line.points);
        let most = |values: &mut dyn Iterator<Item = f64>| values.fold(0.0, f64::max);
        let marked = marks.iter().map(|(x, _)| *x);
        Self {
            x: ticks(most(&mut points().map(|(x, _)| *x).chain(marked)), 8),
            y: ticks(most(&mut points().map(|(_, y)| *y)), 4),
        }
    }

    fn x(&self, value: f64) -> f64 {
        let share = value / self.x.last().copied().unwrap_or(1.0);
        LEFT + share * (WIDTH - LEFT - RIGHT)
    }

    fn y(&self, value: f64) -> f64 {
        let share = value / self.y.last().copied().unwrap_or(1.0);
        HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)
    }
}

fn axes(chart: &Chart, scale: &Scale) -> Markup {
    let (right, bottom) = (at(WIDTH - RIGHT), at(HEIGHT - BOTTOM));
    html! {
        @for value in &scale.y {
            @let y = scale.y(*value);
            line.rule x1=(at(LEFT)) x2=(right) y1=(at(y)) y2=(at(y)) {}
            text.tick x=(at(LEFT - 6.0)) y=(at(y + 4.0)) text-anchor="end" { (label(*value)) }
        }
        @for value in &scale.x {
            text.tick x=(at(scale.x(*value))) y=(at(HEIGHT - BOTTOM + 16.0)) text-anchor="middle" { (label(*value)) }
        }
        @for (x, what) in chart.marks.iter().filter(|(x, _)| x.is_finite()) {
            @let x = scale.x(*x);
            line.mark x1=(at(x)) x2=(at(x)) y1=(at(TOP)) y2=(bottom) {}
            text.tick x=(at(x)) y=(at(TOP - 8.0)) text-anchor="middle" { (what) }
        }
        text.tick x=(right) y=(at(HEIGHT - 6.0)) text-anchor="end" { (chart.x) }
    }
}

fn drawn(line: &Series, look: usize, scale: &Scale) -> Markup {
    let places: Vec<_> = line
        .points
        .iter()
        .map(|(x, y)| (scale.x(*x), scale.y(*y)))
        .collect();
    let points: Vec<_> = places
        .iter()
        .map(|(x, y)| format!("{x:.1},{y:.1}"))
        .collect();
    html! {
        g class=(format!("series colour{}", look % COLOURS)) {
            title { (line.name) }
            polyline points=(points.join(" ")) stroke-dasharray=(DASHES[look % DASHES.len()]) {}
            @for ((x, y), (seconds, value)) in places.iter().zip(&line.points) {
                path d=(marker(look, *x, *y)) { title { (line.name) ": " (label(*value)) " at " (label(*seconds)) } }
            }
        }
    }
}

/// A square, a diamond, two triangles, a bar.
fn marker(look: usize, x: f64, y: f64) -> String {
    let outline = match look % MARKERS {
        0 => "m-3,-3h6v6h-6z",
        1 => "m0,-4.5l4.5,4.5l-4.5,4.5l-4.5,-4.5z",
        2 => "m0,-4.5l4.2,7.5h-8.4z",
        3 => "m0,4.5l4.2,-7.5h-8.4z",
        _ => "m-1.5,-4.5h3v9h-3z",
    };
    format!("M{x:.1},{y:.1}{outline}")
}

/// Each name once, at the end of the last line that has it, pushed down where it would cover another.
fn names(lines: &[Series], scale: &Scale) -> Markup {
    let mut ends: Vec<(f64, f64, usize)> = Vec::new();
    for (place, line) in lines.iter().enumerate() {
        let last_of_name = !lines[place + 1..]
            .iter()
            .any(|other| other.name == line.name);
        if let (true, Some((x, y))) = (last_of_name, line.points.last()) {
            ends.push((scale.x(*x), scale.y(*y), place));
        }
    }
    ends.sort_by(|one, other| one.1.total_cmp(&other.1));
    let mut free = f64::NEG_INFINITY;
    for (_, y, _) in &mut ends {
        *y = y.max(free);
        free = *y + LINE;
    }
    // Too far down: up again, from the last one on.
    let mut lowest = HEIGHT - BOTTOM;
    for (_, y, _) in ends.iter_mut().rev() {
        *y = y.min(lowest);
        lowest = *y - LINE;
    }
    html! {
        @for (x, y, place) in ends {
            text class=(format!("name colour{}", look(lines, place) % COLOURS)) x=(at(x + 8.0)) y=(at(y + 4.0)) {
                (short(&lines[place].name))
            }
        }
    }
}

/// Which colour, dashes and marker a line has: those of its name.
fn look(lines: &[Series], place: usize) -> usize {
    let mut names: Vec<&str> = Vec::new();
    for line in &lines[..=place] {
        if !names.contains(&line.name.as_str()) {
            names.push(&line.name);
        }
    }
    names
        .iter()
        .position(|name| *name == lines[place].name)
        .unwrap_or_default()
}

fn short(name: &str) -> String {
    if name.chars().count() <= LETTERS {
        return name.to_owned();
    }
    name.chars().take(LETTERS - 1).chain(['…']).collect()
}

fn at(place: f64) -> String {
    format!("{place:.1}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(names: &[&str], points: &[(f64, f64)]) -> Chart {
        let series = names.iter().map(|name| Series {
            name: (*name).to_owned(),
            points: points.to_vec(),
        });
        Chart {
            series: series.collect(),
            ..Chart::default()
        }
    }

    #[test]
    fn nothing_is_drawn_of_nothing() {
        let nowhere = [(f64::NAN, 1.0), (1.0, f64::INFINITY)];
        for chart in [chart(&[], &[]), chart(&["a"], &[]), chart(&["a"], &nowhere)] {
            assert_eq!(figure(&chart).into_string(), "");
        }
    }

    #[test]
    fn repeats_look_alike_and_are_named_once() {
        let drawn = figure(&chart(&["a", "b", "a"], &[(1.0, 1.0), (2.0, 4.0)])).into_string();
        assert_eq!(drawn.matches("<polyline").count(), 3);
        assert_eq!(drawn.matches("class=\"series colour0\"").count(), 2);
        assert_eq!(drawn.matches("class=\"series colour1\"").count(), 1);
        assert_eq!(drawn.matches("class=\"name ").count(), 2);
    }

    #[test]
    fn names_do_not_cover_each_other() {
        let drawn = figure(&chart(&["a", "b", "c", "d"], &[(1.0, 0.0)])).into_string();
        let mut heights: Vec<f64> = drawn
            .split("class=\"name ")
            .skip(1)
            .filter_map(|rest| rest.split(" y=\"").nth(1)?.split('"').next()?.parse().ok())
            .collect();
        heights.sort_by(f64::total_cmp);
        assert_eq!(heights.len(), 4);
        assert!(heights.windows(2).all(|pair| pair[1] - pair[0] >= LINE));
        assert!(heights.iter().all(|height| *height < HEIGHT));
    }
}
