//! Reads a message by comparing it with earlier ones.
//!
//! A source writes the same entries again and again, mostly in the same order, and only their values differ. So the text of an
//! entry without its value is kept beside the series that it was found to mean, with the series of the entry that followed. An
//! entry that compares equal with what is expected needs no parser and no search for its series. Where another entry stands, its key
//! says which texts to compare with. Anything else is parsed, and is expected next time.
//!
//! Memory is what this costs most, in the cache above all, so a text is kept as [`Words`], what entries have in common only once, and
//! all of them are in one piece: [`Records`].

use std::collections::BTreeMap;

use message::{Cursor, MessageError};

use super::records::{Known, NONE, Records};
use super::words::{Layouts, Text, Words};
use super::{Content, Entry, Reading};
use crate::hash::Places;
use crate::table::Handle;

/// Bytes of text to keep at most: that of some hundred thousand series. Those beyond are parsed each time.
const MOST_TEXT: usize = 64 << 20;
/// Texts with the same key that are compared: sources that share their keys differ in labels, and there may be many of them.
const MOST_ALIKE: usize = 8;

/// What earlier messages looked like.
pub struct Predictor {
    records: Records,
    layouts: Layouts,
    /// By the key of their text.
    by_key: Places,
    text_bytes: usize,
    most_text: usize,
    /// How far a partition's entries have come.
    partitions: BTreeMap<i32, Trail>,
    /// Room for the next message's entries, and for an entry's own texts.
    spare: Vec<Entry>,
    own: Vec<u8>,
}

/// The entries of a partition.
#[derive(Clone, Copy)]
struct Trail {
    /// The series of the last one.
    last: u32,
    order: Order,
}

/// How well the order of entries was foreseen of late. Where it mostly was not, comparing with the entry that is expected costs more
/// than it saves: its text is seldom in the cache.
#[derive(Clone, Copy)]
struct Order(u8);

impl Order {
    const BEST: Order = Order(8);

    fn is_kept(self) -> bool {
        self.0 >= 4
    }

    fn was(&mut self, foreseen: bool) {
        self.0 = if foreseen {
            Order::BEST.0.min(self.0 + 1)
        } else {
            self.0.saturating_sub(1)
        };
    }
}

impl Default for Predictor {
    fn default() -> Self {
        Predictor::new(MOST_TEXT)
    }
}

impl Predictor {
    /// Expects nothing. `most_text` bounds the bytes of text that are kept.
    pub fn new(most_text: usize) -> Predictor {
        Predictor {
            records: Records::default(),
            layouts: Layouts::default(),
            by_key: Places::default(),
            text_bytes: 0,
            most_text,
            partitions: BTreeMap::new(),
            spare: Vec::new(),
            own: Vec::new(),
        }
    }

    /// Reads a message of a partition as [`message::parse`] does.
    ///
    /// # Errors
    /// As [`message::parse`].
    pub fn read<'a>(
        &mut self,
        partition: i32,
        bytes: &'a [u8],
    ) -> Result<Reading<'a>, MessageError> {
        let mut reading = Reading {
            bytes,
            timestamp_ms: None,
            entries: std::mem::take(&mut self.spare),
            metrics: Vec::new(),
            spans: Vec::new(),
            refused: Vec::new(),
            in_order: true,
        };
        let mut trail = self.trail(partition);
        let last = trail.last;
        let compared = self.compare(&mut trail, &mut reading);
        // What was the last entry is for `learn` to say.
        self.partitions.insert(partition, Trail { last, ..trail });
        match compared {
            Some(()) => Ok(reading),
            None => Ok(Reading::of_message(
                bytes,
                message::reference(bytes)?,
                reading.entries,
            )),
        }
    }

    fn trail(&self, partition: i32) -> Trail {
        let start = Trail {
            last: NONE,
            order: Order::BEST,
        };
        self.partitions.get(&partition).copied().unwrap_or(start)
    }

    fn compare(&self, trail: &mut Trail, reading: &mut Reading<'_>) -> Option<()> {
        let mut cursor = Cursor::new(reading.bytes);
        cursor.open()?;
        while cursor.entry()? {
            let start = cursor.at();
            let expected = self
                .records
                .get(trail.last)
                .map_or(NONE, |known| known.next);
            if trail.order.is_kept()
                && let Some(known) = self.records.get(expected)
                && let Some(value) = self.layouts.read(known.words, &mut cursor)
            {
                trail.order.was(true);
                trail.last = expected;
                reading.known(start..cursor.at(), known.handle, value);
                continue;
            }
            cursor.go_back(start);
            let key = cursor.raw_name()?;
            let found = self.of_key(key).take(MOST_ALIKE).find_map(|known| {
                cursor.go_back(start);
                let value = self.layouts.read(known.words, &mut cursor)?;
                Some((known.handle, value))
            });
            if let Some((handle, value)) = found {
                let foreseen = handle.place == expected;
                trail.order.was(foreseen);
                trail.last = handle.place;
                reading.in_order &= foreseen;
                reading.known(start..cursor.at(), handle, value);
                continue;
            }
            cursor.go_back(start);
            let name = cursor.name()?;
            if let Some(ms) = cursor.timestamp(&name)? {
                // A second one is refused.
                reading.timestamp_ms.replace(ms).is_none().then_some(())?;
                continue;
            }
            // The same metric with other words, and not one more: then what follows it is still expected.
            let same = self
                .records
                .get(expected)
                .is_some_and(|known| known.words.key() == key);
            trail.order.was(same);
            if same {
                trail.last = expected;
            }
            let found = cursor.metric()?;
            reading.entries.push(Entry {
                text: start..cursor.at(),
                content: Content::Metric(reading.metrics.len()),
            });
            reading.metrics.push(found.metric);
            reading.spans.push(found.spans);
            reading.in_order = false;
        }
        cursor.is_at_end().then_some(())
    }

    fn of_key(&self, key: &[u8]) -> impl Iterator<Item = Known<'_>> {
        self.by_key
            .of(key)
            .filter_map(|place| self.records.get(place))
    }

    /// Keeps what a message that was applied looked like. `found` has the series of its entries by their place in the message, where
    /// these are not known or were described otherwise meanwhile.
    pub fn learn(&mut self, partition: i32, reading: Reading<'_>, found: &[(usize, Handle)]) {
        let mut found = found.iter().peekable();
        let mut trail = self.trail(partition);
        if reading.in_order && found.peek().is_none() {
            if let Some(Content::Known(handle, ..)) = reading.entries.last().map(|e| &e.content) {
                trail.last = handle.place;
            }
        } else {
            for (at, entry) in reading.entries.iter().enumerate() {
                let handle = match found.next_if(|(place, _)| *place == at) {
                    Some((_, handle)) => {
                        self.keep(*handle, &reading, entry);
                        *handle
                    }
                    None => match entry.content {
                        Content::Known(handle, ..) => handle,
                        Content::Metric(_) => continue,
                    },
                };
                let before = std::mem::replace(&mut trail.last, handle.place);
                self.records.set_next(before, handle.place);
            }
        }
        self.partitions.insert(partition, trail);
        self.spare = reading.entries;
        self.spare.clear();
    }

    fn keep(&mut self, handle: Handle, reading: &Reading<'_>, entry: &Entry) {
        let bytes = reading.text(entry);
        let before = self.records.get(handle.place);
        let mut cursor = Cursor::new(bytes);
        if let Some(known) = before
            && self.layouts.read(known.words, &mut cursor).is_some()
            && cursor.at() == bytes.len()
        {
            return self.records.set_handle(handle);
        }
        let likely = before.map(|known| known.words.layout);
        let mut own = std::mem::take(&mut self.own);
        let (mut words, mut more) = (None, 0);
        if let Some((made, bytes)) = self.words(reading, entry, likely, &mut own) {
            (words, more) = (Some(made), bytes);
        }
        self.replace(handle, words, more);
        self.own = own;
    }

    /// The words of an entry, and how many bytes more its layout takes.
    fn words<'w>(
        &mut self,
        reading: &Reading<'_>,
        entry: &Entry,
        likely: Option<u32>,
        own: &'w mut Vec<u8>,
    ) -> Option<(Words<'w>, usize)> {
        let bytes = reading.text(entry);
        let read;
        let text = match entry.content {
            Content::Metric(at) => Text {
                bytes,
                start: entry.text.start,
                spans: reading.spans.get(at)?,
                kind: reading.metrics.get(at)?.kind,
            },
            Content::Known(..) => {
                read = message::entry(bytes)?;
                Text {
                    bytes,
                    start: 0,
                    spans: &read.spans,
                    kind: read.metric.kind,
                }
            }
        };
        self.layouts.words(text, likely, own)
    }

    /// Keeps the words of a series, which are counted as used, in place of earlier ones, if there are any and there is room for them.
    fn replace(&mut self, handle: Handle, words: Option<Words<'_>>, more: usize) {
        let place = handle.place;
        let mut bytes = self.text_bytes + more;
        let before = self.records.get(place).map(|known| known.words);
        if let Some(before) = before {
            bytes -= Records::size(before) + self.layouts.forget(before.layout);
        }
        let had_key = before.is_some_and(|before| match words {
            Some(words) if words.key() == before.key() => true,
            _ => {
                self.by_key.remove(before.key(), place);
                false
            }
        });
        let fits = words.filter(|words| bytes + Records::size(*words) <= self.most_text);
        let kept = fits.filter(|words| self.records.put(handle, *words));
        match (kept, words) {
            (Some(words), _) => {
                bytes += Records::size(words);
                if !had_key {
                    self.by_key.insert(words.key(), place);
                }
            }
            (None, refused) => {
                if let Some(words) = refused {
                    bytes -= self.layouts.forget(words.layout);
                    if had_key {
                        self.by_key.remove(words.key(), place);
                    }
                }
                self.records.remove(place);
            }
        }
        self.text_bytes = bytes;
    }
}
