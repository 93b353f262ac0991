//! Lines of text from short parts, of which a scrape is made: a name, a label, ten digits.
//!
//! A scrape of 100,000 series is a million parts. Appending each to a `Vec` costs more than its bytes: a call of `memcpy`, a branch that
//! depends on its length, and a length in memory that the next part has to wait for. Here they are copied in whole words, of which the
//! next part overwrites what is too much, and the length is set at the end.

use std::mem::MaybeUninit;

use bytes::buf::UninitSlice;

/// Bytes of a word: most names and labels are one or two of them.
const WORD: usize = 32;

/// Zeros behind the last text of a [`Lines::put_part`]'s bytes, so that it can be read in whole words, too.
pub(super) const PADDING: [u8; WORD] = [0; WORD];

/// Appends lines to a text.
pub(super) struct Lines<'t> {
    text: &'t mut Vec<u8>,
    /// Bytes behind the text's length that are written.
    written: usize,
}

impl Drop for Lines<'_> {
    fn drop(&mut self) {
        self.keep();
    }
}

impl<'t> Lines<'t> {
    pub(super) fn new(text: &'t mut Vec<u8>) -> Lines<'t> {
        Lines { text, written: 0 }
    }

    /// Bytes of the text so far.
    pub(super) fn len(&self) -> usize {
        self.text.len() + self.written
    }

    /// What is written becomes part of the text.
    fn keep(&mut self) {
        // SAFETY: `written` grows by as many bytes as were just written from there on, in `room`, which is spare capacity.
        unsafe {
            self.text.set_len(self.text.len() + self.written);
        }
        self.written = 0;
    }

    /// Appends a text for which there was no room.
    #[cold]
    #[inline(never)]
    fn put_far(&mut self, text: &[u8]) {
        self.keep();
        self.text.extend_from_slice(text);
    }

    /// So many bytes behind what is written, if there is room for them.
    #[inline(always)]
    fn room(&mut self, bytes: usize) -> Option<&mut [MaybeUninit<u8>]> {
        let (from, to) = (self.written, self.written + bytes);
        self.text.spare_capacity_mut().get_mut(from..to)
    }

    /// Appends a part of `bytes`. Fastest where a word or more of other bytes follows it.
    #[inline(always)]
    pub(super) fn put_part(&mut self, bytes: &[u8], start: usize, end: usize) {
        let length = end.saturating_sub(start);
        let words = length.div_ceil(WORD) * WORD;
        match (self.room(words), bytes.get(start..start + words)) {
            (Some(to), Some(from)) => {
                let (to, from) = (to.as_chunks_mut::<WORD>().0, from.as_chunks().0);
                for (to, from) in to.iter_mut().zip(from) {
                    copy_word(from, to);
                }
                self.written += length;
            }
            _ => self.put_far(bytes.get(start..end).unwrap_or_default()),
        }
    }

    /// Appends a text of a length that is known when this is compiled.
    #[inline(always)]
    pub(super) fn put_fixed<const N: usize>(&mut self, text: &[u8; N]) {
        match self.room(N).and_then(|room| room.first_chunk_mut::<N>()) {
            Some(to) => {
                copy_word(text, to);
                self.written += N;
            }
            None => self.put_far(text),
        }
    }

    /// Appends any text; fast up to three words of 8 bytes.
    #[inline(always)]
    pub(super) fn put(&mut self, text: &[u8]) {
        let length = text.len();
        let Some(to) = self.room(length) else {
            return self.put_far(text);
        };
        match length {
            8..=24 => copy_words::<8>(text, [0, (length - 8).min(8), length - 8], to),
            4..8 => copy_words::<4>(text, [0, 0, length - 4], to),
            _ => UninitSlice::uninit(to).copy_from_slice(text),
        }
        self.written += length;
    }
}

#[inline(always)]
fn copy_word<const N: usize>(from: &[u8; N], to: &mut [MaybeUninit<u8>; N]) {
    UninitSlice::uninit(to).copy_from_slice(from);
}

/// Copies the words that begin at these places. Where they overlap they hold the same.
#[inline(always)]
fn copy_words<const N: usize>(from: &[u8], starts: [usize; 3], to: &mut [MaybeUninit<u8>]) {
    for start in starts {
        let from = from.get(start..).and_then(|from| from.first_chunk::<N>());
        let to = to.get_mut(start..).and_then(|to| to.first_chunk_mut::<N>());
        if let (Some(from), Some(to)) = (from, to) {
            copy_word(from, to);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Parts of every length, where there is room and where there is none.
        #[test]
        fn parts_are_appended_in_any_way(
            parts in prop::collection::vec((0..3, 0_usize..200, 0_usize..200), 0..200),
        ) {
            let bytes: Vec<u8> = (0..=u8::MAX).chain([0; WORD]).collect();
            let (mut text, mut expected) = (b"before".to_vec(), b"before".to_vec());
            let mut lines = Lines::new(&mut text);
            for (way, one, other) in parts {
                let (start, end) = (one.min(other), one.max(other));
                match way {
                    0 => lines.put_part(&bytes, start, end),
                    1 => lines.put(&bytes[start..end]),
                    _ => lines.put_fixed(b"# HELP "),
                }
                expected.extend_from_slice(if way < 2 { &bytes[start..end] } else { b"# HELP " });
                prop_assert_eq!(lines.len(), expected.len());
            }
            drop(lines);
            prop_assert_eq!(text, expected);
        }
    }
}
