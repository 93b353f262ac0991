//! What is wrong with a file, where, and what would be right.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use serde::Serialize;

use crate::redact::Redactor;

/// The text of a file under the name that messages show.
#[derive(Debug, Default)]
pub(crate) struct Source {
    pub(crate) file: PathBuf,
    pub(crate) text: String,
    /// Where the lines begin, made when the first place is asked for.
    lines: OnceLock<Vec<usize>>,
}

impl Source {
    pub(crate) fn new(file: impl Into<PathBuf>, text: impl Into<String>) -> Arc<Self> {
        Arc::new(Self {
            file: file.into(),
            text: text.into(),
            lines: OnceLock::new(),
        })
    }

    /// Line and column of a byte offset, both from 1; the column counts characters, a byte order mark left out.
    pub(crate) fn position(&self, offset: usize) -> (usize, usize) {
        let offset = floor_char_boundary(&self.text, offset);
        let (line, start) = self.line(offset);
        let before = self.text[start..offset].trim_start_matches(BYTE_ORDER_MARK);
        (line, before.chars().count() + 1)
    }

    /// The line, from 1, that a byte belongs to, and where it begins.
    fn line(&self, offset: usize) -> (usize, usize) {
        let starts = self.lines.get_or_init(|| {
            let ends = self.text.match_indices('\n');
            std::iter::once(0)
                .chain(ends.map(|(end, _)| end + 1))
                .collect()
        });
        let line = starts.partition_point(|start| *start <= offset);
        (line, starts[line - 1])
    }
}

/// Some editors on Windows begin a file with it. It is no character of the first line.
pub(crate) const BYTE_ORDER_MARK: char = '\u{feff}';

fn floor_char_boundary(text: &str, offset: usize) -> usize {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}

/// A second place that explains a problem, such as the first of two equal keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Related {
    /// The file, as it was named to [`load`](crate::load).
    pub file: PathBuf,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is there.
    pub message: String,
}

/// One mistake in one place of a file.
///
/// [`Display`](fmt::Display) gives the plain text; [`Problem::render`] can colour it.
#[derive(Clone, Debug, Serialize)]
pub struct Problem {
    /// The file, as it was named to [`load`](crate::load).
    pub file: PathBuf,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// Byte offsets in the file.
    pub span: Range<usize>,
    /// What is wrong.
    pub message: String,
    /// What was expected, or what to do about it.
    pub help: Vec<String>,
    /// The known name that was probably meant.
    pub near_miss: Option<String>,
    /// Other places that matter.
    pub related: Vec<Related>,
    #[serde(skip)]
    weight: Weight,
    #[serde(skip)]
    source: Arc<Source>,
}

/// How bad a problem is, which colours show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Weight {
    /// The file cannot be used.
    #[default]
    Error,
    /// It can, but not as was meant.
    Warning,
    /// Nothing is wrong.
    Note,
}

impl Problem {
    pub(crate) fn new(
        source: &Arc<Source>,
        span: Range<usize>,
        message: impl Into<String>,
    ) -> Self {
        let start = floor_char_boundary(&source.text, span.start);
        let end = floor_char_boundary(&source.text, span.end.max(start));
        let (line, column) = source.position(start);
        Self {
            file: source.file.clone(),
            line,
            column,
            span: start..end,
            message: visible(message.into()),
            help: Vec::new(),
            near_miss: None,
            related: Vec::new(),
            weight: Weight::Error,
            source: Arc::clone(source),
        }
    }

    /// A problem of a file that is no scenario, shown in the same way: `span` are byte offsets in `text`.
    pub fn at(file: &Path, text: &str, span: Range<usize>, message: impl Into<String>) -> Self {
        Self::new(&Source::new(file, text), span, message)
    }

    /// A problem of a file as a whole, such as one that cannot be read.
    pub(crate) fn of_file(file: &Path, message: impl Into<String>) -> Self {
        Self::new(&Source::new(file, ""), 0..0, message)
    }

    /// Adds what was expected, or what to do about it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help.push(visible(help.into()));
        self
    }

    /// Says how bad it is.
    #[must_use]
    pub fn weighs(mut self, weight: Weight) -> Self {
        self.weight = weight;
        self
    }

    /// Names what was probably meant.
    #[must_use]
    pub fn near(mut self, near_miss: Option<String>) -> Self {
        self.near_miss = near_miss.map(visible);
        self
    }

    pub(crate) fn related(
        mut self,
        source: &Source,
        offset: usize,
        message: impl Into<String>,
    ) -> Self {
        let (line, column) = source.position(offset);
        self.related.push(Related {
            file: source.file.clone(),
            line,
            column,
            message: visible(message.into()),
        });
        self
    }

    /// Takes the secrets out of the texts. `masked` is the source without them, as long as it was.
    fn redact(&mut self, redactor: &Redactor, masked: Arc<Source>) {
        let texts = std::iter::once(&mut self.message)
            .chain(&mut self.help)
            .chain(&mut self.near_miss)
            .chain(self.related.iter_mut().map(|related| &mut related.message));
        for text in texts {
            *text = redactor.redact(text);
        }
        self.source = masked;
    }

    /// `file:line:column: message`, the line with the place underlined, then what would be right.
    #[must_use]
    pub fn render(&self, colour: bool) -> String {
        let (tone, level) = match self.weight {
            Weight::Error => ("\u{1b}[1;31m", Level::ERROR),
            Weight::Warning => ("\u{1b}[1;33m", Level::WARNING),
            Weight::Note => ("\u{1b}[1;32m", Level::NOTE),
        };
        let (bold, tone, cyan, reset) = if colour {
            ("\u{1b}[1m", tone, "\u{1b}[1;36m", "\u{1b}[0m")
        } else {
            ("", "", "", "")
        };
        let mut text = format!(
            "{bold}{}:{}:{}:{reset} {tone}{}{reset}",
            self.file.display(),
            self.line,
            self.column,
            self.message
        );
        if !self.source.text.is_empty() {
            let renderer = if colour {
                Renderer::styled()
            } else {
                Renderer::plain()
            };
            let (line, span) = self.excerpt();
            let snippet = Snippet::source(line)
                .line_start(self.line)
                .annotation(AnnotationKind::Primary.span(span));
            let report = [Group::with_level(level).element(snippet)];
            text.push('\n');
            text.push_str(&renderer.render(&report));
        }
        for help in &self.help {
            text.push_str(&format!("\n  {help}"));
        }
        if let Some(meant) = &self.near_miss {
            text.push_str(&format!("\n  {cyan}did you mean \"{meant}\"?{reset}"));
        }
        for related in &self.related {
            text.push_str(&format!(
                "\n  {}:{}:{}: {}",
                related.file.display(),
                related.line,
                related.column,
                related.message
            ));
        }
        text
    }

    /// The line to look at, and where in it: what lies past the end of the line is left out.
    fn excerpt(&self) -> (&str, Range<usize>) {
        let (_, start) = self.source.line(self.span.start);
        let line = self.source.text[start..].lines().next().unwrap_or_default();
        let skipped = line.len() - line.trim_start_matches(BYTE_ORDER_MARK).len();
        let place =
            |offset: usize| offset.saturating_sub(start).clamp(skipped, line.len()) - skipped;
        (
            &line[skipped..],
            place(self.span.start)..place(self.span.end),
        )
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.render(false))
    }
}

impl std::error::Error for Problem {}

/// The most mistakes that are kept. Nobody reads more, and a file can have a mistake in every third byte.
const MOST: usize = 100;

/// Everything that is wrong, in the order of files and places. Never empty when returned as an error.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(transparent)]
pub struct Problems {
    list: Vec<Problem>,
    /// How many there were beside those in the list.
    #[serde(skip)]
    others: usize,
}

impl Problems {
    /// The problems in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Problem> {
        self.list.iter()
    }

    /// How many there are, at most a hundred.
    #[must_use]
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Every problem as [`Problem::render`] shows it, with an empty line between two.
    #[must_use]
    pub fn render(&self, colour: bool) -> String {
        let mut parts: Vec<String> = self
            .list
            .iter()
            .map(|problem| problem.render(colour))
            .collect();
        if self.others > 0 {
            parts.push(format!("and {} more mistakes", self.others));
        }
        parts.join("\n\n")
    }

    /// Adds a problem unless it is there: a mistake in a step is found again for every instance of the matrix.
    pub(crate) fn push(&mut self, problem: Problem) {
        let is_same = |known: &Problem| {
            known.span == problem.span
                && known.message == problem.message
                && known.file == problem.file
        };
        if self.list.iter().any(is_same) {
            return;
        }
        if self.list.len() < MOST {
            self.list.push(problem);
        } else {
            self.others += 1;
        }
    }

    /// Whether another one would be kept; if not it is counted. For loops in which making one is not cheap.
    pub(crate) fn has_room(&mut self) -> bool {
        let has_room = self.list.len() < MOST;
        self.others += usize::from(!has_room);
        has_room
    }

    /// Whether no more are kept.
    pub(crate) fn is_full(&self) -> bool {
        self.list.len() == MOST
    }

    /// Sorted by place.
    pub(crate) fn sorted(mut self) -> Self {
        self.list.sort_by(|a, b| {
            (&a.file, a.span.start, a.span.end, &a.message).cmp(&(
                &b.file,
                b.span.start,
                b.span.end,
                &b.message,
            ))
        });
        self
    }

    /// Without the secrets that a redactor knows, neither in the messages nor in the lines shown.
    pub(crate) fn redacted(mut self, redactor: &Redactor) -> Self {
        let mut masked: Vec<(Arc<Source>, Arc<Source>)> = Vec::new();
        for problem in &mut self.list {
            let known = masked
                .iter()
                .find(|(source, _)| Arc::ptr_eq(source, &problem.source));
            let source = match known {
                Some((_, masked)) => Arc::clone(masked),
                None => {
                    let text = redactor.mask(&problem.source.text);
                    let new = Source::new(problem.source.file.clone(), text);
                    masked.push((Arc::clone(&problem.source), Arc::clone(&new)));
                    new
                }
            };
            problem.redact(redactor, source);
        }
        self
    }

    pub(crate) fn ok_or<T>(self, value: T) -> Result<T, Problems> {
        if self.list.is_empty() {
            Ok(value)
        } else {
            Err(self.sorted())
        }
    }
}

/// Text whose control characters can be seen: a key may hold a line break, or what a terminal takes for a command.
fn visible(text: String) -> String {
    if !text.contains(char::is_control) {
        return text;
    }
    text.chars()
        .flat_map(|character| {
            let escaped = character.is_control().then(|| character.escape_default());
            let plain = (!character.is_control()).then_some(character);
            escaped.into_iter().flatten().chain(plain)
        })
        .collect()
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self {
            list: vec![problem],
            others: 0,
        }
    }
}

impl IntoIterator for Problems {
    type Item = Problem;
    type IntoIter = std::vec::IntoIter<Problem>;
    fn into_iter(self) -> Self::IntoIter {
        self.list.into_iter()
    }
}

impl Extend<Problem> for Problems {
    fn extend<I: IntoIterator<Item = Problem>>(&mut self, problems: I) {
        for problem in problems {
            self.push(problem);
        }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.render(false))
    }
}

impl std::error::Error for Problems {}

#[cfg(test)]
mod tests {
    use super::{MOST, Problem, Problems, Redactor, Source, visible};
    use rstest::rstest;

    #[rstest]
    #[case::start(0, (1, 1))]
    #[case::after_a_wide_character("é".len(), (1, 2))]
    #[case::inside_a_character(1, (1, 1))]
    #[case::second_line("éa\r\n".len(), (2, 1))]
    #[case::end("éa\r\nb".len(), (2, 2))]
    #[case::past_the_end(1000, (2, 2))]
    fn positions_count_characters(#[case] offset: usize, #[case] expected: (usize, usize)) {
        assert_eq!(Source::new("x", "éa\r\nb").position(offset), expected);
    }

    #[test]
    fn a_byte_order_mark_is_no_character() {
        let source = Source::new("x", "\u{feff}ab");
        assert_eq!(source.position("\u{feff}a".len()), (1, 2));
        let shown = Problem::new(&source, 3..4, "wrong").to_string();
        assert!(shown.ends_with("1 | ab\n  | ^"), "{shown}");
    }

    #[rstest]
    #[case::of_one_line(2..5, "x:1:3: wrong\n  |\n1 | a = 1\n  |   ^^^")]
    #[case::of_several_lines(4..9, "x:1:5: wrong\n  |\n1 | a = 1\n  |     ^")]
    #[case::empty(6..6, "x:2:1: wrong\n  |\n2 | b = 2\n  | ^")]
    #[case::at_the_end(11..11, "x:2:6: wrong\n  |\n2 | b = 2\n  |      ^")]
    fn shows_the_line_and_a_caret(#[case] span: std::ops::Range<usize>, #[case] shown: &str) {
        let problem = Problem::new(&Source::new("x", "a = 1\nb = 2"), span, "wrong");
        assert_eq!(problem.to_string(), shown);
    }

    #[test]
    fn a_mistake_is_kept_once_and_many_are_counted() {
        let source = Source::new("x", "a".repeat(2 * MOST));
        let mut problems = Problems::default();
        for _ in 0..3 {
            problems.push(Problem::new(&source, 0..1, "wrong"));
        }
        assert_eq!(problems.len(), 1);
        for start in 1..2 * MOST {
            problems.push(Problem::new(&source, start..start + 1, "wrong"));
        }
        assert_eq!(problems.len(), MOST);
        let shown = problems.to_string();
        assert!(
            shown.ends_with(&format!("and {MOST} more mistakes")),
            "{shown}"
        );
    }

    #[test]
    fn secrets_are_taken_out_of_messages_and_lines() {
        let source = Source::new("x", "a = \"hunter2\" # b");
        let problem = Problem::new(&source, 4..13, "wrong: hunter2")
            .help("not hunter2")
            .near(Some("hunter2".to_owned()));
        let shown = Problems::from(problem)
            .redacted(&Redactor::new(["hunter2"]))
            .to_string();
        assert!(!shown.contains("hunter2"), "{shown}");
        assert!(
            shown.contains("1 | a = \"*******\" # b\n  |     ^^^^^^^^^\n"),
            "{shown}"
        );
    }

    #[test]
    fn control_characters_are_shown_and_not_sent() {
        assert_eq!(visible("a\u{1b}[31m\nb é".to_owned()), "a\\u{1b}[31m\\nb é");
    }
}
