//! What is known of each entry, one record after the other in one piece of memory.
//!
//! A source's entries follow each other here as they do in its messages, so that the processor has fetched the next one when it is
//! expected. A record is found by the place of its series.

use super::words::Words;
use crate::table::Handle;

/// No place of a series, and no record.
pub(super) const NONE: u32 = u32::MAX;
/// Less than this is not worth moving everything else for.
const MOST_UNUSED: usize = 1 << 20;

/// Records by place.
#[derive(Default)]
pub(super) struct Records {
    bytes: Vec<u8>,
    /// By place: where the record begins.
    starts: Vec<u32>,
    /// Bytes that belong to no record any more.
    unused: usize,
}

/// An entry without its value.
#[derive(Clone, Copy)]
pub(super) struct Known<'r> {
    pub(super) words: Words<'r>,
    pub(super) handle: Handle,
    /// The place of the series whose entry followed.
    pub(super) next: u32,
}

/// The numbers of a record. Its own texts follow.
const HEAD: usize = 36;
const LAYOUT: usize = 0;
const NEXT: usize = 4;
const FAMILY: usize = 8;
const LENGTH: usize = 12;
/// How many bytes there are for the texts.
const ROOM: usize = 16;
const SERIES: usize = 20;
const DESCRIBED: usize = 28;

impl Records {
    #[inline]
    pub(super) fn get(&self, place: u32) -> Option<Known<'_>> {
        let record = self.bytes.get(self.start(place)?..)?;
        let (head, texts) = record.split_first_chunk::<HEAD>()?;
        Some(Known {
            words: Words {
                layout: half(head, LAYOUT),
                own: texts.get(..half(head, LENGTH) as usize)?,
            },
            handle: Handle {
                place,
                family: half(head, FAMILY),
                series: whole(head, SERIES),
                described: whole(head, DESCRIBED),
            },
            next: half(head, NEXT),
        })
    }

    /// Bytes that a record with these words takes.
    pub(super) fn size(words: Words<'_>) -> usize {
        HEAD + words.own.len()
    }

    /// Sets the place of the series whose entry follows, if there is a record.
    pub(super) fn set_next(&mut self, place: u32, next: u32) {
        self.set(place, NEXT, &next.to_le_bytes());
    }

    /// Sets what the same words mean now.
    pub(super) fn set_handle(&mut self, handle: Handle) {
        self.set(handle.place, FAMILY, &handle.family.to_le_bytes());
        self.set(handle.place, SERIES, &handle.series.to_le_bytes());
        self.set(handle.place, DESCRIBED, &handle.described.to_le_bytes());
    }

    /// Sets the record of the handle's series. What followed it is still expected. `false` if there is no room.
    pub(super) fn put(&mut self, handle: Handle, words: Words<'_>) -> bool {
        let Ok(length) = u32::try_from(words.own.len()) else {
            return false;
        };
        let place = handle.place;
        let start = match self.start(place) {
            Some(start) if self.room(start) >= words.own.len() => start,
            before => {
                let next = self.get(place).map_or(NONE, |known| known.next);
                self.unused += before.map_or(0, |start| HEAD + self.room(start));
                let Some(start) = self.append(place, words.own.len()) else {
                    return false;
                };
                self.set(place, ROOM, &length.to_le_bytes());
                self.set_next(place, next);
                start
            }
        };
        self.set(place, LAYOUT, &words.layout.to_le_bytes());
        self.set(place, LENGTH, &length.to_le_bytes());
        self.set_handle(handle);
        let texts = start + HEAD..start + HEAD + words.own.len();
        if let Some(texts) = self.bytes.get_mut(texts) {
            texts.copy_from_slice(words.own);
        }
        self.tidy();
        true
    }

    pub(super) fn remove(&mut self, place: u32) {
        if let Some(start) = self.start(place) {
            self.unused += HEAD + self.room(start);
            self.starts[place as usize] = NONE;
            self.tidy();
        }
    }

    #[inline]
    fn start(&self, place: u32) -> Option<usize> {
        let start = *self.starts.get(place as usize)?;
        (start != NONE).then_some(start as usize)
    }

    fn room(&self, start: usize) -> usize {
        let head = self.bytes.get(start..).and_then(<[u8]>::first_chunk);
        head.map_or(0, |head: &[u8; HEAD]| half(head, ROOM) as usize)
    }

    fn append(&mut self, place: u32, texts: usize) -> Option<usize> {
        let start = self.bytes.len();
        let place = place as usize;
        if self.starts.len() <= place {
            self.starts.resize(place + 1, NONE);
        }
        self.starts[place] = NONE;
        let short = u32::try_from(start).ok().filter(|start| *start != NONE)?;
        self.bytes.resize(start + HEAD + texts, 0);
        self.starts[place] = short;
        Some(start)
    }

    fn set(&mut self, place: u32, at: usize, number: &[u8]) {
        if let Some(start) = self.start(place)
            && let Some(old) = self.bytes.get_mut(start + at..start + at + number.len())
        {
            old.copy_from_slice(number);
        }
    }

    /// Moves records together once half of the bytes belong to none.
    fn tidy(&mut self) {
        if self.unused < MOST_UNUSED || self.unused * 2 < self.bytes.len() {
            return;
        }
        let mut bytes = Vec::with_capacity(self.bytes.len() - self.unused);
        for place in 0..self.starts.len() {
            let Some(start) = self.start(u32::try_from(place).unwrap_or(NONE)) else {
                continue;
            };
            let end = start + HEAD + self.room(start);
            // Not beyond where it was.
            self.starts[place] = u32::try_from(bytes.len()).unwrap_or(NONE);
            bytes.extend_from_slice(self.bytes.get(start..end).unwrap_or_default());
        }
        self.bytes = bytes;
        self.unused = 0;
    }
}

#[inline]
fn half(head: &[u8; HEAD], at: usize) -> u32 {
    let bytes = head.get(at..).and_then(<[u8]>::first_chunk);
    bytes.map_or(0, |bytes| u32::from_le_bytes(*bytes))
}

#[inline]
fn whole(head: &[u8; HEAD], at: usize) -> u64 {
    let bytes = head.get(at..).and_then(<[u8]>::first_chunk);
    bytes.map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum Step {
        Put(u32, usize),
        Next(u32, u32),
        Remove(u32),
    }

    fn step() -> impl Strategy<Value = Step> {
        // Some hundred kilobytes, so that there is soon enough that belongs to none.
        let length = prop_oneof![0usize..100, 100_000usize..300_000];
        prop_oneof![
            6 => (0u32..6, length).prop_map(|(place, length)| Step::Put(place, length)),
            1 => (0u32..6, 0u32..6).prop_map(|(place, next)| Step::Next(place, next)),
            2 => (0u32..6).prop_map(Step::Remove),
        ]
    }

    proptest! {
        #[test]
        fn records_are_what_was_put_wherever_they_were_moved(
            steps in prop::collection::vec(step(), 1..60)
        ) {
            let mut records = Records::default();
            let mut expected: BTreeMap<u32, (Vec<u8>, u64, u32)> = BTreeMap::new();
            for (number, step) in (1..).zip(steps) {
                match step {
                    Step::Put(place, length) => {
                        let own: Vec<u8> = (0..=255).cycle().skip(number as usize).take(length).collect();
                        let handle = Handle { place, family: 7, series: number, described: number + 1 };
                        let words = Words { layout: 3, own: &own };
                        assert!(records.put(handle, words));
                        let next = expected.get(&place).map_or(NONE, |(_, _, next)| *next);
                        expected.insert(place, (own, number, next));
                    }
                    Step::Next(place, next) => {
                        records.set_next(place, next);
                        if let Some(record) = expected.get_mut(&place) {
                            record.2 = next;
                        }
                    }
                    Step::Remove(place) => {
                        records.remove(place);
                        expected.remove(&place);
                    }
                }
                for place in 0..6 {
                    let held = records.get(place).map(|known| {
                        assert_eq!((known.words.layout, known.handle.family), (3, 7));
                        assert_eq!(known.handle.described, known.handle.series + 1);
                        (known.words.own.to_vec(), known.handle.series, known.next)
                    });
                    prop_assert_eq!(held, expected.get(&place).cloned());
                }
                let held: usize = expected.values().map(|(own, _, _)| HEAD + own.len()).sum();
                // What is put has the room of what was there before, which may have been more.
                prop_assert!(records.bytes.len() >= held);
                prop_assert!(records.unused < MOST_UNUSED || records.unused * 2 < records.bytes.len());
            }
        }
    }
}
