//! Reads a message by comparing it with earlier ones.
//!
//! A source writes the same entries again and again, mostly in the same order, and only their values differ. So the text of an
//! entry without its value is kept beside the series that it was found to mean, with the series of the entry that followed. An
//! entry that compares equal with what is expected needs no parser and no search for its series. Where another entry stands, its key
//! says which texts to compare with. Anything else is parsed, and is expected next time.
//!
//! Memory is what this costs most, in the cache above all, so a text is kept as [`Words`]: what entries have in common is there once.

use std::collections::BTreeMap;

use message::{Cursor, MessageError};

use super::words::{Layouts, Text, Words};
use super::{Content, Entry, Reading};
use crate::hash::Places;
use crate::table::Handle;

/// Bytes of text to keep at most: that of some hundred thousand series. Those beyond are parsed each time.
const MOST_TEXT: usize = 64 << 20;
/// Texts with the same key that are compared: sources that share their keys differ in labels, and there may be many of them.
const MOST_ALIKE: usize = 8;
/// No place of a series.
const NONE: u32 = u32::MAX;

/// What earlier messages looked like.
pub struct Predictor {
    /// By place of the series.
    known: Vec<Option<Known>>,
    layouts: Layouts,
    /// By the key of their text.
    by_key: Places,
    text_bytes: usize,
    most_text: usize,
    /// How far a partition's entries have come.
    partitions: BTreeMap<i32, Trail>,
    /// Room for the next message's entries.
    spare: Vec<Entry>,
}

/// An entry without its value.
struct Known {
    words: Words,
    handle: Handle,
    /// The place of the series whose entry followed.
    next: u32,
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
            known: Vec::new(),
            layouts: Layouts::default(),
            by_key: Places::default(),
            text_bytes: 0,
            most_text,
            partitions: BTreeMap::new(),
            spare: Vec::new(),
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
        let compared = self.compare(&mut trail, &mut reading);
        // What was the last entry is for `learn` to say.
        self.partitions.entry(partition).or_insert(trail).order = trail.order;
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
            let expected = self.at(trail.last).map_or(NONE, |known| known.next);
            if trail.order.is_kept()
                && let Some(known) = self.at(expected)
                && let Some((behind, value)) = self.layouts.read(&known.words, cursor.clone())
            {
                cursor = behind;
                trail.order.was(true);
                trail.last = expected;
                reading.known(start..cursor.at(), known.handle, value);
                continue;
            }
            let begin = cursor.clone();
            let key = cursor.raw_name()?;
            let found = self.of_key(key).take(MOST_ALIKE).find_map(|known| {
                let (behind, value) = self.layouts.read(&known.words, begin.clone())?;
                Some((known.handle, behind, value))
            });
            if let Some((handle, behind, value)) = found {
                cursor = behind;
                let foreseen = handle.place == expected;
                trail.order.was(foreseen);
                trail.last = handle.place;
                reading.in_order &= foreseen;
                reading.known(start..cursor.at(), handle, value);
                continue;
            }
            cursor = begin;
            let name = cursor.name()?;
            if let Some(ms) = cursor.timestamp(&name)? {
                // A second one is refused.
                reading.timestamp_ms.replace(ms).is_none().then_some(())?;
                continue;
            }
            // The same metric with other words, and not one more: then what follows it is still expected.
            let same = self
                .at(expected)
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

    fn of_key(&self, key: &[u8]) -> impl Iterator<Item = &Known> {
        self.by_key.of(key).filter_map(|place| self.at(place))
    }

    fn at(&self, place: u32) -> Option<&Known> {
        self.known.get(place as usize)?.as_ref()
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
                if let Some(Some(before)) = self.known.get_mut(before as usize) {
                    before.next = handle.place;
                }
            }
        }
        self.partitions.insert(partition, trail);
        self.spare = reading.entries;
        self.spare.clear();
    }

    fn keep(&mut self, handle: Handle, reading: &Reading<'_>, entry: &Entry) {
        let place = handle.place as usize;
        if self.known.len() <= place {
            self.known.resize_with(place + 1, || None);
        }
        let bytes = reading.text(entry);
        if let Some(Some(known)) = self.known.get_mut(place)
            && let Some((behind, _)) = self.layouts.read(&known.words, Cursor::new(bytes))
            && behind.at() == bytes.len()
        {
            known.handle = handle;
            return;
        }
        let Some(words) = self.words(handle.place, reading, entry) else {
            return self.forget(handle.place);
        };
        let before = self.known[place].take();
        let next = before.as_ref().map_or(NONE, |known| known.next);
        if before.is_none_or(|before| self.replace(before, words.key(), handle.place)) {
            self.by_key.insert(words.key(), handle.place);
        }
        self.known[place] = Some(Known {
            words,
            handle,
            next,
        });
    }

    /// The words of an entry that is to be at this place, if there is room for them.
    fn words(&mut self, place: u32, reading: &Reading<'_>, entry: &Entry) -> Option<Words> {
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
        let before = self.at(place).map(|known| known.words.layout());
        let (words, more) = self.layouts.words(text, before)?;
        if self.text_bytes + more + words.len() > self.most_text {
            self.layouts.forget(&words);
            return None;
        }
        self.text_bytes += more + words.len();
        Some(words)
    }

    /// What was known of a place is known otherwise. Whether its key is another one.
    fn replace(&mut self, before: Known, key: &[u8], place: u32) -> bool {
        self.text_bytes -= before.words.len() + self.layouts.forget(&before.words);
        let differs = before.words.key() != key;
        if differs {
            self.by_key.remove(before.words.key(), place);
        }
        differs
    }

    fn forget(&mut self, place: u32) {
        let Some(known) = self.known.get_mut(place as usize).and_then(Option::take) else {
            return;
        };
        self.text_bytes -= known.words.len() + self.layouts.forget(&known.words);
        self.by_key.remove(known.words.key(), place);
    }
}
