//! Lengths of time as scenarios write them.

use std::fmt;
use std::time::Duration as StdDuration;

use humantime::DurationError;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde::{Serialize, Serializer};

/// The longest time that a scenario may name. Nothing in a laboratory takes a day; a longer one is a slip.
const LONGEST: StdDuration = StdDuration::from_secs(24 * 60 * 60);

const FORM: &str =
    "a length of time such as \"250ms\", \"30s\", \"2m\" or \"1m 30s\", at most \"24h\"";

/// A length of time, written as text with its unit: `"250ms"`, `"30s"`, `"2m"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Duration(StdDuration);

impl Duration {
    /// The value for `std` and `tokio`.
    #[must_use]
    pub const fn get(self) -> StdDuration {
        self.0
    }

    /// A duration of whole milliseconds.
    #[must_use]
    pub const fn from_millis(milliseconds: u64) -> Self {
        Self(StdDuration::from_millis(milliseconds))
    }

    /// A duration of whole seconds.
    #[must_use]
    pub const fn from_secs(seconds: u64) -> Self {
        Self(StdDuration::from_secs(seconds))
    }

    fn parse(text: &str) -> Result<Self, String> {
        if text.trim().starts_with('-') {
            return Err("time does not run backwards".to_owned());
        }
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(format!("\"{text}\" has no unit\n{}", in_seconds(text)));
        }
        let length = humantime::parse_duration(text).map_err(|error| match error {
            DurationError::UnknownUnit { unit, .. } => format!("\"{unit}\" is no unit"),
            DurationError::NumberOverflow => format!("\"{text}\" is longer than a day"),
            _ => format!("{text:?}"),
        })?;
        if length > LONGEST {
            return Err(format!("\"{text}\" is longer than a day"));
        }
        Ok(Self(length))
    }
}

/// What a number without a unit probably meant.
fn in_seconds(number: impl fmt::Display) -> String {
    format!("did you mean \"{number}s\"?")
}

impl From<Duration> for StdDuration {
    fn from(duration: Duration) -> Self {
        duration.0
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        humantime::format_duration(self.0).fmt(formatter)
    }
}

impl Serialize for Duration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Duration;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(FORM)
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Duration, E> {
                Duration::parse(text).map_err(refused)
            }
            fn visit_i64<E: Error>(self, number: i64) -> Result<Duration, E> {
                Err(bare(number))
            }
            fn visit_u64<E: Error>(self, number: u64) -> Result<Duration, E> {
                Err(bare(number))
            }
            fn visit_f64<E: Error>(self, number: f64) -> Result<Duration, E> {
                // Parts of a second have a unit of their own.
                let meant = format!("did you mean \"{}ms\"?", (number * 1000.0).round());
                Err(refused(format!("the number {number} has no unit\n{meant}")))
            }
        }
        /// The reason goes into the first line; what was meant comes last, as it does elsewhere.
        fn refused<E: Error>(reason: String) -> E {
            let (reason, meant) = reason.split_once('\n').unwrap_or((&reason, ""));
            E::custom(format_args!(
                "not a length of time: {reason}\nexpected {FORM}\n{meant}"
            ))
        }
        fn bare<E: Error>(number: impl fmt::Display) -> E {
            let meant = in_seconds(&number);
            refused(format!("the number {number} has no unit\n{meant}"))
        }
        deserializer.deserialize_str(Text)
    }
}

impl JsonSchema for Duration {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Duration".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A length of time with its unit: \"250ms\", \"30s\", \"2m\", \"1m 30s\".",
            "examples": ["250ms", "30s", "2m"]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Duration;
    use rstest::rstest;
    use std::time::Duration as StdDuration;

    #[rstest]
    #[case::milliseconds("250ms", StdDuration::from_millis(250))]
    #[case::seconds("30s", StdDuration::from_secs(30))]
    #[case::two_units("1m 30s", StdDuration::from_secs(90))]
    #[case::zero("0s", StdDuration::ZERO)]
    #[case::a_day("24h", StdDuration::from_secs(86_400))]
    fn reads(#[case] text: &str, #[case] length: StdDuration) {
        assert_eq!(Duration::parse(text).map(Duration::get), Ok(length));
    }

    #[rstest]
    #[case::no_unit("30", "\"30\" has no unit")]
    #[case::backwards("-5s", "time does not run backwards")]
    #[case::too_long("25h", "\"25h\" is longer than a day")]
    #[case::unknown_unit("5 fortnights", "\"fortnights\" is no unit")]
    #[case::empty("", "\"\"")]
    #[case::overflow("99999999999999999999s", "is longer than a day")]
    fn refuses(#[case] text: &str, #[case] reason: &str) {
        let error = Duration::parse(text).unwrap_err();
        assert!(error.contains(reason), "{error}");
    }

    #[test]
    fn is_written_as_it_is_read() {
        let length = Duration::from_millis(90_250);
        assert_eq!(Duration::parse(&length.to_string()), Ok(length));
    }
}
