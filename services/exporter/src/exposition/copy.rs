//! Appending short texts, of which a scrape is made: a name, a label, ten digits.

/// Appends a text, some words at a time. Calling `memcpy` for one of its length takes longer than copying it.
#[inline(always)]
pub(super) fn put(out: &mut Vec<u8>, text: &[u8]) {
    if text.len() >= 16 {
        in_words::<16>(out, text);
    } else if text.len() >= 8 {
        in_words::<8>(out, text);
    } else {
        for byte in text {
            out.push(*byte);
        }
    }
}

/// Appends a text of at least `N` bytes. The last word overlaps the one before it, with the same bytes.
#[inline(always)]
fn in_words<const N: usize>(out: &mut Vec<u8>, text: &[u8]) {
    let (words, rest) = text.as_chunks::<N>();
    for word in words {
        out.extend_from_slice(word);
    }
    if let (false, Some(last)) = (rest.is_empty(), text.last_chunk::<N>()) {
        out.truncate(out.len() - (N - rest.len()));
        out.extend_from_slice(last);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_is_copied() {
        let text: Vec<u8> = (0..100).collect();
        for length in 0..=text.len() {
            let mut out = b"before".to_vec();
            put(&mut out, &text[..length]);
            assert_eq!(out, [b"before", &text[..length]].concat());
        }
    }
}
