//! A number that is expected: exactly, within a tolerance, or between bounds.

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Visitor};

/// `12.5`, or `{ value = 12.5, tolerance = 0.1 }`, or `{ at_least = 1, at_most = 5 }`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Expected {
    least: f64,
    most: f64,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Bounds {
    /// The number.
    value: Option<f64>,
    /// How far it may be off.
    tolerance: Option<f64>,
    /// The least that it may be.
    at_least: Option<f64>,
    /// The most that it may be.
    at_most: Option<f64>,
}

const FORM: &str = "a number, `{ value = …, tolerance = … }`, or `{ at_least = …, at_most = … }`";

// Not `untagged`, nor from a `Value`: both lose the place of a mistake inside the table.
impl<'de> Deserialize<'de> for Expected {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NumberOrBounds;
        impl<'de> Visitor<'de> for NumberOrBounds {
            type Value = Expected;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(FORM)
            }
            fn visit_i64<E: Error>(self, number: i64) -> Result<Expected, E> {
                self.visit_f64(number as f64)
            }
            fn visit_u64<E: Error>(self, number: u64) -> Result<Expected, E> {
                self.visit_f64(number as f64)
            }
            fn visit_f64<E: Error>(self, number: f64) -> Result<Expected, E> {
                Expected::between(number, number).map_err(E::custom)
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Expected, A::Error> {
                let bounds = Bounds::deserialize(MapAccessDeserializer::new(map))?;
                Expected::try_from(bounds).map_err(A::Error::custom)
            }
        }
        // A number is what stands in for a value that only the run knows.
        deserializer.deserialize_f64(NumberOrBounds)
    }
}

impl TryFrom<Bounds> for Expected {
    type Error = String;

    fn try_from(bounds: Bounds) -> Result<Self, String> {
        match bounds {
            Bounds {
                value: Some(value),
                tolerance,
                at_least: None,
                at_most: None,
            } => {
                let tolerance = tolerance.unwrap_or(0.0);
                Self::between(value - tolerance, value + tolerance)
            }
            Bounds {
                value: None,
                tolerance: None,
                at_least,
                at_most,
            } if at_least.or(at_most).is_some() => Self::between(
                at_least.unwrap_or(f64::NEG_INFINITY),
                at_most.unwrap_or(f64::INFINITY),
            ),
            _ => Err(format!("this says no number to expect\nexpected {FORM}")),
        }
    }
}

impl JsonSchema for Expected {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ExpectedNumber".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [{ "type": "number" }, generator.subschema_for::<Bounds>()] })
    }
}

impl Expected {
    fn between(least: f64, most: f64) -> Result<Self, String> {
        if least <= most {
            return Ok(Self { least, most });
        }
        Err(format!("no number is at least {least} and at most {most}"))
    }

    /// Whether it is one number and no other.
    pub fn is_exact(self) -> bool {
        self.least.to_bits() == self.most.to_bits()
    }

    /// Whether a number is as expected.
    pub fn holds(self, number: f64) -> bool {
        (self.least..=self.most).contains(&number)
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.least, self.most) {
            (least, _) if self.is_exact() => write!(formatter, "{least}"),
            (least, f64::INFINITY) => write!(formatter, "at least {least}"),
            (f64::NEG_INFINITY, most) => write!(formatter, "at most {most}"),
            (least, most) => write!(formatter, "between {least} and {most}"),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::testing::arguments;
    use rstest::rstest;

    #[rstest]
    #[case::exact("2", 2.0, true)]
    #[case::exact_missed("2", 2.1, false)]
    #[case::tolerance("{ value = 2, tolerance = 0.2 }", 2.1, true)]
    #[case::tolerance_missed("{ value = 2, tolerance = 0.05 }", 2.1, false)]
    #[case::lower_bound("{ at_least = 2 }", 1e9, true)]
    #[case::upper_bound("{ at_most = 2 }", 3.0, false)]
    #[case::not_a_number("{ at_least = 0 }", f64::NAN, false)]
    fn numbers_are_compared(#[case] written: &str, #[case] number: f64, #[case] holds: bool) {
        let expected: Expected = arguments(written).unwrap();
        assert_eq!(expected.holds(number), holds);
    }

    #[rstest]
    #[case::text("\"2\"", ":3:6: wrong type: the string \"2\"")]
    #[case::nothing("{}", ":3:6: this says no number to expect")]
    #[case::both("{ value = 1, at_least = 2 }", ":3:6: this says no number to expect")]
    #[case::tolerance_alone("{ tolerance = 1 }", ":3:6: this says no number to expect")]
    #[case::misspelt("{ at_leest = 1 }", ":3:8: unknown key `at_leest`")]
    #[case::bound_as_text("{ at_least = \"1\" }", ":3:19: wrong type: the string \"1\"")]
    #[case::empty_range(
        "{ at_least = 2, at_most = 1 }",
        ":3:6: no number is at least 2 and at most 1"
    )]
    #[case::negative_tolerance(
        "{ value = 1, tolerance = -1 }",
        ":3:6: no number is at least 2 and at most 0"
    )]
    fn nonsense_is_refused_where_it_stands(#[case] written: &str, #[case] message: &str) {
        let problems = arguments::<Expected>(written).unwrap_err();
        assert!(problems.contains(message), "{problems}");
    }

    #[test]
    fn a_number_may_be_known_only_during_the_run() {
        assert!(arguments::<Expected>("\"${run.prefix}\"").is_ok());
    }
}
