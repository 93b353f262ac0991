//! Near misses: the known name that a misspelled one most likely meant.

/// Fewer letters begin too many names.
const BEGINNING: usize = 3;

/// The candidate closest to `given`, if one is close enough to be worth saying.
///
/// Close enough: a case-insensitive match, or a Damerau-Levenshtein distance of at most a third of the longer name
/// (one edit for names of two or three characters); failing that, a candidate that begins with it. Ties go to the first.
pub fn near_miss<'a>(given: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    // Long inputs are not typing mistakes, and the distance is quadratic in the length.
    if given.len() > 100 {
        return None;
    }
    let lower = given.to_lowercase();
    candidates
        .into_iter()
        .filter(|candidate| *candidate != given)
        .filter_map(|candidate| {
            let known = candidate.to_lowercase();
            let distance = strsim::damerau_levenshtein(&lower, &known);
            let longer = given.chars().count().max(candidate.chars().count());
            let close = distance <= (longer / 3).max(1) && distance < longer;
            let begins = lower.len() >= BEGINNING && known.starts_with(&lower);
            (close || begins).then_some((distance, candidate))
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate.to_owned())
}

#[cfg(test)]
mod tests {
    use super::near_miss;
    use rstest::rstest;

    #[rstest]
    #[case::transposed("reocrds", Some("records"))]
    #[case::case("SQL", Some("sql"))]
    #[case::one_letter("sgl", Some("sql"))]
    #[case::beginning("rec", Some("records"))]
    #[case::nothing_alike("frobnicate", None)]
    #[case::a_single_letter_is_no_hint("x", None)]
    fn finds_what_was_meant(#[case] given: &str, #[case] meant: Option<&str>) {
        assert_eq!(near_miss(given, ["sql", "records"]).as_deref(), meant);
    }
}
