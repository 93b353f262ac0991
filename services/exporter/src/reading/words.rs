//! The text of an entry in two parts: what many entries have in common, and what is a metric's own.

use std::ops::Range;

use message::{Cursor, Kind, Spans};
use smallvec::SmallVec;

use crate::hash::Places;
use crate::slab::Slab;

/// What entries have in common that are made alike: all but the key, name, description, values of labels, and the number.
#[derive(PartialEq, Eq, Hash)]
struct Layout {
    pieces: Box<[Piece]>,
    /// What stands behind the last one.
    end: Box<[u8]>,
    kind: Kind,
}

/// Text, and what stands behind it.
#[derive(PartialEq, Eq, Hash)]
struct Piece {
    text: Box<[u8]>,
    fill: Fill,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Fill {
    /// The next of the metric's own texts; the first one is the key.
    Own,
    /// The key again: sources mostly use the name for it.
    Key,
    /// The value.
    Number,
}

/// An entry's text, apart from its value.
#[derive(Clone, Copy)]
pub(super) struct Words<'w> {
    pub(super) layout: u32,
    /// The metric's own texts, each behind its length.
    pub(super) own: &'w [u8],
}

/// Layouts in use.
#[derive(Default)]
pub(super) struct Layouts {
    all: Slab<(Layout, u32)>,
    by_hash: Places,
}

/// An entry as it stands in a message.
#[derive(Clone, Copy)]
pub(super) struct Text<'a> {
    pub(super) bytes: &'a [u8],
    /// Where the spans count from.
    pub(super) start: usize,
    pub(super) spans: &'a Spans,
    pub(super) kind: Kind,
}

impl<'w> Words<'w> {
    /// The key, without its quotes and as it is written.
    pub(super) fn key(self) -> &'w [u8] {
        Own(self.own).next().unwrap_or_default()
    }
}

impl Layouts {
    /// Goes past the entry at the cursor, if it has these words: the metric's type and value. The cursor is of no use otherwise.
    #[inline]
    pub(super) fn read(&self, words: Words<'_>, cursor: &mut Cursor<'_>) -> Option<(Kind, f64)> {
        let (layout, _) = self.all.get(words.layout)?;
        let mut own = Own(words.own);
        let mut value = None;
        for piece in &layout.pieces {
            cursor.literal(&piece.text)?;
            match piece.fill {
                Fill::Own => cursor.literal(own.next()?)?,
                Fill::Key => cursor.literal(words.key())?,
                Fill::Number => value = Some(layout.kind.accepts(cursor.number()?)?),
            }
        }
        cursor.literal(&layout.end)?;
        Some((layout.kind, value?))
    }

    /// The words of an entry, of which `likely` may be the layout, with its own texts in `own`. Nothing if its value is a string, or a
    /// text is too long. The second is how many bytes the layout takes, if it is new.
    pub(super) fn words<'w>(
        &mut self,
        text: Text<'_>,
        likely: Option<u32>,
        own: &'w mut Vec<u8>,
    ) -> Option<(Words<'w>, usize)> {
        let cuts = text.cuts()?;
        text.own(&cuts, own)?;
        if let Some(layout) = likely
            && let Some((known, uses)) = self.all.get_mut(layout)
            && text.has(known, &cuts)
        {
            *uses += 1;
            return Some((Words { layout, own }, 0));
        }
        let made = text.layout(&cuts);
        let known = self.by_hash.of(&made).find(|at| {
            let known = self.all.get(*at);
            known.is_some_and(|(known, _)| *known == made)
        });
        if let Some(layout) = known {
            self.all[layout].1 += 1;
            return Some((Words { layout, own }, 0));
        }
        let bytes = made.bytes();
        let layout = self.all.insert((made, 1));
        self.by_hash.insert(&self.all[layout].0, layout);
        Some((Words { layout, own }, bytes))
    }

    /// An entry with this layout is gone. How many bytes the layout took, if that was its last one.
    pub(super) fn forget(&mut self, at: u32) -> usize {
        let (layout, uses) = &mut self.all[at];
        *uses -= 1;
        if *uses > 0 {
            return 0;
        }
        let bytes = layout.bytes();
        self.by_hash.remove(&*layout, at);
        self.all.remove(at);
        bytes
    }
}

impl Layout {
    fn bytes(&self) -> usize {
        let texts = self.pieces.iter().map(|piece| piece.text.len());
        texts.sum::<usize>() + self.end.len() + size_of_val(&*self.pieces)
    }
}

/// Texts one after the other, each behind its length.
struct Own<'o>(&'o [u8]);

impl<'o> Own<'o> {
    #[inline]
    fn next(&mut self) -> Option<&'o [u8]> {
        let (length, rest) = self.0.split_first_chunk()?;
        let (text, rest) = rest.split_at_checked(usize::from(u16::from_le_bytes(*length)))?;
        self.0 = rest;
        Some(text)
    }
}

/// Where an entry's text is cut, in its order.
type Cuts = SmallVec<[(Range<usize>, Fill); 8]>;

impl Text<'_> {
    fn cuts(&self) -> Option<Cuts> {
        let place = |span: &Range<usize>| span.start - self.start..span.end - self.start;
        let number = place(self.spans.number.as_ref()?);
        let key = Cursor::new(self.bytes).raw_name()?.len();
        let key = 1..1 + key;
        let name = place(&self.spans.name);
        let fill = if self.bytes.get(name.clone())? == self.bytes.get(key.clone())? {
            Fill::Key
        } else {
            Fill::Own
        };
        let mut cuts = Cuts::from_iter([(key, Fill::Own), (name, fill), (number, Fill::Number)]);
        let strings = self
            .spans
            .description
            .iter()
            .chain(&self.spans.label_values);
        cuts.extend(strings.map(|span| (place(span), Fill::Own)));
        cuts.sort_unstable_by_key(|(span, _)| span.start);
        Some(cuts)
    }

    /// What stands between the cuts.
    fn between<'c>(&'c self, cuts: &'c Cuts) -> impl Iterator<Item = (&'c [u8], Fill)> {
        let mut begin = 0;
        cuts.iter().map(move |(span, fill)| {
            let text = self
                .bytes
                .get(std::mem::replace(&mut begin, span.end)..span.start);
            (text.unwrap_or_default(), *fill)
        })
    }

    fn end(&self, cuts: &Cuts) -> &[u8] {
        let end = cuts.last().and_then(|(span, _)| self.bytes.get(span.end..));
        end.unwrap_or_default()
    }

    fn has(&self, layout: &Layout, cuts: &Cuts) -> bool {
        let pieces = layout.pieces.iter().map(|piece| (&*piece.text, piece.fill));
        layout.kind == self.kind && *layout.end == *self.end(cuts) && pieces.eq(self.between(cuts))
    }

    fn layout(&self, cuts: &Cuts) -> Layout {
        let pieces = self.between(cuts).map(|(text, fill)| Piece {
            text: text.into(),
            fill,
        });
        Layout {
            pieces: pieces.collect(),
            end: self.end(cuts).into(),
            kind: self.kind,
        }
    }

    /// Writes the metric's own texts, each behind its length.
    fn own(&self, cuts: &Cuts, all: &mut Vec<u8>) -> Option<()> {
        all.clear();
        for (span, _) in cuts.iter().filter(|(_, fill)| *fill == Fill::Own) {
            all.extend_from_slice(&u16::try_from(span.len()).ok()?.to_le_bytes());
            all.extend_from_slice(self.bytes.get(span.clone())?);
        }
        Some(())
    }
}
