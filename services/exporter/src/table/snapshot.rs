//! What a scrape sees: the values of one moment, and text that it shares with the table.

use std::sync::Arc;

use super::family::Family;
use super::{Series, Table};
use crate::exposition::names::{
    is_never_escaped_label_name, is_never_escaped_metric_name, without_controls,
};
use crate::exposition::{Escaping, Header, Identity, sample_prefix};

/// The values of one moment. Rendering it needs no lock.
pub struct Snapshot {
    pub(crate) chunks: Vec<Arc<ChunkText>>,
    pub(crate) values: Vec<f64>,
    pub(crate) visible: Vec<u64>,
}

impl Snapshot {
    /// About as many bytes as the text will have.
    pub fn text_length(&self) -> usize {
        let chunks = self.chunks.iter().map(|chunk| {
            let headers = chunk
                .families
                .iter()
                .map(|family| family.header.text.len() + 16);
            chunk.prefixes.len() + chunk.samples.len() * 16 + headers.sum::<usize>()
        });
        chunks.sum()
    }

    /// The value at a place, if a scrape may see it.
    pub fn value(&self, place: u32) -> Option<f64> {
        let word = self.visible.get(place as usize / 64)?;
        if word & (1 << (place % 64)) == 0 {
            return None;
        }
        self.values.get(place as usize).copied()
    }
}

/// The text of some hundred series, all but their values.
pub struct ChunkText {
    escaping: Escaping,
    plain: bool,
    pub(crate) families: Vec<FamilyText>,
    pub(crate) samples: Vec<SampleText>,
    /// What stands before the values, one after the other.
    pub(crate) prefixes: Vec<u8>,
}

/// A family's header, and which samples follow it.
pub struct FamilyText {
    /// Tells families apart: a large one goes over several chunks.
    pub(crate) id: u32,
    pub(crate) header: Header,
    /// End of its samples in the chunk; they begin where the family before it ends.
    pub(crate) end: usize,
}

/// A sample without its value.
pub struct SampleText {
    pub(crate) place: u32,
    /// End of its prefix in the chunk.
    pub(crate) end: usize,
}

impl ChunkText {
    pub(super) fn new(escaping: Escaping) -> ChunkText {
        ChunkText {
            escaping,
            plain: true,
            families: Vec::new(),
            samples: Vec::new(),
            prefixes: Vec::new(),
        }
    }

    /// Whether the text is the same in every escaping scheme but `dots`.
    pub(super) fn plain(&self) -> bool {
        self.plain
    }

    pub(super) fn family<'s>(
        &mut self,
        id: u32,
        family: &Family,
        series: impl Iterator<Item = (u32, &'s Series)>,
    ) {
        let name = without_controls(&family.name);
        let help = without_controls(&family.help);
        let identity = Identity {
            name: &name,
            kind: family.kind,
            help: &help,
            unit: family.unit.as_deref(),
        };
        self.plain &= is_never_escaped_metric_name(&family.name);
        let header = Header::new(&identity, self.escaping);
        for (place, series) in series {
            self.plain &= series
                .labels
                .iter()
                .all(|(name, _)| is_never_escaped_label_name(name));
            let cleaned: Vec<_> = series
                .labels
                .iter()
                .map(|(name, value)| (without_controls(name), without_controls(value)))
                .collect();
            let labels = cleaned
                .iter()
                .map(|(name, value)| (name.as_ref(), value.as_ref()));
            sample_prefix(&name, labels, self.escaping, &mut self.prefixes);
            self.samples.push(SampleText {
                place,
                end: self.prefixes.len(),
            });
        }
        self.families.push(FamilyText {
            id,
            header,
            end: self.samples.len(),
        });
    }
}

impl Table {
    /// The values of this moment, with names as `escaping` writes them.
    pub fn snapshot(&mut self, escaping: Escaping) -> Snapshot {
        Snapshot {
            chunks: self.layout.texts(&self.families, &self.series, escaping),
            values: self.values.clone(),
            visible: self.visible.clone(),
        }
    }
}
