//! A mistake that reading a value ran into, with the place of the value at fault.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use serde::de::{Expected, Unexpected};

use crate::near::near_miss;
use crate::node::{Node, Segment, quoted};
use crate::problem::{Problem, Source};

/// What `serde` reports, before it is text.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) kind: FaultKind,
    /// The place, once known.
    pub(crate) span: Option<Range<usize>>,
    /// The way from the top to the value, last part first.
    pub(crate) path: Vec<Segment>,
}

#[derive(Debug)]
pub(crate) enum FaultKind {
    /// The first line is the message, the others are help.
    Custom(String),
    /// A wrong type, value or length.
    Wrong {
        message: String,
        expected: String,
        of_type: bool,
    },
    /// A word that is not one of those expected.
    UnknownWord {
        given: String,
        expected: Vec<String>,
    },
    UnknownKey {
        key: String,
        expected: Vec<String>,
    },
    Missing {
        key: String,
        keys: Vec<String>,
    },
    /// Found while reading a file that the value names.
    Reported(Vec<Problem>),
}

impl Fault {
    pub(crate) fn new(kind: FaultKind) -> Self {
        Self {
            kind,
            span: None,
            path: Vec::new(),
        }
    }

    pub(crate) fn wrong_type(node: &Node, expected: &str) -> Self {
        Self::new(FaultKind::Wrong {
            message: format!("wrong type: {}", node.describe()),
            expected: expected.to_owned(),
            of_type: true,
        })
    }

    /// The innermost place wins: it is set first.
    pub(crate) fn located(mut self, span: &Range<usize>) -> Self {
        self.span.get_or_insert_with(|| span.clone());
        self
    }

    pub(crate) fn inside(mut self, segment: Segment) -> Self {
        self.path.push(segment);
        self
    }

    pub(crate) fn into_problems(self, source: &Arc<Source>) -> Vec<Problem> {
        let span = self.span.unwrap_or_default();
        let problem = |message: String| Problem::new(source, span.clone(), message);
        vec![match self.kind {
            FaultKind::Reported(problems) => return problems,
            FaultKind::Custom(text) => {
                let mut lines = text.lines();
                let first = lines.next().unwrap_or("not valid").to_owned();
                lines.fold(problem(first), |problem, line| problem.help(line))
            }
            FaultKind::Wrong {
                message, expected, ..
            } => problem(message).help(format!("expected {expected}")),
            FaultKind::UnknownWord { given, expected } => {
                problem(format!("{} is not known here", quoted(&given)))
                    .help(format!("expected {}", one_of(&expected, "\"")))
                    .near(near_miss(&given, expected.iter().map(String::as_str)))
            }
            FaultKind::UnknownKey { key, expected } => problem(format!("unknown key `{key}`"))
                .help(format!("expected {}", one_of(&expected, "`")))
                .near(near_miss(&key, expected.iter().map(String::as_str))),
            FaultKind::Missing { key, keys } => {
                let problem = problem(format!("the key `{key}` is missing"));
                if keys.len() > 1 {
                    problem.help(format!("the table takes {}", listed(&keys, "`", "and")))
                } else {
                    problem
                }
            }
        }]
    }
}

/// `a`, `b` or `c`.
pub(crate) fn one_of<T: AsRef<str>>(names: &[T], quote: &str) -> String {
    match names {
        [] => "no key".to_owned(),
        [only] => format!("{quote}{}{quote}", only.as_ref()),
        _ => format!("one of {}", listed(names, quote, "or")),
    }
}

/// `a`, `b` and `c`, with this conjunction.
pub(crate) fn listed<T: AsRef<str>>(names: &[T], quote: &str, conjunction: &str) -> String {
    let quoted: Vec<String> = names
        .iter()
        .map(|name| format!("{quote}{}{quote}", name.as_ref()))
        .collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} {conjunction} {last}", others.join(", ")),
        None => String::new(),
    }
}

fn unexpected(found: &Unexpected<'_>) -> String {
    match found {
        Unexpected::Bool(boolean) => boolean.to_string(),
        Unexpected::Unsigned(number) => format!("the number {number}"),
        Unexpected::Signed(number) => format!("the number {number}"),
        Unexpected::Float(number) => format!("the number {number:?}"),
        Unexpected::Str(text) => format!("the string {}", quoted(text)),
        Unexpected::Unit | Unexpected::Option => "null".to_owned(),
        Unexpected::Seq => "an array".to_owned(),
        Unexpected::Map | Unexpected::StructVariant => "a table".to_owned(),
        Unexpected::UnitVariant => "a word alone".to_owned(),
        Unexpected::NewtypeVariant | Unexpected::TupleVariant => "a word with a value".to_owned(),
        other => other.to_string(),
    }
}

fn whole<T: fmt::Display>(from: T, to: T) -> String {
    format!("a whole number from {from} to {to}")
}

/// What Rust's types are called in a scenario.
fn expected_text(expected: &dyn Expected) -> String {
    let text = expected.to_string();
    match text.as_str() {
        "u8" => whole(0, u8::MAX),
        "u16" => whole(0, u16::MAX),
        "u32" => whole(0, u32::MAX),
        "u64" | "usize" => "a whole number, 0 or more".to_owned(),
        "i8" => whole(i8::MIN, i8::MAX),
        "i16" => whole(i16::MIN, i16::MAX),
        "i32" => whole(i32::MIN, i32::MAX),
        "i64" | "isize" => "a whole number".to_owned(),
        "a nonzero u8" => whole(1, u8::MAX),
        "a nonzero u16" => whole(1, u16::MAX),
        "a nonzero u32" => whole(1, u32::MAX),
        "a nonzero u64" | "a nonzero usize" => "a whole number, 1 or more".to_owned(),
        "f32" | "f64" => "a number".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "a sequence" => "an array".to_owned(),
        "a map" => "a table".to_owned(),
        "unit" => "null".to_owned(),
        "a borrowed string" | "string" => "a string".to_owned(),
        other if other.starts_with("struct ") => "a table".to_owned(),
        other if other.starts_with("any valid JSON value") => "a value".to_owned(),
        other => other.to_owned(),
    }
}

impl serde::de::Error for Fault {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(FaultKind::Custom(message.to_string()))
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(FaultKind::Wrong {
            message: format!("wrong type: {}", unexpected(&found)),
            expected: expected_text(expected),
            of_type: true,
        })
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(FaultKind::Wrong {
            message: format!("not possible: {}", unexpected(&found)),
            expected: expected_text(expected),
            of_type: false,
        })
    }

    fn invalid_length(length: usize, expected: &dyn Expected) -> Self {
        Self::new(FaultKind::Wrong {
            message: format!("{length} elements"),
            expected: expected_text(expected),
            of_type: false,
        })
    }

    fn unknown_variant(given: &str, expected: &'static [&'static str]) -> Self {
        Self::new(FaultKind::UnknownWord {
            given: given.to_owned(),
            expected: expected.iter().map(|word| (*word).to_owned()).collect(),
        })
    }

    fn unknown_field(key: &str, expected: &'static [&'static str]) -> Self {
        Self::new(FaultKind::UnknownKey {
            key: key.to_owned(),
            expected: expected.iter().map(|key| (*key).to_owned()).collect(),
        })
    }

    fn missing_field(key: &'static str) -> Self {
        Self::new(FaultKind::Missing {
            key: key.to_owned(),
            keys: Vec::new(),
        })
    }

    fn duplicate_field(key: &'static str) -> Self {
        // TOML refuses a key that is there twice; this is a key and its alias.
        Self::custom(format_args!("`{key}` is given twice, under two names"))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            FaultKind::Custom(text) => formatter.write_str(text),
            FaultKind::Wrong {
                message, expected, ..
            } => {
                write!(formatter, "{message}, expected {expected}")
            }
            FaultKind::UnknownWord { given, .. } => write!(formatter, "{given} is not known here"),
            FaultKind::UnknownKey { key, .. } => write!(formatter, "unknown key `{key}`"),
            FaultKind::Missing { key, .. } => write!(formatter, "the key `{key}` is missing"),
            FaultKind::Reported(problems) => problems
                .iter()
                .try_for_each(|problem| problem.fmt(formatter)),
        }
    }
}

impl std::error::Error for Fault {}
