//! Messages as they are read: by comparing with earlier ones where that is enough.

mod predictor;
mod records;
mod words;

use std::borrow::Cow;
use std::ops::Range;

use message::{Kind, Message, Metric, Refusal, Spans};

pub use predictor::Predictor;

use crate::table::Handle;

/// A message that was read.
#[derive(Debug)]
pub struct Reading<'a> {
    bytes: &'a [u8],
    /// When the source made the message, in milliseconds since 1970, if it says so.
    pub timestamp_ms: Option<i64>,
    /// Entries of the message that are metrics, in its order.
    pub(crate) entries: Vec<Entry>,
    /// Those metrics that had to be read.
    pub(crate) metrics: Vec<Metric<'a>>,
    /// Where these stand; nothing if the reference had to read the message.
    spans: Vec<Spans>,
    /// Entries that are no metrics, or none that conform to the format.
    pub refused: Vec<Refusal<'a>>,
    /// Whether each entry was known, and followed the one that it had followed before.
    in_order: bool,
}

/// A metric of a message.
#[derive(Debug)]
pub(crate) struct Entry {
    /// Key and value; empty if the reference had to read the message.
    text: Range<usize>,
    pub(crate) content: Content,
}

#[derive(Debug)]
pub(crate) enum Content {
    /// The same text as earlier, but for the value.
    Known(Handle, Kind, f64),
    /// Its place in [`Reading::metrics`].
    Metric(usize),
}

impl<'a> Reading<'a> {
    fn of_message(bytes: &'a [u8], message: Message<'a>, mut entries: Vec<Entry>) -> Reading<'a> {
        entries.clear();
        entries.extend((0..message.metrics.len()).map(|at| Entry {
            text: 0..0,
            content: Content::Metric(at),
        }));
        Reading {
            bytes,
            timestamp_ms: message.timestamp_ms,
            entries,
            metrics: message.metrics,
            spans: Vec::new(),
            refused: message.refused,
            in_order: false,
        }
    }

    fn known(&mut self, text: Range<usize>, handle: Handle, (kind, value): (Kind, f64)) {
        self.entries.push(Entry {
            text,
            content: Content::Known(handle, kind, value),
        });
    }

    /// Whether the message holds any metric.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many metrics were known by their text.
    pub fn known_count(&self) -> usize {
        self.entries.len() - self.metrics.len()
    }

    /// The name of a metric, by its place in the message.
    pub fn name(&self, at: usize) -> Cow<'_, str> {
        let Some(entry) = self.entries.get(at) else {
            return Cow::default();
        };
        match entry.content {
            Content::Metric(at) => Cow::Borrowed(self.metrics[at].name.as_ref()),
            Content::Known(..) => {
                message::entry(self.text(entry)).map_or(Cow::default(), |found| found.metric.name)
            }
        }
    }

    pub(crate) fn text(&self, entry: &Entry) -> &'a [u8] {
        &self.bytes[entry.text.clone()]
    }
}
