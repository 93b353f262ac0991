//! What is a secret in a connector's file, and how it stays out of everything that is printed or sent.

use scenario::is_secret_name;

use super::document::Entry;

/// Values shorter than this are not looked for elsewhere in the file: they would hide half of it.
const LONG: usize = 6;

/// Whether a value stands for a secret that is elsewhere: `${provider:path:key}`, which the worker replaces.
pub fn is_reference(value: &str) -> bool {
    value
        .strip_prefix("${")
        .and_then(|rest| rest.strip_suffix('}'))
        .is_some_and(|inner| inner.contains(':') && !inner.contains("${"))
}

/// Whether a value has a secret inside: `scheme://user:secret@host`, or `password=` as in a JAAS configuration.
pub fn has_secret(value: &str) -> bool {
    places(value).next().is_some()
}

/// Byte ranges of secrets inside a text.
fn places(text: &str) -> impl Iterator<Item = std::ops::Range<usize>> + '_ {
    let of_urls = text.match_indices("://").filter_map(|(at, _)| {
        let begin = at + "://".len();
        let rest = &text[begin..];
        let end = rest.find(['"', '/', '\n', ' ', '?']).unwrap_or(rest.len());
        let (user, _) = rest[..end].rsplit_once('@')?;
        let (name, password) = user.split_once(':')?;
        let begin = begin + name.len() + 1;
        (!password.is_empty() && !is_reference(password)).then(|| begin..begin + password.len())
    });
    let lower = text.to_ascii_lowercase();
    let assigned: Vec<_> = lower
        .match_indices("password=")
        .map(|(at, found)| at + found.len())
        .collect();
    let of_assignments = assigned.into_iter().filter_map(|at| {
        let rest = &text[at..];
        // Quoted, and the quotes escaped where the text is JSON.
        let open = rest.len() - rest.trim_start_matches(['\\', '"', '\'']).len();
        let inner = &rest[open..];
        let end = inner
            .find(['\\', '"', '\'', ' ', ';', '&', '\n'])
            .unwrap_or(inner.len());
        let value = &inner[..end];
        (!value.is_empty() && !is_reference(value)).then(|| at + open..at + open + end)
    });
    of_urls.chain(of_assignments)
}

/// The text of a file with stars in the place of each byte of a secret: of these values, of the same text elsewhere, and inside
/// of other values.
pub fn masked(text: &str, secret: &[&Entry]) -> String {
    let mut hidden: Vec<std::ops::Range<usize>> = places(text).collect();
    for entry in secret {
        let value = entry.text().unwrap_or_default();
        if value.is_empty() || is_reference(&value) {
            continue;
        }
        let span = &entry.value_span;
        let is_quoted = text[span.clone()].starts_with('"');
        let quote = usize::from(is_quoted);
        hidden.push(span.start + quote..span.end - quote);
        if value.len() >= LONG {
            hidden.extend(
                text.match_indices(value.as_str())
                    .map(|(at, found)| at..at + found.len()),
            );
        }
    }
    stars(text, &hidden)
}

/// The text of a file of which nothing is known, perhaps not even JSON: whatever follows a secret's name on its line is hidden.
pub fn blind(text: &str) -> String {
    let mut hidden: Vec<std::ops::Range<usize>> = places(text).collect();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let mut name = 0;
        // Names of one line, one after the other: what follows the first that is secret is a value, sooner or later.
        for (at, _) in line.match_indices(['"', ':']) {
            if is_secret_name(&line[name..at]) {
                let value = at + line[at..].find(':').map_or(1, |colon| colon + 1);
                hidden.push(start + value..start + line.trim_end().len().max(value));
                break;
            }
            name = at + 1;
        }
        start += line.len();
    }
    stars(text, &hidden)
}

fn stars(text: &str, hidden: &[std::ops::Range<usize>]) -> String {
    let mut shown: Vec<u8> = text.bytes().collect();
    for at in hidden.iter().cloned().flatten() {
        if let Some(byte) = shown.get_mut(at).filter(|byte| **byte != b'\n') {
            *byte = b'*';
        }
    }
    // A range begins and ends between characters.
    String::from_utf8(shown).unwrap_or_default()
}
