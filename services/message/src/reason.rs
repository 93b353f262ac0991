//! Why a message or a metric was refused.

use std::borrow::Cow;

use strum::{IntoStaticStr, VariantNames};

/// Why a whole message could not be read.
#[derive(Debug, thiserror::Error, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum MessageError {
    /// The bytes are not one JSON document in UTF-8.
    #[error("not JSON: {0}")]
    #[strum(serialize = "not_json")]
    Json(#[source] serde_json::Error),
    /// JSON, but not an object.
    #[error("the message is {found}, not an object of metrics")]
    NotAnObject {
        /// The JSON type that was there.
        found: &'static str,
    },
    /// `Timestamp` is there but is not a whole, non-negative number of milliseconds.
    #[error("\"Timestamp\" must be a whole number of milliseconds since 1970")]
    #[strum(serialize = "bad_timestamp")]
    Timestamp,
}

impl MessageError {
    /// Every reason there is.
    pub const REASONS: &'static [&'static str] = Self::VARIANTS;

    /// A short, fixed name: the `reason` label of `exporter_rejected_total`.
    pub fn reason(&self) -> &'static str {
        self.into()
    }
}

/// Why one metric of a readable message was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum MetricError {
    /// The entry is not an object.
    #[error("the metric is {found}, not an object")]
    #[strum(serialize = "metric_not_an_object")]
    NotAnObject {
        /// The JSON type that was there.
        found: &'static str,
    },
    /// `Type`, `Name` or `Value` is not there.
    #[error("{field:?} is missing")]
    #[strum(serialize = "missing_field")]
    Missing {
        /// The field.
        field: &'static str,
    },
    /// A field holds another JSON type than the format says.
    #[error("{field:?} is {found}, not {expected}")]
    #[strum(serialize = "wrong_field_type")]
    WrongType {
        /// The field, or the name of the label.
        field: Cow<'static, str>,
        /// What the format says.
        expected: &'static str,
        /// The JSON type that was there.
        found: &'static str,
    },
    /// The same field twice in one metric: which one counts is not defined.
    #[error("{field:?} stands there twice")]
    #[strum(serialize = "duplicate_field")]
    Duplicate {
        /// The field, or the name of the label.
        field: String,
    },
    /// `Type` is neither `gauge` nor `counter`.
    #[error("\"Type\" is {found:?}; it may be \"gauge\" or \"counter\"")]
    UnknownType {
        /// What was there, shortened.
        found: String,
    },
    /// `Name` is empty.
    #[error("\"Name\" is empty")]
    EmptyName,
    /// `Labels` has an empty label name.
    #[error("a label's name is empty")]
    EmptyLabelName,
    /// The number does not fit a 64-bit float.
    #[error("\"Value\" is out of the range of a 64-bit float")]
    #[strum(serialize = "value_out_of_range")]
    OutOfRange,
    /// A counter below zero.
    #[error("a counter cannot be negative")]
    NegativeCounter,
    /// A counter that is NaN or infinite.
    #[error("a counter must be a finite number")]
    NonFiniteCounter,
    /// A string as `Value` that is not one of the three special values.
    #[error(
        "\"Value\" is the string {found:?}; only \"NaN\", \"+Inf\" and \"-Inf\" may be strings"
    )]
    #[strum(serialize = "value_is_a_string")]
    ValueString {
        /// What was there, shortened.
        found: String,
    },
    /// Text with half a surrogate pair, which is no Unicode text.
    #[error("{field:?} holds an escape that is not Unicode text")]
    NotUnicode {
        /// The field.
        field: &'static str,
    },
}

impl MetricError {
    /// Every reason there is.
    pub const REASONS: &'static [&'static str] = Self::VARIANTS;

    /// A short, fixed name: the `reason` label of `exporter_rejected_total`.
    pub fn reason(&self) -> &'static str {
        self.into()
    }
}
