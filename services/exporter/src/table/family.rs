//! A family: the series that share a name, and so type and description.

use message::{Kind, Metric};

use super::layout::Home;

pub(super) struct Family {
    /// As the source wrote it.
    pub(super) name: Box<str>,
    pub(super) kind: Kind,
    pub(super) help: Box<str>,
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
            help: metric.description.as_ref().into(),
            unit: metric.unit.as_deref().map(Into::into),
            bare: None,
            home: Home::None,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        matches!(self.home, Home::None)
    }

    pub(super) fn text_bytes(&self) -> usize {
        self.name.len() + self.help.len() + self.unit.as_ref().map_or(0, |unit| unit.len())
    }
}
