//! Which series changed, and how they are written down.

use message::Metric;
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::Series;
use super::family::Family;

/// Places that changed, each once.
#[derive(Debug, Default)]
pub(super) struct Changes {
    marks: Vec<bool>,
    order: Vec<u32>,
}

impl Changes {
    pub(super) fn mark(&mut self, place: u32) {
        let at = place as usize;
        if self.marks.len() <= at {
            self.marks.resize(at + 1, false);
        }
        if !std::mem::replace(&mut self.marks[at], true) {
            self.order.push(place);
        }
    }

    /// The series is no more. Its place may be another one's soon, which is then told of twice at most.
    pub(super) fn forget(&mut self, place: u32) {
        if let Some(mark) = self.marks.get_mut(place as usize) {
            *mark = false;
        }
    }

    pub(super) fn places(&self) -> impl Iterator<Item = u32> {
        let marked = |place: &u32| self.marks.get(*place as usize).copied().unwrap_or(false);
        self.order.iter().copied().filter(marked)
    }

    pub(super) fn clear(&mut self) {
        for place in self.order.drain(..) {
            self.marks[place as usize] = false;
        }
    }
}

/// A series as a record of the state topic. The value is a message of the wire format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dirty {
    /// The partition, of the metrics and of the state.
    pub partition: i32,
    /// Name and labels, as JSON: compaction keeps the last record of each.
    pub key: Vec<u8>,
    /// A message with the one metric and its `Timestamp`.
    pub value: Vec<u8>,
}

impl Dirty {
    pub(super) fn new(series: &Series, family: &Family, value: f64) -> Dirty {
        let mut metric = Metric::new(family.kind, &*family.name, &*family.help, value);
        metric.labels = series
            .labels
            .iter()
            .map(|(name, value)| (name.as_ref().into(), value.as_ref().into()))
            .collect();
        metric.unit = family.unit.as_deref().map(Into::into);
        let message = Written {
            timestamp_ms: series.timestamp_ms,
            metric: &metric,
        };
        // Strings and numbers written to memory cannot fail.
        let key = serde_json::to_vec(&(&metric.name, &metric.labels)).unwrap_or_default();
        let value = serde_json::to_vec(&message).unwrap_or_default();
        Dirty {
            partition: series.partition,
            key,
            value,
        }
    }
}

struct Written<'a> {
    timestamp_ms: i64,
    metric: &'a Metric<'a>,
}

impl Serialize for Written<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("Timestamp", &self.timestamp_ms.max(0))?;
        map.serialize_entry("m", self.metric)?;
        map.end()
    }
}
