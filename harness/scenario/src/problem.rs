//! What is wrong with a file, where, and what would be right.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use serde::Serialize;

/// The text of a file under the name that messages show.
#[derive(Debug, Default)]
pub(crate) struct Source {
    pub(crate) file: PathBuf,
    pub(crate) text: String,
}

impl Source {
    pub(crate) fn new(file: impl Into<PathBuf>, text: impl Into<String>) -> Arc<Self> {
        Arc::new(Self {
            file: file.into(),
            text: text.into(),
        })
    }

    /// Line and column of a byte offset, both from 1; the column counts characters.
    pub(crate) fn position(&self, offset: usize) -> (usize, usize) {
        let before = &self.text[..floor_char_boundary(&self.text, offset)];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        (line, before[line_start..].chars().count() + 1)
    }
}

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
    source: Arc<Source>,
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
            message: message.into(),
            help: Vec::new(),
            near_miss: None,
            related: Vec::new(),
            source: Arc::clone(source),
        }
    }

    /// A problem of a file as a whole, such as one that cannot be read.
    pub(crate) fn of_file(file: &Path, message: impl Into<String>) -> Self {
        Self::new(&Source::new(file, ""), 0..0, message)
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }

    pub(crate) fn near(mut self, near_miss: Option<String>) -> Self {
        self.near_miss = near_miss;
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
            message: message.into(),
        });
        self
    }

    /// `file:line:column: message`, the line with the place underlined, then what would be right.
    #[must_use]
    pub fn render(&self, colour: bool) -> String {
        let (bold, red, cyan, reset) = if colour {
            ("\u{1b}[1m", "\u{1b}[1;31m", "\u{1b}[1;36m", "\u{1b}[0m")
        } else {
            ("", "", "", "")
        };
        let mut text = format!(
            "{bold}{}:{}:{}:{reset} {red}{}{reset}",
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
            let snippet = Snippet::source(self.source.text.as_str())
                .annotation(AnnotationKind::Primary.span(self.visible_span()));
            let report = [Group::with_level(Level::ERROR).element(snippet)];
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

    /// The span without what lies past its first line: the place to look at is where it begins.
    fn visible_span(&self) -> Range<usize> {
        let text = &self.source.text[self.span.clone()];
        let first_line = text.lines().next().map_or(0, str::len);
        self.span.start..self.span.start + first_line
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.render(false))
    }
}

impl std::error::Error for Problem {}

/// Everything that is wrong, in the order of files and places. Never empty when returned as an error.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(transparent)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// The problems in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Problem> {
        self.0.iter()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Every problem as [`Problem::render`] shows it, with an empty line between two.
    #[must_use]
    pub fn render(&self, colour: bool) -> String {
        let parts: Vec<String> = self
            .0
            .iter()
            .map(|problem| problem.render(colour))
            .collect();
        parts.join("\n\n")
    }

    pub(crate) fn push(&mut self, problem: Problem) {
        self.0.push(problem);
    }

    /// Sorted by place, each mistake once: a mistake in a step is found again for every matrix instance.
    pub(crate) fn sorted(mut self) -> Self {
        self.0.sort_by(|a, b| {
            (&a.file, a.span.start, a.span.end, &a.message).cmp(&(
                &b.file,
                b.span.start,
                b.span.end,
                &b.message,
            ))
        });
        self.0
            .dedup_by(|a, b| a.file == b.file && a.span == b.span && a.message == b.message);
        self
    }

    pub(crate) fn ok_or<T>(self, value: T) -> Result<T, Problems> {
        if self.0.is_empty() {
            Ok(value)
        } else {
            Err(self.sorted())
        }
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

impl IntoIterator for Problems {
    type Item = Problem;
    type IntoIter = std::vec::IntoIter<Problem>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl Extend<Problem> for Problems {
    fn extend<I: IntoIterator<Item = Problem>>(&mut self, problems: I) {
        self.0.extend(problems);
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.render(false))
    }
}

impl std::error::Error for Problems {}
