//! What a scrape sees: the values of one moment, and text that it shares with the table.

use std::sync::Arc;

use super::Table;
use crate::exposition::{ChunkText, Escaping};

/// The values of one moment. Rendering it needs no lock.
pub struct Snapshot {
    pub(crate) chunks: Vec<Arc<ChunkText>>,
    pub(crate) values: Vec<f64>,
    pub(crate) visible: Vec<u64>,
}

impl Snapshot {
    /// The value at a place, if a scrape may see it.
    pub fn value(&self, place: u32) -> Option<f64> {
        let word = self.visible.get(place as usize / 64)?;
        if word & (1 << (place % 64)) == 0 {
            return None;
        }
        self.values.get(place as usize).copied()
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
