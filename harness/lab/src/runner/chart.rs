//! Numbers that a step sampled, for a picture in a report.

use serde::Serialize;

/// Lines over one axis.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Chart {
    /// What is seen.
    pub title: String,
    /// What goes to the right, with its unit.
    pub x: String,
    /// What goes up, with its unit.
    pub y: String,
    /// The lines. Those of one name are repeats of the same thing, and look alike.
    pub series: Vec<Series>,
    /// Places on the x axis where something happened, and what.
    pub marks: Vec<(f64, String)>,
}

/// A line.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Series {
    /// What it is called.
    pub name: String,
    /// (x, y), in the order of x.
    pub points: Vec<(f64, f64)>,
}

impl Chart {
    /// Without secrets.
    #[must_use]
    pub fn redacted(self, redact: &dyn Fn(&str) -> String) -> Self {
        let series = self.series.into_iter().map(|one| Series {
            name: redact(&one.name),
            ..one
        });
        Self {
            title: redact(&self.title),
            x: redact(&self.x),
            y: redact(&self.y),
            series: series.collect(),
            marks: self
                .marks
                .into_iter()
                .map(|(x, text)| (x, redact(&text)))
                .collect(),
        }
    }
}
