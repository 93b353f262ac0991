//! The text of an entry in two parts: what many entries have in common, and what is a metric's own.

use std::hash::BuildHasher;
use std::ops::Range;

use hashbrown::{DefaultHashBuilder, HashTable};
use message::{Cursor, Kind, Spans};

use crate::slab::Slab;

/// What entries have in common that are made alike: all but the key, name, description, values of labels, and the number.
#[derive(PartialEq, Eq, Hash)]
struct Layout {
    text: Box<[u8]>,
    gaps: Box<[Gap]>,
    kind: Kind,
}

/// What stands between two pieces of a layout's text.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Gap {
    /// Where the text before it ends.
    at: u32,
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
pub(super) struct Words {
    layout: u32,
    /// The metric's own texts, each behind its length.
    own: Box<[u8]>,
}

/// Layouts in use.
#[derive(Default)]
pub(super) struct Layouts {
    all: Slab<(Layout, u32)>,
    by_hash: HashTable<(u64, u32)>,
    hasher: DefaultHashBuilder,
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

impl Words {
    /// The key, without its quotes and as it is written.
    pub(super) fn key(&self) -> &[u8] {
        Own(&self.own).next().unwrap_or_default()
    }

    /// Bytes of memory, those that are shared apart.
    pub(super) fn len(&self) -> usize {
        self.own.len()
    }
}

impl Layouts {
    /// The entry at the cursor, if it has these words: the cursor behind it, and the metric's type and value.
    pub(super) fn read<'a>(
        &self,
        words: &Words,
        mut cursor: Cursor<'a>,
    ) -> Option<(Cursor<'a>, (Kind, f64))> {
        let (layout, _) = self.all.get(words.layout)?;
        let mut own = Own(&words.own);
        let (mut begin, mut value) = (0, None);
        for gap in &layout.gaps {
            let end = gap.at as usize;
            cursor.literal(layout.text.get(begin..end)?)?;
            begin = end;
            match gap.fill {
                Fill::Own => cursor.literal(own.next()?)?,
                Fill::Key => cursor.literal(words.key())?,
                Fill::Number => value = Some(layout.kind.accepts(cursor.number()?)?),
            }
        }
        cursor.literal(layout.text.get(begin..)?)?;
        Some((cursor, (layout.kind, value?)))
    }

    /// The words of an entry. Nothing if its value is a string, or a text is too long. The second is how many bytes the layout
    /// takes, if it is new.
    pub(super) fn words(&mut self, text: Text<'_>) -> Option<(Words, usize)> {
        let (layout, own) = split(text)?;
        let hash = self.hasher.hash_one(&layout);
        let all = &mut self.all;
        let known = self.by_hash.find(hash, |(other, at)| {
            *other == hash && all.get(*at).is_some_and(|(known, _)| *known == layout)
        });
        let (at, bytes) = match known {
            Some((_, at)) => {
                all[*at].1 += 1;
                (*at, 0)
            }
            None => {
                let bytes = layout.bytes();
                let at = all.insert((layout, 1));
                self.by_hash
                    .insert_unique(hash, (hash, at), |(hash, _)| *hash);
                (at, bytes)
            }
        };
        Some((Words { layout: at, own }, bytes))
    }

    /// An entry's words are of no use any more. How many bytes its layout took, if that was the last of its entries.
    pub(super) fn forget(&mut self, words: &Words) -> usize {
        let (layout, uses) = &mut self.all[words.layout];
        *uses -= 1;
        if *uses > 0 {
            return 0;
        }
        let (hash, bytes) = (self.hasher.hash_one(&*layout), layout.bytes());
        if let Ok(entry) = self.by_hash.find_entry(hash, |(_, at)| *at == words.layout) {
            entry.remove();
        }
        self.all.remove(words.layout);
        bytes
    }
}

impl Layout {
    fn bytes(&self) -> usize {
        self.text.len() + size_of_val(&*self.gaps)
    }
}

/// Texts one after the other, each behind its length.
struct Own<'o>(&'o [u8]);

impl<'o> Own<'o> {
    fn next(&mut self) -> Option<&'o [u8]> {
        let (length, rest) = self.0.split_first_chunk()?;
        let (text, rest) = rest.split_at_checked(usize::from(u16::from_le_bytes(*length)))?;
        self.0 = rest;
        Some(text)
    }
}

fn split(text: Text<'_>) -> Option<(Layout, Box<[u8]>)> {
    let Text { bytes, spans, .. } = text;
    let place = |span: &Range<usize>| span.start - text.start..span.end - text.start;
    let number = place(spans.number.as_ref()?);
    let mut key = Cursor::new(bytes);
    let (key, _) = key.placed_name()?;
    let key_text = bytes.get(key.clone())?;
    let name = place(&spans.name);
    let name_fill = if bytes.get(name.clone())? == key_text {
        Fill::Key
    } else {
        Fill::Own
    };
    let mut cuts = vec![(key, Fill::Own), (name, name_fill), (number, Fill::Number)];
    let strings = spans.description.iter().chain(&spans.label_values);
    cuts.extend(strings.map(|span| (place(span), Fill::Own)));
    // In the order of the text.
    cuts.sort_unstable_by_key(|(span, _)| span.start);
    let (mut common, mut own) = (Vec::new(), Vec::new());
    let mut gaps = Vec::with_capacity(cuts.len());
    let mut begin = 0;
    for (span, fill) in cuts {
        common.extend_from_slice(bytes.get(begin..span.start)?);
        begin = span.end;
        gaps.push(Gap {
            at: u32::try_from(common.len()).ok()?,
            fill,
        });
        if fill == Fill::Own {
            let text = bytes.get(span)?;
            own.extend_from_slice(&u16::try_from(text.len()).ok()?.to_le_bytes());
            own.extend_from_slice(text);
        }
    }
    common.extend_from_slice(bytes.get(begin..)?);
    let layout = Layout {
        text: common.into(),
        gaps: gaps.into(),
        kind: text.kind,
    };
    Some((layout, own.into()))
}
