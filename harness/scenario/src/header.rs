//! The comment that a scenario opens with.

use std::ops::Range;

/// The text of the first block of comment lines, and the bytes it covers. `#:schema` and other `#:` lines do not count.
///
/// `None` when something else comes first, or the comment is empty.
pub(crate) fn header(text: &str) -> Option<(String, Range<usize>)> {
    let text_start = if text.starts_with('\u{feff}') { 3 } else { 0 };
    let mut doc: Vec<&str> = Vec::new();
    let mut range = 0..0;
    let mut at = text_start;
    for line in text[text_start..].split_inclusive('\n') {
        let start = at;
        at += line.len();
        let line = line.trim();
        if let Some(comment) = line.strip_prefix('#') {
            if comment.starts_with(':') {
                continue;
            }
            if doc.is_empty() {
                range.start = start;
            }
            range.end = start + line.len();
            doc.push(comment.strip_prefix(' ').unwrap_or(comment));
        } else if !line.is_empty() || !doc.is_empty() {
            break;
        }
    }
    let doc = doc.join("\n").trim().to_owned();
    (!doc.is_empty()).then_some((doc, range))
}

/// The first sentence of a text, on one line: it ends with the paragraph, or with `.`, `!` or `?` before a capital.
pub(crate) fn first_sentence(doc: &str) -> String {
    let paragraph: Vec<&str> = doc
        .lines()
        .map(str::trim)
        .take_while(|line| !line.is_empty())
        .collect();
    let paragraph = paragraph.join(" ");
    let end = paragraph.char_indices().find_map(|(index, character)| {
        let mut after = paragraph[index + character.len_utf8()..].chars();
        let ends = matches!(character, '.' | '!' | '?')
            && after.next() == Some(' ')
            && after.next().is_some_and(|next| !next.is_lowercase());
        ends.then_some(index + 1)
    });
    paragraph[..end.unwrap_or(paragraph.len())].to_owned()
}

#[cfg(test)]
mod tests {
    use super::{first_sentence, header};
    use rstest::rstest;

    #[rstest]
    #[case::after_schema(
        "#:schema ../s.json\n\n# Deletes arrive.\n# Twice.\n\nsummary = 1",
        Some("Deletes arrive.\nTwice.")
    )]
    #[case::later_comments_do_not_count("# One.\n\n# Two.\n", Some("One."))]
    #[case::a_key_first("tags = []\n# Late.\n", None)]
    #[case::empty("#\n#  \n", None)]
    #[case::nothing("", None)]
    #[case::windows_line_ends("# One.\r\n# Two.\r\n", Some("One.\nTwo."))]
    fn finds_the_header(#[case] text: &str, #[case] doc: Option<&str>) {
        assert_eq!(header(text).map(|(doc, _)| doc).as_deref(), doc);
    }

    #[rstest]
    #[case("A delete\narrives. And more.", "A delete arrives.")]
    #[case(
        "Version 2.7.4.Final, e.g. with Postgres, works. Yes",
        "Version 2.7.4.Final, e.g. with Postgres, works."
    )]
    #[case("No end\n\nNext paragraph.", "No end")]
    fn finds_the_first_sentence(#[case] doc: &str, #[case] sentence: &str) {
        assert_eq!(first_sentence(doc), sentence);
    }
}
