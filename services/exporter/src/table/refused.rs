//! Why the table refused a metric that conforms to the wire format.

use message::Kind;
use strum::{IntoStaticStr, VariantNames};

/// A refusal, with what a log line needs to explain it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum Refused {
    /// The family is known with another type; the first one stays.
    #[error("it is a {known} since an earlier message, and now a {given}")]
    TypeConflict {
        /// What it is.
        known: Kind,
        /// What the message says.
        given: Kind,
    },
    /// Another name already has the name under which this one would be shown.
    #[error(
        "in one of the formats its family would be called {shown:?}, which belongs to {holder:?}"
    )]
    NameCollision {
        /// The name on `/metrics`.
        shown: String,
        /// The original name that has it.
        holder: String,
    },
    /// Two labels of the series, or the labels of two series, would be shown alike.
    #[error("its labels would be shown as those of another series, or as one another")]
    LabelCollision,
    /// The name begins with `exporter_`, which the exporter keeps for itself.
    #[error("names that begin with exporter_ belong to the exporter")]
    ReservedName,
    /// `le`, `quantile`, or a name that begins with two underscores.
    #[error("the label {label:?} is reserved")]
    ReservedLabel {
        /// The label.
        label: String,
    },
    /// Another partition sent this series with a later timestamp.
    #[error("another partition has a newer value of this series")]
    OlderThanOtherPartition,
    /// A sum of deltas that no 64-bit float holds.
    #[error("the sum is out of the range of a 64-bit float")]
    CounterOverflow,
    /// More series than the table may hold.
    #[error("the limit of series is reached")]
    SeriesLimit,
    /// More text than the table may hold.
    #[error("the limit of bytes for names, labels and descriptions is reached")]
    TextLimit,
    /// More series in one message than are allowed.
    #[error("the message has more series than are allowed")]
    MessageSeriesLimit,
    /// The name or the unit is too long.
    #[error("its name or unit is too long")]
    NameTooLong,
    /// The description is too long.
    #[error("its description is too long")]
    DescriptionTooLong,
    /// Too many labels.
    #[error("it has too many labels")]
    TooManyLabels,
    /// A label's name or value is too long.
    #[error("the name or value of a label is too long")]
    LabelTooLong,
}

impl Refused {
    /// Every reason there is.
    pub const REASONS: &'static [&'static str] = Self::VARIANTS;

    /// A short, fixed name: the `reason` label of `exporter_rejected_total`.
    pub fn reason(&self) -> &'static str {
        self.into()
    }

    /// Whether the sender has to mend the message. What a limit or another partition's newer value refuses
    /// is no fault of the message.
    pub fn is_of_the_sender(&self) -> bool {
        !matches!(
            self,
            Refused::SeriesLimit | Refused::TextLimit | Refused::OlderThanOtherPartition
        )
    }
}
