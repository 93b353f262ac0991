//! A family: the series that share a name, and so type and description.

use internment::ArcIntern;
use message::{Kind, Metric};

use super::layout::Home;
use crate::exposition::Identity;

/// A text that others have too, in the size of one pointer.
type Shared = ArcIntern<Box<str>>;

pub(super) fn shared(text: &str) -> Shared {
    ArcIntern::from_ref(text)
}

pub(super) struct Family {
    /// As the source wrote it.
    pub(super) name: Box<str>,
    pub(super) kind: Kind,
    /// Many families have the same one.
    pub(super) help: Shared,
    pub(super) unit: Option<Shared>,
    /// The series without labels: in the plain format the only one.
    pub(super) bare: Option<u32>,
    /// Where its text is.
    pub(super) home: Home,
}

impl Family {
    pub(super) fn new(metric: &Metric<'_>) -> Family {
        Family {
            name: metric.name.as_ref().into(),
            kind: metric.kind,
            help: shared(&metric.description),
            unit: metric.unit.as_deref().map(shared),
            bare: None,
            home: Home::None,
        }
    }

    /// Whether a metric has nothing new to say about help and unit.
    pub(super) fn is_described_by(&self, metric: &Metric<'_>) -> bool {
        self.has_help_of(metric) && self.has_unit_of(metric)
    }

    pub(super) fn has_help_of(&self, metric: &Metric<'_>) -> bool {
        metric.description.is_empty() || **self.help == *metric.description
    }

    pub(super) fn has_unit_of(&self, metric: &Metric<'_>) -> bool {
        metric.unit.is_none() || self.unit() == metric.unit.as_deref()
    }

    pub(super) fn identity(&self) -> Identity<'_> {
        Identity {
            name: &self.name,
            kind: self.kind,
            help: &self.help,
            unit: self.unit(),
        }
    }

    pub(super) fn unit(&self) -> Option<&str> {
        self.unit.as_ref().map(|unit| &***unit)
    }

    pub(super) fn is_empty(&self) -> bool {
        matches!(self.home, Home::None)
    }

    pub(super) fn text_bytes(&self) -> usize {
        self.name.len() + self.help.len() + self.unit().map_or(0, str::len)
    }
}
