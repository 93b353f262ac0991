//! Which series changed or went, and how that is written down.

use std::ops::Range;

use message::{Label, Metric};
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::Series;
use super::family::Family;
use super::latest::Latest;

/// Places that changed, each once, and records of series that are no more.
#[derive(Debug, Default)]
pub(super) struct Changes {
    marks: Vec<bool>,
    order: Vec<u32>,
    gone: Vec<Dirty>,
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

    /// The state topic must forget this record.
    pub(super) fn gone(&mut self, record: Dirty) {
        self.gone.push(record);
    }

    /// A partition is another instance's: it is not for this one to write there.
    pub(super) fn revoke(&mut self, partition: i32) {
        self.gone.retain(|record| record.partition != partition);
    }

    /// How many records there are to write, at most.
    pub(super) fn len(&self) -> usize {
        self.gone.len() + self.order.len()
    }

    /// Some of the records to write. What went comes first: a series that came back is written after that.
    pub(super) fn records(
        &self,
        range: Range<usize>,
        written: impl Fn(u32) -> Dirty,
    ) -> Vec<Dirty> {
        let marked = |place: &u32| self.marks.get(*place as usize).copied().unwrap_or(false);
        let gone = self.gone.iter().cloned().map(Some);
        let places = self
            .order
            .iter()
            .map(|place| marked(place).then(|| written(*place)));
        gone.chain(places)
            .skip(range.start)
            .take(range.len())
            .flatten()
            .collect()
    }

    pub(super) fn clear(&mut self) {
        self.gone.clear();
        for place in self.order.drain(..) {
            self.marks[place as usize] = false;
        }
    }
}

/// A series as a record of the state topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dirty {
    /// The partition, of the metrics and of the state.
    pub partition: i32,
    /// Name and labels, as JSON: compaction keeps the last record of each.
    pub key: Vec<u8>,
    /// A message of the wire format with the one metric and its `Timestamp`; nothing if the series is no more.
    pub value: Option<Vec<u8>>,
}

impl Dirty {
    pub(super) fn new(series: &Series, family: &Family, latest: Latest, value: f64) -> Dirty {
        let mut metric = Metric::new(family.kind, &*family.name, &**family.help, value);
        metric.labels = labels(series);
        metric.unit = family.unit().map(Into::into);
        let message = Written {
            timestamp_ms: latest.timestamp_ms,
            metric: &metric,
        };
        Dirty {
            partition: latest.partition,
            key: key(family, &metric.labels),
            // Strings and numbers written to memory cannot fail.
            value: Some(serde_json::to_vec(&message).unwrap_or_default()),
        }
    }

    /// The series is no more in its partition.
    pub(super) fn gone(series: &Series, family: &Family, latest: Latest) -> Dirty {
        Dirty {
            partition: latest.partition,
            key: key(family, &labels(series)),
            value: None,
        }
    }
}

fn labels(series: &Series) -> Vec<Label<'_>> {
    series
        .labels
        .iter()
        .map(|(name, value)| (name.as_ref().into(), value.as_ref().into()))
        .collect()
}

fn key(family: &Family, labels: &[Label<'_>]) -> Vec<u8> {
    serde_json::to_vec(&(&family.name, labels)).unwrap_or_default()
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
