//! Words that people read.

use std::fmt::Display;

/// `1 row`, `2 rows`: a number with a noun whose plural ends in `s`.
pub fn count(number: impl Display, noun: &str) -> String {
    let number = number.to_string();
    let plural = if number == "1" { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

#[cfg(test)]
mod tests {
    use super::count;

    #[test]
    fn one_is_not_many() {
        assert_eq!(count(1, "row"), "1 row");
        assert_eq!(count(0, "row"), "0 rows");
        assert_eq!(count("at least 1", "row"), "at least 1 rows");
    }
}
