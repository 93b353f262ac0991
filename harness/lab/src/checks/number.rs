//! A number that is expected: exactly, within a tolerance, or between bounds.

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde_json::Value;

/// `12.5`, or `{ value = 12.5, tolerance = 0.1 }`, or `{ at_least = 1, at_most = 5 }`.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(try_from = "Value")]
pub struct Expected {
    least: f64,
    most: f64,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Bounds {
    value: Option<f64>,
    tolerance: Option<f64>,
    at_least: Option<f64>,
    at_most: Option<f64>,
}

const FORM: &str =
    "expected a number, `{ value = …, tolerance = … }`, or `{ at_least = …, at_most = … }`";

impl TryFrom<Value> for Expected {
    type Error = String;

    fn try_from(written: Value) -> Result<Self, String> {
        if let Some(number) = written.as_f64() {
            return Ok(Self {
                least: number,
                most: number,
            });
        }
        let found = format!("{written} is not a number to expect\n{FORM}");
        match serde_json::from_value(written) {
            Ok(Bounds {
                value: Some(value),
                tolerance,
                at_least: None,
                at_most: None,
            }) => {
                let tolerance = tolerance.unwrap_or(0.0).abs();
                Ok(Self {
                    least: value - tolerance,
                    most: value + tolerance,
                })
            }
            Ok(Bounds {
                value: None,
                tolerance: None,
                at_least,
                at_most,
            }) if at_least.or(at_most).is_some() => Ok(Self {
                least: at_least.unwrap_or(f64::NEG_INFINITY),
                most: at_most.unwrap_or(f64::INFINITY),
            }),
            _ => Err(found),
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
    /// Whether a number is as expected.
    pub fn holds(self, number: f64) -> bool {
        (self.least..=self.most).contains(&number)
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.least, self.most) {
            (least, most) if least.to_bits() == most.to_bits() => write!(formatter, "{least}"),
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
    use rstest::rstest;
    use serde_json::json;

    #[rstest]
    #[case::exact(json!(2), 2.0, true)]
    #[case::exact_missed(json!(2), 2.1, false)]
    #[case::tolerance(json!({"value": 2, "tolerance": 0.2}), 2.1, true)]
    #[case::tolerance_missed(json!({"value": 2, "tolerance": 0.05}), 2.1, false)]
    #[case::lower_bound(json!({"at_least": 2}), 1e9, true)]
    #[case::upper_bound(json!({"at_most": 2}), 3.0, false)]
    #[case::not_a_number(json!({"at_least": 0}), f64::NAN, false)]
    fn numbers_are_compared(#[case] written: Value, #[case] number: f64, #[case] holds: bool) {
        let expected: Expected = serde_json::from_value(written).unwrap();
        assert_eq!(expected.holds(number), holds);
    }

    #[rstest]
    #[case(json!("2"))]
    #[case(json!({}))]
    #[case(json!({"value": 1, "at_least": 2}))]
    #[case(json!({"tolerance": 1}))]
    fn nonsense_is_refused(#[case] written: Value) {
        assert!(serde_json::from_value::<Expected>(written).is_err());
    }
}
