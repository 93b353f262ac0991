//! Parsers of single values. Their errors finish the sentence "it may hold …".

use std::str::FromStr;
use std::time::Duration;

/// A duration with its unit: `250ms`, `10s`, `5m`; a bare `0` is allowed.
///
/// # Errors
/// What the setting may hold.
pub fn duration(text: &str) -> Result<Duration, String> {
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    humantime::parse_duration(text).map_err(|_| "a duration such as 250ms, 10s or 5m".to_owned())
}

/// A duration that is not zero.
///
/// # Errors
/// What the setting may hold.
pub fn some_time(text: &str) -> Result<Duration, String> {
    match duration(text) {
        Ok(Duration::ZERO) => Err("a duration above zero, such as 250ms, 10s or 5m".to_owned()),
        other => other,
    }
}

/// A whole number, zero included.
///
/// # Errors
/// What the setting may hold.
pub fn count<N: FromStr>(text: &str) -> Result<N, String> {
    text.parse().map_err(|_| "a whole number".to_owned())
}

/// A whole number from 1 on, of an unsigned type.
///
/// # Errors
/// What the setting may hold.
pub fn positive<N: FromStr + PartialEq + From<u8>>(text: &str) -> Result<N, String> {
    match text.parse() {
        Ok(number) if number != N::from(0) => Ok(number),
        _ => Err(format!(
            "a whole number from 1 to {}",
            u128::MAX >> (128 - 8 * size_of::<N>())
        )),
    }
}
