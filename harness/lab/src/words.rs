//! Words that people read.

use std::fmt::Display;

/// `1 row`, `2 rows`: a number with a noun whose plural ends in `s`.
pub fn count(number: impl Display, noun: &str) -> String {
    let number = number.to_string();
    let plural = if number == "1" { "" } else { "s" };
    format!("{number} {noun}{plural}")
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
    use super::{count, without_password};

    #[test]
    fn one_is_not_many() {
        assert_eq!(count(1, "row"), "1 row");
        assert_eq!(count(0, "row"), "0 rows");
        assert_eq!(count("at least 1", "row"), "at least 1 rows");
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
