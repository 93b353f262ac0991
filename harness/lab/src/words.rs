//! Words that people read.

use std::fmt::Display;
use std::time::Duration;

/// `1 row`, `2 rows`: a number with a noun whose plural ends in `s`.
pub fn count(number: impl Display, noun: &str) -> String {
    let number = number.to_string();
    let plural = if number == "1" { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// A length of time on the command line.
///
/// # Errors
/// With what would be right.
pub fn length_of_time(text: &str) -> Result<Duration, String> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!("it has no unit: did you mean {text}s?"));
    }
    humantime::parse_duration(text)
        .map_err(|_| "expected a length of time such as 250ms, 30s, 2m, 1h or 7d".to_owned())
}

/// Connection strings are shown without their password.
pub fn without_password(address: &str) -> String {
    match address
        .split_once("://")
        .and_then(|(scheme, rest)| Some((scheme, rest.split_once('@')?)))
    {
        Some((scheme, (user, host))) => {
            format!(
                "{scheme}://{}@{host}",
                user.split(':').next().unwrap_or_default()
            )
        }
        None => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::{count, length_of_time, without_password};

    #[test]
    fn one_is_not_many() {
        assert_eq!(count(1, "row"), "1 row");
        assert_eq!(count(0, "row"), "0 rows");
        assert_eq!(count("at least 1", "row"), "at least 1 rows");
    }

    #[test]
    fn a_time_without_unit_is_answered_with_one() {
        assert_eq!(length_of_time("5s"), Ok(std::time::Duration::from_secs(5)));
        assert_eq!(
            length_of_time("5").unwrap_err(),
            "it has no unit: did you mean 5s?"
        );
        assert!(length_of_time("soon").unwrap_err().starts_with("expected"));
    }

    #[test]
    fn an_endpoint_is_shown_without_its_password() {
        assert_eq!(
            without_password("postgresql://me:secret@h:1/db"),
            "postgresql://me@h:1/db"
        );
        assert_eq!(without_password("http://h:1"), "http://h:1");
        assert_eq!(without_password("127.0.0.1:9092"), "127.0.0.1:9092");
    }
}
