//! Names in the exposition formats.
//!
//! Rules: prometheus/docs `instrumenting/escaping_schemes.md`, and `EscapeName` of prometheus/common, which
//! Prometheus itself uses to read them.

use std::borrow::Cow;

/// What the scheme `values` puts in front of what it escapes.
const ESCAPED: &str = "U__";

/// How names outside `[a-zA-Z_:][a-zA-Z0-9_:]*` are written. Negotiated by `escaping=` in `Accept`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Escaping {
    /// Every other character becomes `_`.
    #[default]
    Underscores,
    /// As they are, in quotes.
    AllowUtf8,
    /// `.` becomes `_dot_`, `_` becomes `__`, every other character `__`.
    Dots,
    /// `U__` in front, and every other character as its code point: `_1f600_`. So is a name that has `U__` in front by itself: left as
    /// it is, as `EscapeName` leaves it, it would be the same as the one that it looks like the escaped form of.
    Values,
}

impl Escaping {
    /// Every scheme, in the order of their discriminants.
    pub const ALL: [Escaping; 4] = [
        Escaping::Underscores,
        Escaping::AllowUtf8,
        Escaping::Dots,
        Escaping::Values,
    ];

    /// The value of the `escaping` parameter of a media type.
    pub fn as_str(self) -> &'static str {
        match self {
            Escaping::Underscores => "underscores",
            Escaping::AllowUtf8 => "allow-utf-8",
            Escaping::Dots => "dots",
            Escaping::Values => "values",
        }
    }

    /// A metric's name in this scheme, without quotes.
    pub fn metric_name(self, name: &str) -> Cow<'_, str> {
        self.name(name, |c| c == ':')
    }

    /// A label's name in this scheme, without quotes. Unlike a metric's it has no colon.
    pub fn label_name(self, name: &str) -> Cow<'_, str> {
        self.name(name, |_| false)
    }

    fn name(self, name: &str, also: impl Fn(char) -> bool) -> Cow<'_, str> {
        let legal = |(position, c): (usize, char)| {
            c.is_ascii_alphabetic() || c == '_' || also(c) || (c.is_ascii_digit() && position > 0)
        };
        let plain = name.char_indices().all(legal) && !name.is_empty();
        match self {
            Escaping::AllowUtf8 => Cow::Borrowed(name),
            Escaping::Dots => {
                if plain && !name.contains('_') {
                    return Cow::Borrowed(name);
                }
                let mut escaped = String::with_capacity(name.len() + 8);
                for (position, c) in name.char_indices() {
                    match c {
                        '_' => escaped.push_str("__"),
                        '.' => escaped.push_str("_dot_"),
                        c if legal((position, c)) => escaped.push(c),
                        _ => escaped.push_str("__"),
                    }
                }
                Cow::Owned(escaped)
            }
            Escaping::Values if plain && !name.starts_with(ESCAPED) => Cow::Borrowed(name),
            Escaping::Underscores if plain => Cow::Borrowed(name),
            Escaping::Underscores => Cow::Owned(
                name.char_indices()
                    .map(|(position, c)| if legal((position, c)) { c } else { '_' })
                    .collect(),
            ),
            Escaping::Values => {
                let mut escaped = String::with_capacity(name.len() + 8);
                escaped.push_str(ESCAPED);
                for (position, c) in name.char_indices() {
                    match c {
                        '_' => escaped.push_str("__"),
                        c if legal((position, c)) => escaped.push(c),
                        c => escaped.push_str(&format!("_{:x}_", u32::from(c))),
                    }
                }
                Cow::Owned(escaped)
            }
        }
    }
}

/// Whether a metric's name is the same in every scheme but `dots`.
pub fn is_never_escaped_metric_name(name: &str) -> bool {
    matches!(Escaping::Values.metric_name(name), Cow::Borrowed(_))
}

/// Whether a label's name is the same in every scheme but `dots`.
pub fn is_never_escaped_label_name(name: &str) -> bool {
    matches!(Escaping::Values.label_name(name), Cow::Borrowed(_))
}

/// Whether a metric's name needs no quotes.
pub fn is_plain_metric_name(name: &str) -> bool {
    matches!(Escaping::Underscores.metric_name(name), Cow::Borrowed(_))
}

/// Whether a label's name needs no quotes.
pub fn is_plain_label_name(name: &str) -> bool {
    matches!(Escaping::Underscores.label_name(name), Cow::Borrowed(_))
}

/// Text without the control characters that line-based readers stumble over: all but tab and line feed
/// become U+FFFD. OpenMetrics forbids CR outright, and lexers end at NUL.
pub fn without_controls(text: &str) -> Cow<'_, str> {
    let control = |c: char| c.is_control() && c != '\t' && c != '\n';
    if text.contains(control) {
        Cow::Owned(text.replace(control, "\u{fffd}"))
    } else {
        Cow::Borrowed(text)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    // The table of prometheus/common's TestEscapeName, and cases of our own below it.
    #[rstest]
    #[case(
        "no:escaping_required",
        "no:escaping_required",
        "no:escaping__required",
        "no:escaping_required"
    )]
    #[case(
        "mysystem.prod.west.cpu.load",
        "mysystem_prod_west_cpu_load",
        "mysystem_dot_prod_dot_west_dot_cpu_dot_load",
        "U__mysystem_2e_prod_2e_west_2e_cpu_2e_load"
    )]
    #[case(
        "http.status:sum",
        "http_status:sum",
        "http_dot_status:sum",
        "U__http_2e_status:sum"
    )]
    #[case(
        "label with 😱",
        "label_with__",
        "label__with____",
        "U__label_20_with_20__1f631_"
    )]
    #[case("花火", "__", "____", "U___82b1__706b_")]
    #[case("9lives", "_lives", "__lives", "U___39_lives")]
    #[case(
        "U___39_lives",
        "U___39_lives",
        "U______39__lives",
        "U__U______39__lives"
    )]
    fn escapes(
        #[case] name: &str,
        #[case] underscores: &str,
        #[case] dots: &str,
        #[case] values: &str,
    ) {
        assert_eq!(Escaping::Underscores.metric_name(name), underscores);
        assert_eq!(Escaping::Dots.metric_name(name), dots);
        assert_eq!(Escaping::Values.metric_name(name), values);
        assert_eq!(Escaping::AllowUtf8.metric_name(name), name);
    }

    #[test]
    fn a_label_has_no_colon() {
        assert_eq!(Escaping::Underscores.label_name("a:b"), "a_b");
    }

    #[test]
    fn controls_go_but_tab_and_line_feed_stay() {
        assert_eq!(without_controls("a\r\n\tb\0"), "a\u{fffd}\n\tb\u{fffd}");
    }
}
