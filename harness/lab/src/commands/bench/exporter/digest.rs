//! Whether two tables of series are the same.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, bail};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::peers::Peer;

/// Series and their values, in so few bytes that they can be kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Digest {
    /// How many series.
    pub series: usize,
    /// SHA-256 over names and the values' bits, in the order of the names.
    pub sha256: String,
}

/// What peers tell of themselves.
const OWN: [&str; 4] = ["exporter_", "go_", "process_", "promhttp_"];

impl Digest {
    /// Compares a page with what was sent, of which this is the digest.
    ///
    /// # Errors
    /// When the page says something else.
    pub(super) fn compare(&self, peer: Peer, page: &str) -> Result<()> {
        let shown = Digest::of_page(page)?;
        if shown != *self {
            bail!(
                "{} shows {} series ({}), and {} ({}) were sent",
                peer.name(),
                shown.series,
                shown.sha256,
                self.series,
                self.sha256
            );
        }
        Ok(())
    }

    pub(super) fn of(values: BTreeMap<String, f64>) -> Digest {
        let mut hash = Sha256::new();
        for (name, value) in &values {
            hash.update(name);
            hash.update(value.to_bits().to_le_bytes());
        }
        let hash = hash.finalize();
        Digest {
            series: values.len(),
            sha256: hash.iter().map(|byte| format!("{byte:02x}")).collect(),
        }
    }

    /// Of the series on a `/metrics` page that have no labels and are not a peer's own.
    ///
    /// # Errors
    /// When a line is no sample.
    pub(super) fn of_page(page: &str) -> Result<Digest> {
        let samples = page
            .lines()
            .filter(|line| !line.starts_with('#') && !OWN.iter().any(|own| line.starts_with(own)));
        let values = samples.map(|line| -> Result<(String, f64)> {
            let (name, value) = line.rsplit_once(' ').context("a line without a value")?;
            Ok((name.to_owned(), value.parse()?))
        });
        Ok(Digest::of(values.collect::<Result<_>>()?))
    }
}

/// A name in the character set of Prometheus' text format.
pub(super) fn shown(name: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':');
    name.chars()
        .map(|c| if fits(c) { c } else { '_' })
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn order_and_own_metrics_do_not_matter_and_values_do() {
        let page = |text: &str| Digest::of_page(text).unwrap();
        let one = page("# TYPE a gauge\na 1\nb 2.5\nexporter_series 2\ngo_gc{q=\"0\"} 1\n");
        assert_eq!(one, page("b 2.5\na 1.0\n"));
        assert_eq!(one.series, 2);
        assert_ne!(one, page("a 1\nb 2.4999999999999996\n"));
        assert_ne!(one, page("a 1\n"));
        assert!(Digest::of_page("a\n").is_err());
    }
}
