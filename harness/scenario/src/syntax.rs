//! TOML 1.0 without dates, read into [`Node`]s.
//!
//! The `toml` crate reads TOML 1.1. Scenario files are also read by Nix, which knows TOML 1.0 and no dates, so what only
//! 1.1 allows is refused here: an editor, Nix and the runner then agree on every file.

use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};
use toml_parser::ErrorSink;
use toml_parser::decoder::Encoding;
use toml_parser::parser::{Event, EventKind};

use crate::node::{Entry, Node, Value};
use crate::problem::{Problem, Problems, Source};

/// Largest file that is read: one mebibyte. A scenario is read by people; what is larger belongs beside it.
pub(crate) const LARGEST_FILE: u64 = 1 << 20;

/// Deepest nesting of arrays and tables, dotted keys included.
const DEEPEST: usize = 32;

/// The file's tree, or every mistake in its syntax.
pub(crate) fn parse(source: &Arc<Source>) -> Result<Node, Problems> {
    let mut problems = Problems::default();
    if source.text.len() as u64 > LARGEST_FILE {
        return Err(too_large(&source.file, source.text.len() as u64).into());
    }
    // Checked first: what is too deep is not worth reading further.
    check_events(source, &mut problems);
    if !problems.is_empty() {
        return Err(problems.sorted());
    }
    let (root, errors) = DeTable::parse_recoverable(&source.text);
    // A broken line can make a table end early, and what follows look as if it were there twice.
    let broken = errors.iter().any(|error| error.message() != TWICE);
    for error in errors {
        if broken && error.message() == TWICE || !problems.has_room() {
            continue;
        }
        let span = error.span().unwrap_or_default();
        problems.push(syntax_problem(source, span, error.message()));
    }
    let table = table(source, root.into_inner(), &mut problems);
    let end = source.text.len();
    problems.ok_or(Node::new(table, end..end))
}

pub(crate) fn too_large(file: &std::path::Path, bytes: u64) -> Problem {
    Problem::of_file(file, format!("the file is too large: {bytes} bytes")).help(format!(
        "at most {LARGEST_FILE} bytes; keep long SQL and JSON in files beside the scenario"
    ))
}

fn syntax_problem(source: &Arc<Source>, span: std::ops::Range<usize>, message: &str) -> Problem {
    let (message, expected) = match message.split_once(", expected ") {
        Some((message, expected)) => (message, Some(expected)),
        None => (message, None),
    };
    let written = source.text.get(span.clone()).unwrap_or_default();
    let problem = |message: &str| Problem::new(source, span.clone(), message);
    match message {
        TWICE => problem(&format!("the key `{written}` is there twice"))
            .help("a key stands once in a table"),
        "string values must be quoted" if written.is_empty() => problem("the value is missing")
            .help("expected \"text\", a number, true, false, an [array] or an { inline = table }"),
        "string values must be quoted" => {
            problem("text without quotes").help("expected quotes round it: \"text\"")
        }
        "invalid basic string" if expected == Some("`\"`") => problem("the string does not end")
            .help("expected `\"` on the same line; a string of several lines has `\"\"\"` on both sides"),
        "invalid literal string" if expected == Some("`'`") => problem("the string does not end")
            .help("expected `'` on the same line; a string of several lines has `'''` on both sides"),
        _ => problem(message).help(match expected {
            Some(expected) => format!("expected {expected}"),
            None => "expected TOML 1.0: <https://toml.io/en/v1.0.0>".to_owned(),
        }),
    }
}

/// What the `toml` crate says of a key or table that is there already.
const TWICE: &str = "duplicate key";

/// Refuses what only TOML 1.1 allows, and too deep nesting.
fn check_events(source: &Arc<Source>, problems: &mut Problems) {
    let toml = toml_parser::Source::new(&source.text);
    let tokens = toml.lex().into_vec();
    let mut checker = Checker {
        source,
        problems,
        open: Vec::new(),
        last: None,
        keys: 0,
    };
    let mut receiver = |event: Event| checker.event(&event);
    let mut guarded = toml_parser::parser::RecursionGuard::new(&mut receiver, DEEPEST as u32 + 1);
    toml_parser::parser::parse_document(&tokens, &mut guarded, &mut Ignore);
}

/// Syntax errors are reported by the `toml` crate, with the tree.
struct Ignore;
impl ErrorSink for Ignore {
    fn report_error(&mut self, _: toml_parser::ParseError) {}
}

struct Checker<'a> {
    source: &'a Arc<Source>,
    problems: &'a mut Problems,
    /// The arrays and inline tables around the event.
    open: Vec<EventKind>,
    /// The last event that is no white space or comment.
    last: Option<EventKind>,
    /// Parts of the dotted key that is being read.
    keys: usize,
}

impl Checker<'_> {
    fn event(&mut self, event: &Event) {
        let kind = event.kind();
        let span = event.span().start()..event.span().end();
        match kind {
            EventKind::InlineTableOpen | EventKind::ArrayOpen => {
                if self.open.len() == DEEPEST {
                    self.too_deep(span);
                }
                self.open.push(kind);
            }
            EventKind::InlineTableClose => {
                if self.last == Some(EventKind::ValueSep) {
                    self.refuse(span, "a comma before the `}` of an inline table");
                }
                self.open.pop();
            }
            EventKind::ArrayClose => {
                self.open.pop();
            }
            EventKind::Newline if self.open.last() == Some(&EventKind::InlineTableOpen) => {
                self.refuse(span, "a line break inside an inline table");
                // Once for each table is enough.
                self.open.pop();
                self.open.push(EventKind::Error);
            }
            EventKind::SimpleKey | EventKind::Scalar => {
                if matches!(
                    event.encoding(),
                    Some(Encoding::BasicString | Encoding::MlBasicString)
                ) {
                    self.check_escapes(span.start, &self.source.text[span.clone()]);
                }
                if kind == EventKind::SimpleKey {
                    self.keys += 1;
                    if self.keys + self.open.len() == DEEPEST + 1 {
                        self.too_deep(span);
                    }
                }
            }
            _ => {}
        }
        match kind {
            EventKind::Whitespace | EventKind::Comment | EventKind::Newline => {}
            other => {
                if !matches!(other, EventKind::SimpleKey | EventKind::KeySep) {
                    self.keys = 0;
                }
                self.last = Some(other);
            }
        }
    }

    fn check_escapes(&mut self, start: usize, raw: &str) {
        let mut characters = raw.char_indices();
        while let Some((at, character)) = characters.next() {
            if character != '\\' {
                continue;
            }
            if let Some((_, escape @ ('e' | 'x'))) = characters.next() {
                let span = start + at..start + at + 2;
                self.refuse(span, &format!("the escape `\\{escape}`"));
            }
        }
    }

    fn refuse(&mut self, span: std::ops::Range<usize>, what: &str) {
        if !self.problems.has_room() {
            return;
        }
        let problem = Problem::new(self.source, span, format!("{what} is TOML 1.1"))
            .help("scenario files are TOML 1.0, which Nix reads too");
        let problem = if what.ends_with("inline table") {
            problem.help("write the table on one line, or as a table of its own: `[step.records]`")
        } else if what.starts_with("the escape") {
            problem.help("write `\\u001B`, or use a 'literal string'")
        } else {
            problem
        };
        self.problems.push(problem);
    }

    fn too_deep(&mut self, span: std::ops::Range<usize>) {
        if !self.problems.has_room() {
            return;
        }
        let problem = Problem::new(self.source, span, "nested too deeply");
        self.problems
            .push(problem.help(format!("at most {DEEPEST} levels")));
    }
}

fn table(source: &Arc<Source>, table: DeTable<'_>, problems: &mut Problems) -> Value {
    let mut entries: Vec<Entry> = table
        .into_iter()
        .map(|(key, value)| Entry {
            key_span: key.span(),
            key: key.into_inner().into_owned(),
            node: node(source, value, problems),
        })
        .collect();
    // The order of the file: variables may use the ones above them, and unknown keys are reported from the top.
    entries.sort_by_key(|entry| entry.key_span.start);
    Value::Table(entries)
}

fn node(source: &Arc<Source>, value: Spanned<DeValue<'_>>, problems: &mut Problems) -> Node {
    let span = value.span();
    let mut refuse = |message: String, help: &str| {
        if problems.has_room() {
            problems.push(Problem::new(source, span.clone(), message).help(help));
        }
        Value::Null
    };
    let value = match value.into_inner() {
        DeValue::String(text) => Value::String(text.into_owned()),
        DeValue::Boolean(boolean) => Value::Boolean(boolean),
        DeValue::Integer(integer) => match i64::from_str_radix(integer.as_str(), integer.radix()) {
            Ok(integer) => Value::Integer(integer),
            Err(_) => refuse(
                "the number does not fit 64 bits".to_owned(),
                "expected a number from -9223372036854775808 to 9223372036854775807",
            ),
        },
        DeValue::Float(float) => match float.as_str().parse::<f64>() {
            Ok(number) if number.is_finite() => Value::Float(number),
            _ => refuse(
                format!("{} is not a finite number", float.as_str()),
                "expected a finite number; where a check reads text, write \"NaN\" or \"+Inf\"",
            ),
        },
        DeValue::Datetime(_) => refuse(
            "scenario files have no dates".to_owned(),
            "write it as a string: Nix, which reads the files too, knows no TOML dates",
        ),
        DeValue::Array(items) => {
            let items = items.into_iter().map(|item| node(source, item, problems));
            Value::Array(items.collect())
        }
        DeValue::Table(entries) => table(source, entries, problems),
    };
    Node::new(value, span)
}

#[cfg(test)]
mod tests {
    use super::{DEEPEST, parse};
    use crate::problem::Source;
    use rstest::rstest;

    /// The values as JSON, or the first problem.
    fn read(text: &str) -> Result<String, String> {
        parse(&Source::new("x.toml", text))
            .map(|root| root.to_json().to_string())
            .map_err(|problems| {
                let problem = problems.iter().next().unwrap();
                format!("{}:{}: {}", problem.line, problem.column, problem.message)
            })
    }

    #[rstest]
    #[case::integers("a = [0x10, 0o17, 0b11, 1_000, -1]", r#"{"a":[16,15,3,1000,-1]}"#)]
    #[case::smallest("a = -9223372036854775808", r#"{"a":-9223372036854775808}"#)]
    #[case::floats("a = [1.5, 1e3, -0.25]", r#"{"a":[1.5,1000.0,-0.25]}"#)]
    #[case::escapes(r#"a = "\u00e9\t""#, r#"{"a":"é\t"}"#)]
    #[case::literal(r"a = '\e'", r#"{"a":"\\e"}"#)]
    #[case::long("a = \"\"\"\n1\\\n  2\"\"\"", r#"{"a":"12"}"#)]
    #[case::long_literal("a = '''\n\\e'''", r#"{"a":"\\e"}"#)]
    #[case::tables(
        "[b]\nc.d = 1\n[[e]]\n[[e]]\nf = {}",
        r#"{"b":{"c":{"d":1}},"e":[{},{"f":{}}]}"#
    )]
    #[case::array_over_lines("a = [ # one\n 1,\n 2, # two\n]", r#"{"a":[1,2]}"#)]
    #[case::windows("a = 1\r\nb = 2\r\n", r#"{"a":1,"b":2}"#)]
    #[case::byte_order_mark("\u{feff}a = 1", r#"{"a":1}"#)]
    #[case::in_the_order_of_the_file("b = 1\na = 2", r#"{"b":1,"a":2}"#)]
    #[case::nothing("", "{}")]
    fn reads_toml_1_0(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(read(text).as_deref(), Ok(expected));
    }

    #[rstest]
    #[case::line_break(
        "a = {\n b = 1 }",
        "1:6: a line break inside an inline table is TOML 1.1"
    )]
    #[case::comment(
        "a = { b = 1, # c\n d = 1 }",
        "1:17: a line break inside an inline table is TOML 1.1"
    )]
    #[case::comma(
        "a = { b = 1, }",
        "1:14: a comma before the `}` of an inline table is TOML 1.1"
    )]
    #[case::nested(
        "a = [{ b = [\n1,\n], c = {\n} }]",
        "3:9: a line break inside an inline table is TOML 1.1"
    )]
    #[case::escape(r#"a = "1\e[31m""#, r"1:7: the escape `\e` is TOML 1.1")]
    #[case::hexadecimal("a = \"\"\"\n\\x41\"\"\"", r"2:1: the escape `\x` is TOML 1.1")]
    #[case::in_a_key(r#""\x41" = 1"#, r"1:2: the escape `\x` is TOML 1.1")]
    fn refuses_what_only_toml_1_1_allows(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(read(text).unwrap_err(), expected);
    }

    #[rstest]
    #[case::backslash(r#"a = "\\e\\x41""#)]
    #[case::literal(r"a = '\e\x41'")]
    #[case::array_inside("a = { b = [\n1,\n] }")]
    #[case::long_string_inside("a = { b = \"\"\"\n\"\"\" }")]
    #[case::comma_in_an_array("a = [{ b = 1 }, ]")]
    fn toml_1_0_that_looks_alike_is_read(#[case] text: &str) {
        assert!(read(text).is_ok(), "{:?}", read(text));
    }

    #[rstest]
    #[case::date("a = 2026-11-22", "1:5: scenario files have no dates")]
    #[case::time("a = [12:30:00]", "1:6: scenario files have no dates")]
    #[case::time_without_seconds("a = 12:30", "1:5: scenario files have no dates")]
    #[case::infinite("a = -inf", "1:5: -inf is not a finite number")]
    #[case::too_large("a = 9223372036854775808", "1:5: the number does not fit 64 bits")]
    #[case::twice("a = 1\na = 2", "2:1: the key `a` is there twice")]
    #[case::letters_in_a_bare_key("é = 1", "1:1: invalid unquoted key")]
    fn refuses(#[case] text: &str, #[case] expected: &str) {
        let error = read(text).unwrap_err();
        assert!(error.starts_with(expected), "{error}");
    }

    #[rstest]
    #[case::arrays(|n| format!("a = {}{}", "[".repeat(n - 1), "]".repeat(n - 1)))]
    #[case::inline_tables(|n| format!("a = {}1{}", "{ a = ".repeat(n - 1), "}".repeat(n - 1)))]
    #[case::dotted_keys(|n| format!("{} = 1", vec!["a"; n].join(".")))]
    #[case::headers(|n| format!("[{}]", vec!["a"; n].join(".")))]
    fn nesting_has_a_limit(#[case] nested: fn(usize) -> String) {
        assert!(
            read(&nested(DEEPEST)).is_ok(),
            "{:?}",
            read(&nested(DEEPEST))
        );
        for depth in [2 * DEEPEST + 2, 10_000] {
            let error = read(&nested(depth)).unwrap_err();
            assert!(error.ends_with("nested too deeply"), "{error}");
        }
    }
}
