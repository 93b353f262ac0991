//! One metric of a message, and how it is written.

use std::borrow::Cow;
use std::fmt;

use serde::ser::{Serialize, SerializeMap, Serializer};

/// What a metric's values mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A value that goes up and down.
    Gauge,
    /// A value that only goes up, except when its source starts over.
    Counter,
}

impl Kind {
    /// The name on the wire, which is also its name in the exposition formats.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Gauge => "gauge",
            Kind::Counter => "counter",
        }
    }

    /// A value as it is held. `None` if the kind does not have such values: a counter is finite and never negative, and never
    /// shows a sign.
    pub fn accepts(self, value: f64) -> Option<f64> {
        match self {
            Kind::Gauge => Some(value),
            // Adding zero turns -0 into 0.
            Kind::Counter => (value.is_finite() && value >= 0.0).then_some(value + 0.0),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A label's name and value.
pub type Label<'a> = (Cow<'a, str>, Cow<'a, str>);

/// One metric as it stood in a message. Text is borrowed from the message where it had no escapes.
#[derive(Clone, Debug, PartialEq)]
pub struct Metric<'a> {
    /// Gauge or counter.
    pub kind: Kind,
    /// Any non-empty string; making it fit for Prometheus is the exporter's business.
    pub name: Cow<'a, str>,
    /// Free text; empty when the message had none.
    pub description: Cow<'a, str>,
    /// For a counter finite and not negative.
    pub value: f64,
    /// Sorted by label name, names unique, no empty values: an empty value is the same as no label
    /// (Prometheus data model).
    pub labels: Vec<Label<'a>>,
    /// The unit in plural base form (`seconds`, `bytes`), if the message had one.
    pub unit: Option<Cow<'a, str>>,
}

impl<'a> Metric<'a> {
    /// A metric of the plain format: no labels, no unit.
    pub fn new(
        kind: Kind,
        name: impl Into<Cow<'a, str>>,
        description: impl Into<Cow<'a, str>>,
        value: f64,
    ) -> Self {
        Metric {
            kind,
            name: name.into(),
            description: description.into(),
            value,
            labels: Vec::new(),
            unit: None,
        }
    }
}

/// Writes the fields in the order of the format's examples; extensions only where they are used.
impl Serialize for Metric<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        struct Labels<'m, 'a>(&'m [Label<'a>]);
        impl Serialize for Labels<'_, '_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
            }
        }
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("Type", self.kind.as_str())?;
        map.serialize_entry("Name", &self.name)?;
        map.serialize_entry("Description", &self.description)?;
        if self.value.is_finite() {
            map.serialize_entry("Value", &self.value)?;
        } else if self.value.is_nan() {
            map.serialize_entry("Value", "NaN")?;
        } else {
            map.serialize_entry("Value", if self.value > 0.0 { "+Inf" } else { "-Inf" })?;
        }
        if !self.labels.is_empty() {
            map.serialize_entry("Labels", &Labels(&self.labels))?;
        }
        if let Some(unit) = &self.unit {
            map.serialize_entry("Unit", unit)?;
        }
        map.end()
    }
}
