//! `Accept-Encoding`.

/// Whether gzip is wanted: named, or covered by `*`, and not with `q=0`.
pub(super) fn wants_gzip(accept_encoding: Option<&str>) -> bool {
    let quality = |wanted: &str| {
        accept_encoding
            .unwrap_or_default()
            .split(',')
            .find_map(|coding| {
                let mut parts = coding.split(';').map(str::trim);
                if !parts.next()?.eq_ignore_ascii_case(wanted) {
                    return None;
                }
                let q = parts.find_map(|part| part.strip_prefix("q="));
                Some(q.map_or(1.0, |q| q.parse::<f32>().unwrap_or(0.0)))
            })
    };
    quality("gzip")
        .or_else(|| quality("*"))
        .is_some_and(|q| q > 0.0)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(None, false)]
    #[case(Some("gzip"), true)]
    #[case(Some("deflate, GZIP;q=0.5"), true)]
    #[case(Some("gzip;q=0, *"), false)]
    #[case(Some("*"), true)]
    #[case(Some("identity"), false)]
    fn gzip(#[case] header: Option<&str>, #[case] wanted: bool) {
        assert_eq!(wants_gzip(header), wanted);
    }
}
