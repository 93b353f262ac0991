//! A family: the series that share a name, and so type and description.

use internment::ArcIntern;
use message::{Kind, Metric};

use super::layout::Home;
use crate::exposition::Identity;

pub(super) struct Family {
    /// As the source wrote it.
    pub(super) name: Box<str>,
    pub(super) kind: Kind,
    /// Many families have the same one.
    pub(super) help: ArcIntern<str>,
    pub(super) unit: Option<Box<str>>,
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
            help: ArcIntern::from(&*metric.description),
            unit: metric.unit.as_deref().map(Into::into),
            bare: None,
            home: Home::None,
        }
    }

    /// Whether a metric has nothing new to say about help and unit.
    pub(super) fn is_described_by(&self, metric: &Metric<'_>) -> bool {
        self.has_help_of(metric) && self.has_unit_of(metric)
    }

    pub(super) fn has_help_of(&self, metric: &Metric<'_>) -> bool {
        metric.description.is_empty() || *self.help == *metric.description
    }

    pub(super) fn has_unit_of(&self, metric: &Metric<'_>) -> bool {
        metric.unit.is_none() || self.unit.as_deref() == metric.unit.as_deref()
    }

    pub(super) fn identity(&self) -> Identity<'_> {
        Identity {
            name: &self.name,
            kind: self.kind,
            help: &self.help,
            unit: self.unit.as_deref(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        matches!(self.home, Home::None)
    }

    pub(super) fn text_bytes(&self) -> usize {
        self.name.len() + self.help.len() + self.unit.as_ref().map_or(0, |unit| unit.len())
    }
}
