//! What the table refuses to hold.

use std::time::Duration;

use message::Metric;

use super::Refused;

/// Bounds on what messages can make the exporter hold. Lengths are bytes of UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Series in all.
    pub series: usize,
    /// Series of one message; those beyond are refused.
    pub series_per_message: usize,
    /// Labels of one series.
    pub labels: usize,
    /// A metric's or label's name.
    pub name_length: usize,
    /// A label's value.
    pub label_value_length: usize,
    /// A metric's description.
    pub description_length: usize,
    /// Names, labels and descriptions in all: the part of memory that depends on the senders.
    pub text_bytes: usize,
    /// How long a series stays without a message; nothing keeps it for good.
    pub ttl: Option<Duration>,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            series: 1_000_000,
            series_per_message: 10_000,
            labels: 32,
            name_length: 512,
            label_value_length: 1024,
            description_length: 4096,
            text_bytes: 512 << 20,
            ttl: None,
        }
    }
}

impl Limits {
    /// Whether a metric by itself is within the limits.
    pub(super) fn check(&self, metric: &Metric<'_>) -> Result<(), Refused> {
        if metric.name.len() > self.name_length
            || metric
                .unit
                .as_ref()
                .is_some_and(|u| u.len() > self.name_length)
        {
            return Err(Refused::NameTooLong);
        }
        if metric.description.len() > self.description_length {
            return Err(Refused::DescriptionTooLong);
        }
        if metric.labels.len() > self.labels {
            return Err(Refused::TooManyLabels);
        }
        if metric.labels.iter().any(|(name, value)| {
            name.len() > self.name_length || value.len() > self.label_value_length
        }) {
            return Err(Refused::LabelTooLong);
        }
        Ok(())
    }
}
