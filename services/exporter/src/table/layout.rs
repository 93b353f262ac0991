//! In which order series are shown, and the text of everything but their values.
//!
//! The text is kept in chunks of some hundred series, so that a new series or a changed description costs
//! one chunk, and a scrape shares all others. Small families share chunks; a family that outgrows
//! [`OWN`] series gets chunks of its own. A family's series stay together either way.

use std::collections::BTreeSet;
use std::sync::Arc;

use thin_vec::{ThinVec, thin_vec};

use super::Series;
use super::family::Family;
use crate::exposition::{Builder, ChunkText, Escaping};
use crate::slab::Slab;

/// Series of one chunk, about.
const CHUNK: usize = 512;
/// A family with more series than this leaves the shared chunks.
const OWN: usize = 128;

/// Where a family's text is.
pub(super) enum Home {
    /// Nowhere: it has no series.
    None,
    /// In a chunk with other families, with one series: so are most families of sources that use no labels.
    One { chunk: u32, place: u32 },
    /// The same with more series.
    Shared { chunk: u32, series: ThinVec<u32> },
    /// In chunks that hold nothing else.
    Own { chunks: ThinVec<u32> },
}

struct Chunk {
    holds: Holds,
    texts: [Option<Arc<ChunkText>>; Escaping::ALL.len()],
}

enum Holds {
    Families { families: Vec<u32>, series: usize },
    Part { family: u32, series: Vec<u32> },
}

impl Chunk {
    fn new(holds: Holds) -> Chunk {
        Chunk {
            holds,
            texts: Default::default(),
        }
    }

    fn touch(&mut self) {
        self.texts = Default::default();
    }
}

#[derive(Default)]
pub(super) struct Layout {
    chunks: Slab<Chunk>,
    shared: Vec<u32>,
    /// Shared chunks with room.
    roomy: BTreeSet<u32>,
    /// Families with chunks of their own.
    own: BTreeSet<u32>,
}

impl Layout {
    /// A family's header changed.
    pub(super) fn touch(&mut self, family: &Family) {
        match &family.home {
            Home::None => {}
            Home::One { chunk, .. } | Home::Shared { chunk, .. } => self.chunks[*chunk].touch(),
            Home::Own { chunks } => {
                for chunk in chunks {
                    self.chunks[*chunk].touch();
                }
            }
        }
    }

    /// A series is new.
    pub(super) fn add(&mut self, id: u32, family: &mut Family, place: u32, all: &mut Slab<Series>) {
        match &mut family.home {
            Home::None => {
                let chunk = self.roomy_chunk();
                if let Holds::Families { families, .. } = &mut self.chunks[chunk].holds {
                    families.push(id);
                }
                self.count(chunk, 1);
                all[place].chunk = chunk;
                family.home = Home::One { chunk, place };
            }
            Home::One {
                chunk,
                place: first,
            } => {
                let (chunk, series) = (*chunk, thin_vec![*first, place]);
                all[place].chunk = chunk;
                family.home = Home::Shared { chunk, series };
                self.count(chunk, 1);
            }
            Home::Shared { chunk, series } if series.len() < OWN => {
                series.push(place);
                all[place].chunk = *chunk;
                let chunk = *chunk;
                self.count(chunk, 1);
            }
            Home::Shared { chunk, series } => {
                let (chunk, mut series) = (*chunk, std::mem::take(series));
                self.leave(chunk, id, series.len());
                series.push(place);
                let own = self.chunks.insert(Chunk::new(Holds::Part {
                    family: id,
                    series: Vec::new(),
                }));
                for place in &series {
                    all[*place].chunk = own;
                }
                if let Holds::Part { series: part, .. } = &mut self.chunks[own].holds {
                    *part = series.into_iter().collect();
                }
                self.own.insert(id);
                family.home = Home::Own {
                    chunks: thin_vec![own],
                };
            }
            Home::Own { chunks } => {
                let last = chunks.last().copied();
                let room = last.filter(|last| {
                    matches!(&self.chunks[*last].holds, Holds::Part { series, .. } if series.len() < CHUNK)
                });
                let chunk = room.unwrap_or_else(|| {
                    let chunk = self.chunks.insert(Chunk::new(Holds::Part {
                        family: id,
                        series: Vec::new(),
                    }));
                    chunks.push(chunk);
                    chunk
                });
                all[place].chunk = chunk;
                let chunk = &mut self.chunks[chunk];
                chunk.touch();
                if let Holds::Part { series, .. } = &mut chunk.holds {
                    series.push(place);
                }
            }
        }
    }

    /// A series is about to go.
    pub(super) fn remove(
        &mut self,
        id: u32,
        family: &mut Family,
        place: u32,
        all: &mut Slab<Series>,
    ) {
        match &mut family.home {
            Home::None => {}
            Home::One { chunk, .. } => {
                let chunk = *chunk;
                family.home = Home::None;
                self.leave(chunk, id, 1);
            }
            Home::Shared { chunk, series } => {
                series.retain(|other| *other != place);
                let (chunk, empty) = (*chunk, series.is_empty());
                if empty {
                    family.home = Home::None;
                    self.leave(chunk, id, 1);
                } else {
                    self.uncount(chunk, 1);
                }
            }
            Home::Own { chunks } => {
                let at = all[place].chunk;
                let chunk = &mut self.chunks[at];
                chunk.touch();
                let Holds::Part { series, .. } = &mut chunk.holds else {
                    return;
                };
                series.retain(|other| *other != place);
                if series.is_empty() {
                    chunks.retain(|chunk| *chunk != at);
                    self.chunks.remove(at);
                    if chunks.is_empty() {
                        family.home = Home::None;
                        self.own.remove(&id);
                    }
                }
            }
        }
    }

    /// The text of everything, in order; what changed since the last time is written anew.
    pub(super) fn texts(
        &mut self,
        families: &Slab<Family>,
        series: &Slab<Series>,
        escaping: Escaping,
    ) -> Vec<Arc<ChunkText>> {
        let own = self.own.iter().filter_map(|id| match &families[*id].home {
            Home::Own { chunks } => Some(chunks),
            _ => None,
        });
        let order: Vec<u32> = self.shared.iter().chain(own.flatten()).copied().collect();
        order
            .into_iter()
            .map(|chunk| self.text(chunk, families, series, escaping))
            .collect()
    }

    fn text(
        &mut self,
        chunk: u32,
        families: &Slab<Family>,
        series: &Slab<Series>,
        escaping: Escaping,
    ) -> Arc<ChunkText> {
        let chunk = &mut self.chunks[chunk];
        if let Some(text) = &chunk.texts[escaping as usize] {
            return Arc::clone(text);
        }
        let mut builder = Builder::new(escaping);
        let mut add = |id: u32, places: &[u32]| {
            let labels = places.iter().map(|place| (*place, &*series[*place].labels));
            builder.family(id, &families[id].identity(), labels);
        };
        match &chunk.holds {
            Holds::Families { families: ids, .. } => {
                for id in ids {
                    match &families[*id].home {
                        Home::One { place, .. } => add(*id, std::slice::from_ref(place)),
                        Home::Shared { series, .. } => add(*id, series),
                        _ => {}
                    }
                }
            }
            Holds::Part { family, series } => add(*family, series),
        }
        let text = Arc::new(builder.finish());
        // Plain names, which nearly all are, look the same but for `dots`: one text serves the others.
        if text.plain() && escaping != Escaping::Dots {
            for other in Escaping::ALL
                .into_iter()
                .filter(|other| *other != Escaping::Dots)
            {
                chunk.texts[other as usize] = Some(Arc::clone(&text));
            }
        } else {
            chunk.texts[escaping as usize] = Some(Arc::clone(&text));
        }
        text
    }

    fn roomy_chunk(&mut self) -> u32 {
        if let Some(chunk) = self.roomy.first() {
            return *chunk;
        }
        let chunk = self.chunks.insert(Chunk::new(Holds::Families {
            families: Vec::new(),
            series: 0,
        }));
        self.shared.push(chunk);
        self.roomy.insert(chunk);
        chunk
    }

    fn count(&mut self, at: u32, more: usize) {
        let chunk = &mut self.chunks[at];
        chunk.touch();
        if let Holds::Families { series, .. } = &mut chunk.holds {
            *series += more;
            if *series >= CHUNK {
                self.roomy.remove(&at);
            }
        }
    }

    fn uncount(&mut self, at: u32, fewer: usize) {
        let chunk = &mut self.chunks[at];
        chunk.touch();
        if let Holds::Families { series, .. } = &mut chunk.holds {
            *series -= fewer;
            if *series < CHUNK {
                self.roomy.insert(at);
            }
        }
    }

    fn leave(&mut self, at: u32, id: u32, series: usize) {
        if let Holds::Families { families, .. } = &mut self.chunks[at].holds {
            families.retain(|other| *other != id);
        }
        self.uncount(at, series);
    }
}
