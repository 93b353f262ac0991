//! Reads a message by comparing it with earlier ones.
//!
//! A source writes the same entries again and again, mostly in the same order, and only their values differ. So the text of an
//! entry without its value is kept beside the series that it was found to mean, with the series of the entry that followed. An
//! entry that compares equal with what is expected needs no parser and no search for its series. Where another entry stands, its key
//! says which texts to compare with. Anything else is parsed, and is expected next time.

use std::collections::BTreeMap;
use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};
use message::{Cursor, Kind, MessageError, Metric};

use super::{Content, Entry, Reading};
use crate::table::Handle;

/// Bytes of text to keep at most: that of some hundred thousand series. Those beyond are parsed each time.
const MOST_TEXT: usize = 64 << 20;
/// Texts with the same key that are compared: sources that share their keys differ in labels, and there may be many of them.
const MOST_ALIKE: usize = 8;

/// What earlier messages looked like.
pub struct Predictor {
    /// By place of the series.
    known: Vec<Option<Known>>,
    /// Places by the key of their text.
    by_key: HashTable<u32>,
    hasher: DefaultHashBuilder,
    text_bytes: usize,
    most_text: usize,
    /// The series of a partition's last entry.
    last: BTreeMap<i32, u32>,
    /// Room for the next message's entries.
    spare: Vec<Entry>,
}

/// An entry without its value.
struct Known {
    /// What stands before the number, and behind it.
    text: Box<[u8]>,
    /// Where its key ends, and what stands between that and its value.
    key: u32,
    /// Where the number stands.
    hole: u32,
    kind: Kind,
    handle: Handle,
    /// The place of the series whose entry followed.
    next: Option<u32>,
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
            by_key: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
            text_bytes: 0,
            most_text,
            last: BTreeMap::new(),
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
            refused: Vec::new(),
            in_order: true,
        };
        match self.compare(partition, &mut reading) {
            Some(()) => Ok(reading),
            None => Ok(Reading::of_message(
                bytes,
                message::reference(bytes)?,
                reading.entries,
            )),
        }
    }

    fn compare(&self, partition: i32, reading: &mut Reading<'_>) -> Option<()> {
        let mut cursor = Cursor::new(reading.bytes);
        cursor.open()?;
        let mut previous = self.last.get(&partition).copied();
        while cursor.entry()? {
            let start = cursor.at();
            let expected = previous.and_then(|place| self.after(place));
            if let Some(expected) = expected
                && let Some((behind, entry)) = expected.read(cursor.clone())
            {
                cursor = behind;
                reading.entries.push(entry);
                previous = Some(expected.handle.place);
                continue;
            }
            let begin = cursor.clone();
            let name = cursor.name()?;
            if let Some(ms) = cursor.timestamp(&name)? {
                // A second one is refused.
                reading.timestamp_ms.replace(ms).is_none().then_some(())?;
                continue;
            }
            let key = reading.bytes.get(start..cursor.at())?;
            let mut alike = self.of_key(key).take(MOST_ALIKE);
            if let Some((place, (behind, entry))) =
                alike.find_map(|known| Some((known.handle.place, known.read(begin.clone())?)))
            {
                cursor = behind;
                reading.entries.push(entry);
                previous = Some(place);
                reading.in_order = false;
                continue;
            }
            // The same metric with other words, and not one more: then what follows it is still expected.
            if let Some(expected) = expected
                && expected.text.starts_with(key)
            {
                previous = Some(expected.handle.place);
            }
            let key = cursor.at();
            let found = cursor.metric()?;
            reading.entries.push(Entry {
                text: start..cursor.at(),
                key,
                number: found.number,
                content: Content::Metric(reading.metrics.len()),
            });
            reading.metrics.push(found.metric);
            reading.in_order = false;
        }
        cursor.is_at_end().then_some(())
    }

    fn of_key<'k>(&'k self, key: &'k [u8]) -> impl Iterator<Item = &'k Known> {
        let places = self.by_key.iter_hash(self.hasher.hash_one(key));
        let known = places.filter_map(|place| self.at(*place));
        known.filter(move |known| known.key() == key)
    }

    fn after(&self, place: u32) -> Option<&Known> {
        let next = self.at(place)?.next?;
        self.at(next)
    }

    fn at(&self, place: u32) -> Option<&Known> {
        self.known.get(place as usize)?.as_ref()
    }

    /// Keeps what a message that was applied looked like. `found` has the series of its entries by their place in the message, where
    /// these are not known or were described otherwise meanwhile.
    pub fn learn(&mut self, partition: i32, reading: Reading<'_>, found: &[(usize, Handle)]) {
        let mut found = found.iter().peekable();
        let mut previous = self.last.get(&partition).copied();
        if reading.in_order && found.peek().is_none() {
            previous = match reading.entries.last().map(|entry| &entry.content) {
                Some(Content::Known(handle, _)) => Some(handle.place),
                _ => previous,
            };
        } else {
            for (at, entry) in reading.entries.iter().enumerate() {
                let handle = match found.next_if(|(place, _)| *place == at) {
                    Some((_, handle)) => {
                        self.keep(*handle, &reading, entry);
                        *handle
                    }
                    None => match entry.content {
                        Content::Known(handle, _) => handle,
                        Content::Metric(_) => continue,
                    },
                };
                let before = previous.replace(handle.place);
                if let Some(before) = before
                    && let Some(Some(before)) = self.known.get_mut(before as usize)
                {
                    before.next = Some(handle.place);
                }
            }
        }
        if let Some(place) = previous {
            self.last.insert(partition, place);
        }
        self.spare = reading.entries;
        self.spare.clear();
    }

    fn keep(&mut self, handle: Handle, reading: &Reading<'_>, entry: &Entry) {
        let place = handle.place as usize;
        if self.known.len() <= place {
            self.known.resize_with(place + 1, || None);
        }
        let Some(words) = Words::of(reading, entry) else {
            return self.forget(handle.place);
        };
        if let Some(Some(known)) = self.known.get_mut(place)
            && words.are(known)
        {
            known.handle = handle;
            return;
        }
        let next = self.at(handle.place).and_then(|known| known.next);
        self.forget(handle.place);
        let made = Known::new(handle, &words, reading, entry)
            .filter(|made| self.text_bytes + made.text.len() <= self.most_text);
        let Some(made) = made else { return };
        self.text_bytes += made.text.len();
        let (hasher, known) = (&self.hasher, &self.known);
        let hash = |place: &u32| {
            let text = known.get(*place as usize).and_then(Option::as_ref);
            hasher.hash_one(text.map(Known::key).unwrap_or_default())
        };
        self.by_key
            .insert_unique(hasher.hash_one(made.key()), handle.place, hash);
        self.known[place] = Some(Known { next, ..made });
    }

    fn forget(&mut self, place: u32) {
        let Some(known) = self.known.get_mut(place as usize).and_then(Option::take) else {
            return;
        };
        self.text_bytes -= known.text.len();
        let hash = self.hasher.hash_one(known.key());
        if let Ok(found) = self.by_key.find_entry(hash, |other| *other == place) {
            found.remove();
        }
    }
}

/// An entry's text without its value.
struct Words<'a> {
    before: &'a [u8],
    behind: &'a [u8],
}

impl<'a> Words<'a> {
    fn of(reading: &Reading<'a>, entry: &Entry) -> Option<Words<'a>> {
        let number = entry.number.as_ref()?;
        Some(Words {
            before: reading.bytes.get(entry.text.start..number.start)?,
            behind: reading.bytes.get(number.end..entry.text.end)?,
        })
    }

    fn are(&self, known: &Known) -> bool {
        let words = known.text.split_at_checked(known.hole as usize);
        words == Some((self.before, self.behind))
    }
}

impl Known {
    fn new(
        handle: Handle,
        words: &Words<'_>,
        reading: &Reading<'_>,
        entry: &Entry,
    ) -> Option<Known> {
        let kind = match entry.content {
            Content::Metric(at) => reading
                .metrics
                .get(at)
                .map(|metric: &Metric<'_>| metric.kind)?,
            Content::Known(..) => message::entry(reading.text(entry))?.metric.kind,
        };
        Some(Known {
            key: u32::try_from(entry.key - entry.text.start).ok()?,
            hole: u32::try_from(words.before.len()).ok()?,
            text: [words.before, words.behind].concat().into(),
            kind,
            handle,
            next: None,
        })
    }

    fn key(&self) -> &[u8] {
        self.text.get(..self.key as usize).unwrap_or_default()
    }

    /// The entry at the cursor, and the cursor behind it.
    fn read<'a>(&self, mut cursor: Cursor<'a>) -> Option<(Cursor<'a>, Entry)> {
        let start = cursor.at();
        let (before, behind) = self.text.split_at_checked(self.hole as usize)?;
        cursor.literal(before)?;
        let number = cursor.at();
        let value = self.kind.accepts(cursor.number()?)?;
        let number = number..cursor.at();
        cursor.literal(behind)?;
        let entry = Entry {
            text: start..cursor.at(),
            key: start + self.key as usize,
            number: Some(number),
            content: Content::Known(self.handle, value),
        };
        Some((cursor, entry))
    }
}
