//! Samples of a benchmark, as a table and as JSON.

use std::path::Path;

use anyhow::{Context as _, Result};
use comfy_table::{Table, presets};
use serde_json::{Map, Value, json};

use crate::statistics::median;

/// Raw samples, by what was measured.
pub(super) struct Samples {
    /// What a sample counts, such as `s`.
    pub unit: &'static str,
    /// The subject first, then what it is compared with.
    pub kinds: Vec<(&'static str, Vec<f64>)>,
}

impl Samples {
    fn to_json(&self) -> Value {
        let raw: Map<_, _> = self
            .kinds
            .iter()
            .map(|(kind, samples)| ((*kind).to_owned(), json!(samples)))
            .collect();
        let medians: Map<_, _> = self
            .kinds
            .iter()
            .map(|(kind, samples)| ((*kind).to_owned(), json!(median(samples))))
            .collect();
        json!({ "unit": self.unit, "medians": medians, "ratio": self.ratio(), "samples": raw })
    }

    /// The median of the first, divided by that of the second.
    fn ratio(&self) -> Option<f64> {
        let [(_, ours), (_, theirs), ..] = &self.kinds[..] else {
            return None;
        };
        Some(median(ours) / median(theirs))
    }

    /// Prints medians with their spread.
    pub(super) fn print(&self, as_json: bool) {
        if as_json {
            println!("{:#}", self.to_json());
            return;
        }
        let mut table = Table::new();
        table
            .load_style(presets::NOTHING)
            .set_header(["", "median", "least", "most"]);
        for (kind, samples) in &self.kinds {
            let least = samples.iter().copied().fold(f64::INFINITY, f64::min);
            let most = samples.iter().copied().fold(0.0, f64::max);
            let cell = |value: f64| format!("{value:.2} {}", self.unit);
            table.add_row([
                (*kind).to_owned(),
                cell(median(samples)),
                cell(least),
                cell(most),
            ]);
        }
        println!("{table}");
        if let Some(ratio) = self.ratio() {
            println!("ratio of the medians: {ratio:.2}");
        }
    }
}

/// Writes the raw samples into a file, if there is to be one.
pub(super) fn keep(file: Option<&Path>, samples: &Samples) -> Result<()> {
    let Some(file) = file else { return Ok(()) };
    std::fs::write(file, format!("{:#}\n", samples.to_json()))
        .with_context(|| format!("cannot write {}", file.display()))
}
