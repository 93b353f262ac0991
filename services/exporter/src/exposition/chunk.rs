//! The text of some hundred series, all but their values.
//!
//! It is what a scrape shares with the table, and weighs something for each series: so a name is here once, and is written to each line
//! that has it, in either syntax; and so is a description that families have in common.

use std::collections::HashMap;

use super::accept::Syntax;
use super::escape;
use super::family::{Identity, Type, labels, unit_of};
use super::lines::{Lines, PADDING};
use super::names::{
    Escaping, is_never_escaped_label_name, is_never_escaped_metric_name, is_plain_metric_name,
    without_controls,
};
use super::render::Filter;

/// Families and samples in the order in which they are shown.
pub struct ChunkText {
    pub(super) families: Vec<FamilyText>,
    pub(super) samples: Vec<SampleText>,
    bytes: Vec<u8>,
    plain: bool,
}

/// What goes for all samples of a family.
pub(super) struct FamilyText {
    /// Tells families apart: a large one goes over several chunks.
    pub(super) id: u32,
    /// As its samples have it, without quotes.
    name: Span,
    help: Span,
    /// Bytes of its name that OpenMetrics has in its header.
    stem: u32,
    /// Bytes of the unit, with which that name ends; 0 if it has none.
    unit: u32,
    shown_as: Type,
    quoted: bool,
    /// End of its samples in the chunk; they begin where the family before it ends.
    pub(super) end: u32,
}

/// A sample without its name and value.
pub(super) struct SampleText {
    pub(super) place: u32,
    /// What stands between name and value.
    pub(super) labels_end: u32,
}

/// Where a text stands among the bytes. Limits on text keep a chunk far below 4 GiB.
#[derive(Clone, Copy)]
struct Span {
    start: u32,
    end: u32,
}

fn place(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// Makes a chunk's text, family by family.
pub(crate) struct Builder {
    escaping: Escaping,
    text: ChunkText,
    helps: HashMap<Vec<u8>, Span>,
}

impl Builder {
    pub(crate) fn new(escaping: Escaping) -> Builder {
        Builder {
            escaping,
            text: ChunkText {
                families: Vec::new(),
                samples: Vec::new(),
                bytes: Vec::new(),
                plain: true,
            },
            helps: HashMap::new(),
        }
    }

    /// Adds a family with its series: the place of each, and its labels.
    pub(crate) fn family<'s>(
        &mut self,
        id: u32,
        family: &Identity<'_>,
        series: impl Iterator<Item = (u32, &'s [(Box<str>, Box<str>)])>,
    ) {
        let written = without_controls(family.name);
        let name = self.escaping.metric_name(&written);
        let quoted = !is_plain_metric_name(&name);
        let shown_as = Type::new(family.kind, &name);
        let help = self.help(family, (name != written).then_some(&*written));
        let start = self.text.bytes.len();
        self.text.bytes.extend_from_slice(name.as_bytes());
        let name_end = self.text.bytes.len();
        self.text.plain &= is_never_escaped_metric_name(family.name);
        for (series, of) in series {
            let never = |(name, _): &(Box<str>, Box<str>)| is_never_escaped_label_name(name);
            self.text.plain &= of.iter().all(never);
            let cleaned = of
                .iter()
                .map(|(name, value)| (without_controls(name), without_controls(value)));
            labels(quoted, cleaned, self.escaping, &mut self.text.bytes);
            self.text.samples.push(SampleText {
                place: series,
                labels_end: place(self.text.bytes.len()),
            });
        }
        let stem = shown_as.family_name(name.as_bytes());
        self.text.families.push(FamilyText {
            id,
            name: Span {
                start: place(start),
                end: place(name_end),
            },
            help,
            stem: place(stem.len()),
            unit: place(unit_of(stem, family.unit)),
            shown_as,
            quoted,
            end: place(self.text.samples.len()),
        });
    }

    /// Keeps a description as text 0.0.4 has it, with the name that was changed.
    fn help(&mut self, family: &Identity<'_>, changed: Option<&str>) -> Span {
        let mut help = without_controls(family.help).into_owned();
        if let Some(original) = changed {
            if !help.is_empty() {
                help.push(' ');
            }
            help.push_str(&format!("(original name: {original})"));
        }
        let mut escaped = Vec::with_capacity(help.len());
        escape::help(&help, &mut escaped);
        if let Some(known) = self.helps.get(&escaped) {
            return *known;
        }
        let start = place(self.text.bytes.len());
        self.text.bytes.extend_from_slice(&escaped);
        let span = Span {
            start,
            end: place(self.text.bytes.len()),
        };
        self.helps.insert(escaped, span);
        span
    }

    pub(crate) fn finish(self) -> ChunkText {
        let mut text = self.text;
        text.bytes.extend_from_slice(&PADDING);
        text.bytes.shrink_to_fit();
        text.families.shrink_to_fit();
        text.samples.shrink_to_fit();
        text
    }
}

impl ChunkText {
    /// Whether the text is the same in every escaping scheme but `dots`.
    pub(crate) fn plain(&self) -> bool {
        self.plain
    }

    /// Whether a scrape wants a family.
    pub(super) fn is_wanted(&self, family: &FamilyText, filter: &Filter) -> bool {
        let text = |span| str::from_utf8(self.at(span)).unwrap_or_default();
        filter.is_empty() || filter.wants(text(family.name), text(family.stem()))
    }

    /// Where the labels of a family's first sample begin.
    pub(super) fn labels_start(family: &FamilyText) -> u32 {
        family.name.end
    }

    /// Appends a family's header.
    #[inline(always)]
    pub(super) fn header(&self, family: &FamilyText, syntax: Syntax, lines: &mut Lines<'_>) {
        match syntax {
            Syntax::Text => {
                lines.put_fixed(b"# HELP ");
                self.name(family, family.name, lines);
                lines.put_fixed(b" ");
                self.put(family.help, lines);
                lines.put_fixed(b"\n# TYPE ");
                self.name(family, family.name, lines);
                lines.put(family.shown_as.in_text());
            }
            Syntax::OpenMetrics => {
                let name = family.stem();
                lines.put_fixed(b"# TYPE ");
                self.name(family, name, lines);
                lines.put(family.shown_as.in_openmetrics());
                if family.unit > 0 {
                    lines.put_fixed(b"# UNIT ");
                    self.name(family, name, lines);
                    lines.put_fixed(b" ");
                    let start = name.end - family.unit;
                    self.put(Span { start, ..name }, lines);
                    lines.put_fixed(b"\n");
                }
                lines.put_fixed(b"# HELP ");
                self.name(family, name, lines);
                lines.put_fixed(b" ");
                let help = self.at(family.help);
                if help.contains(&b'"') {
                    lines.put(&escape::quotes(help));
                } else {
                    self.put(family.help, lines);
                }
                lines.put_fixed(b"\n");
            }
        }
    }

    /// Appends what stands before a sample's value. Its labels begin at `start`.
    #[inline(always)]
    pub(super) fn sample(
        &self,
        family: &FamilyText,
        sample: &SampleText,
        start: u32,
        lines: &mut Lines<'_>,
    ) {
        let end = sample.labels_end;
        if family.quoted {
            lines.put_fixed(b"{");
            self.name(family, family.name, lines);
        } else if start == family.name.end {
            // The family's first sample: its labels follow the name.
            let start = family.name.start;
            return self.put(Span { start, end }, lines);
        } else {
            self.put(family.name, lines);
        }
        self.put(Span { start, end }, lines);
    }

    /// Appends a family's name, as its syntax has it.
    #[inline(always)]
    fn name(&self, family: &FamilyText, name: Span, lines: &mut Lines<'_>) {
        if family.quoted {
            let mut quoted = vec![b'"'];
            escape::quoted(self.at(name), &mut quoted);
            quoted.push(b'"');
            lines.put(&quoted);
        } else {
            self.put(name, lines);
        }
    }

    #[inline(always)]
    fn put(&self, span: Span, lines: &mut Lines<'_>) {
        lines.put_part(&self.bytes, span.start as usize, span.end as usize);
    }

    fn at(&self, span: Span) -> &[u8] {
        let range = span.start as usize..span.end as usize;
        self.bytes.get(range).unwrap_or_default()
    }
}

impl FamilyText {
    fn stem(&self) -> Span {
        Span {
            start: self.name.start,
            end: self.name.start + self.stem,
        }
    }
}
