//! `${name}` inside text, and `$${` for a literal `${`.

use std::borrow::Cow;
use std::ops::Range;

/// A piece of text with variables.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    /// Text as it stands, escapes resolved.
    Text(Cow<'a, str>),
    /// `${name}`: the name, and the byte range of the whole placeholder.
    Variable { name: &'a str, range: Range<usize> },
    /// `${` that no variable follows: what is wrong, and where.
    Broken {
        reason: &'static str,
        range: Range<usize>,
    },
}

pub(crate) const NAME_FORM: &str = "a variable's name has letters, digits, `_` and `-`, in parts joined by `.`, and begins with a letter or `_`; write `$${` for a literal `${`";

/// Splits text into its pieces. Concatenated, they cover the text.
pub(crate) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = 0;
    let mut at = 0;
    while let Some(found) = text[at..].find('$') {
        let dollar = at + found;
        let after = &text[dollar + 1..];
        if after.starts_with("${") {
            push_text(&mut pieces, &text[rest..dollar]);
            pieces.push(Piece::Text(Cow::Borrowed("${")));
            at = dollar + 3;
            rest = at;
        } else if let Some(inner) = after.strip_prefix('{') {
            push_text(&mut pieces, &text[rest..dollar]);
            // A name never contains a line's end or a brace, so a forgotten `}` does not swallow the rest of a file.
            let end = inner.find(['}', '{', '\n', '"']);
            match end {
                Some(end) if inner.as_bytes()[end] == b'}' => {
                    let range = dollar..dollar + 3 + end;
                    at = range.end;
                    pieces.push(if is_name(&inner[..end]) {
                        Piece::Variable {
                            name: &inner[..end],
                            range,
                        }
                    } else {
                        Piece::Broken {
                            reason: "not the name of a variable",
                            range,
                        }
                    });
                }
                _ => {
                    at = dollar + 2;
                    pieces.push(Piece::Broken {
                        reason: "`${` without its `}`",
                        range: dollar..at,
                    });
                }
            }
            rest = at;
        } else {
            at = dollar + 1;
        }
    }
    push_text(&mut pieces, &text[rest..]);
    pieces
}

fn push_text<'a>(pieces: &mut Vec<Piece<'a>>, text: &'a str) {
    if !text.is_empty() {
        pieces.push(Piece::Text(Cow::Borrowed(text)));
    }
}

/// Whether a name may stand between `${` and `}`.
pub(crate) fn is_name(name: &str) -> bool {
    name.split('.').enumerate().all(|(part, text)| {
        !text.is_empty()
            && text
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
            && (part > 0 || !text.starts_with(|c: char| c.is_ascii_digit() || c == '-'))
    })
}

/// Whether a scenario may define the name itself: dots are kept for what the runner provides.
pub(crate) fn is_own_name(name: &str) -> bool {
    is_name(name) && !name.contains('.')
}

/// Where the placeholders of a decoded string stand in the file.
///
/// `raw` is the string as written there, quotes and escapes included. When the escapes of the string hide a placeholder
/// (`\u0024{x}`), the counts differ and there is no answer.
pub(crate) fn ranges_in_source(raw: &str, decoded: &[Piece<'_>]) -> Option<Vec<Range<usize>>> {
    let placeholders = |pieces: &[Piece<'_>]| -> Vec<Range<usize>> {
        pieces
            .iter()
            .filter_map(|piece| match piece {
                Piece::Text(_) => None,
                Piece::Variable { range, .. } | Piece::Broken { range, .. } => Some(range.clone()),
            })
            .collect()
    };
    let written = placeholders(&pieces(raw));
    (written.len() == placeholders(decoded).len()).then_some(written)
}

#[cfg(test)]
mod tests {
    use super::{Piece, pieces};
    use rstest::rstest;

    fn describe(text: &str) -> String {
        pieces(text)
            .iter()
            .map(|piece| match piece {
                Piece::Text(text) => format!("[{text}]"),
                Piece::Variable { name, .. } => format!("<{name}>"),
                Piece::Broken { range, .. } => format!("!{}!", &text[range.clone()]),
            })
            .collect()
    }

    #[rstest]
    #[case::plain("no variable", "[no variable]")]
    #[case::inside("a ${b} c", "[a ]<b>[ c]")]
    #[case::whole("${run.prefix}", "<run.prefix>")]
    #[case::adjacent("${a}${b}", "<a><b>")]
    #[case::escaped("$${a}", "[${][a}]")]
    #[case::lone_dollars("$1 $ $$ $[0].id", "[$1 $ $$ $[0].id]")]
    #[case::not_closed("x ${a", "[x ]!${![a]")]
    #[case::line_break_inside("${a\n}", "!${![a\n}]")]
    #[case::no_name("${}", "!${}!")]
    #[case::not_a_name("${a b}", "!${a b}!")]
    #[case::digit_first("${1a}", "!${1a}!")]
    #[case::multibyte("é${ä}ü", "[é]!${ä}![ü]")]
    fn splits_text(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(describe(text), expected);
    }
}
