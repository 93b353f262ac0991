//! A snapshot as text.

use super::accept::Syntax;
use super::chunk::ChunkText;
use super::number;
use crate::table::Snapshot;

/// Which families a scrape wants: those of `name[]`, or all.
#[derive(Clone, Debug, Default)]
pub struct Filter(Vec<String>);

impl Filter {
    /// Only families with these names; all when there are none.
    pub fn names(names: Vec<String>) -> Filter {
        Filter(names)
    }

    /// Whether it wants every family.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether it wants the family of this name. A counter also goes by its name in OpenMetrics.
    pub fn wants(&self, name: &str) -> bool {
        self.0.is_empty()
            || self
                .0
                .iter()
                .any(|wanted| wanted == name || name.strip_suffix("_total") == Some(wanted))
    }
}

/// Appends the user's series. Without the `# EOF` that ends OpenMetrics: the exporter's own metrics follow.
pub fn render(snapshot: &Snapshot, syntax: Syntax, filter: &Filter, out: &mut Vec<u8>) {
    let mut shown = None;
    for chunk in &snapshot.chunks {
        let mut first = 0;
        for family in &chunk.families {
            let wanted = filter.is_empty() || filter.wants(chunk.name(family));
            let samples = chunk.samples.get(first..family.end as usize);
            first = family.end as usize;
            let mut labels = ChunkText::labels_start(family);
            for sample in samples.unwrap_or_default() {
                let start = std::mem::replace(&mut labels, sample.labels_end);
                let Some(value) = snapshot.value(sample.place).filter(|_| wanted) else {
                    continue;
                };
                // A family whose series are all hidden does not show its header either.
                if shown.replace(family.id) != Some(family.id) {
                    chunk.header(family, syntax, out);
                }
                chunk.sample(family, sample, start, out);
                number::write(value, out);
                out.push(b'\n');
            }
        }
    }
}
