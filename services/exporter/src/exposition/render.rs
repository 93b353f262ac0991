//! A snapshot as text.

use std::ops::Range;

use super::accept::Syntax;
use super::chunk::ChunkText;
use super::lines::Lines;
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

    /// Whether it wants a family: by the name of its samples, or by that which OpenMetrics has for it.
    pub fn wants(&self, name: &str, openmetrics: &str) -> bool {
        self.0.is_empty()
            || self
                .0
                .iter()
                .any(|wanted| wanted == name || wanted == openmetrics)
    }
}

/// Bytes of text that are made at a time, about.
const PIECE: usize = 256 << 10;

/// A snapshot's text, made while it is taken: no more of it is in memory than a piece.
pub struct Pieces {
    snapshot: Snapshot,
    syntax: Syntax,
    filter: Filter,
    chunks: Range<usize>,
    /// The family that was shown last.
    shown: Option<u32>,
    /// What follows the user's series.
    end: Vec<u8>,
}

impl Pieces {
    /// The user's series that the filter wants, and then `end`.
    pub fn new(snapshot: Snapshot, syntax: Syntax, filter: Filter, end: Vec<u8>) -> Pieces {
        Pieces {
            chunks: 0..snapshot.chunks.len(),
            snapshot,
            syntax,
            filter,
            shown: None,
            end,
        }
    }

    /// Whether everything was taken.
    pub fn is_done(&self) -> bool {
        self.chunks.is_empty() && self.end.is_empty()
    }
}

impl Iterator for Pieces {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        let mut piece = Vec::with_capacity(PIECE + PIECE / 4);
        let mut lines = Lines::new(&mut piece);
        while lines.len() < PIECE
            && let Some(chunk) = self
                .chunks
                .next()
                .and_then(|at| self.snapshot.chunks.get(at))
        {
            let part = (&self.snapshot, &**chunk);
            self.shown = render_chunk(part, self.syntax, &self.filter, self.shown, &mut lines);
        }
        drop(lines);
        if self.chunks.is_empty() {
            piece.append(&mut self.end);
        }
        (!piece.is_empty()).then_some(piece)
    }
}

/// The user's series as one text.
pub fn render(snapshot: Snapshot, syntax: Syntax, filter: Filter) -> Vec<u8> {
    Pieces::new(snapshot, syntax, filter, Vec::new())
        .flatten()
        .collect()
}

/// Appends the series of a chunk. `shown` is the family that was shown last, and so is what it returns.
fn render_chunk(
    (snapshot, chunk): (&Snapshot, &ChunkText),
    syntax: Syntax,
    filter: &Filter,
    mut shown: Option<u32>,
    lines: &mut Lines<'_>,
) -> Option<u32> {
    let mut first = 0;
    for family in &chunk.families {
        let wanted = chunk.is_wanted(family, filter);
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
                chunk.header(family, syntax, lines);
            }
            chunk.sample(family, sample, start, lines);
            number::put(value, lines);
            lines.put_fixed(b"\n");
        }
    }
    shown
}
