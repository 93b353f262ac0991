//! Sample values as text.

use super::lines::Lines;

/// Appends a value, as [`with_text`] has it.
pub(super) fn write(value: f64, out: &mut Vec<u8>) {
    with_text(value, |text| out.extend_from_slice(text));
}

/// Appends a value to lines.
#[inline(always)]
pub(super) fn put(value: f64, lines: &mut Lines<'_>) {
    with_text(value, |text| lines.put(text));
}

/// A value in its shortest form that reads back to the same bits (NaN's payload aside): whole numbers without a fraction, `NaN`, `+Inf` and
/// `-Inf` as both formats spell them.
#[inline(always)]
fn with_text<R>(value: f64, take: impl FnOnce(&[u8]) -> R) -> R {
    // Up to 2^53 every whole number is exact; minus zero has no integer form.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    // Beyond the range of integers the nearest one is taken, which is beyond `EXACT`, too.
    #[allow(clippy::cast_possible_truncation)]
    let whole = value as i64;
    #[allow(clippy::cast_precision_loss)]
    let is_whole = whole as f64 == value && value.abs() <= EXACT;
    if is_whole && (whole != 0 || value.is_sign_positive()) {
        take(itoa::Buffer::new().format(whole).as_bytes())
    } else if value.is_finite() {
        take(zmij::Buffer::new().format_finite(value).as_bytes())
    } else if value.is_nan() {
        take(b"NaN")
    } else {
        take(if value > 0.0 { b"+Inf" } else { b"-Inf" })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    fn text(value: f64) -> String {
        let mut out = Vec::new();
        write(value, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[rstest]
    #[case(0.0, "0")]
    #[case(-0.0, "-0.0")]
    #[case(123.45, "123.45")]
    #[case(5.0, "5")]
    #[case(-7.0, "-7")]
    #[case(1e308, "1e+308")]
    #[case(9_007_199_254_740_992.0, "9007199254740992")]
    #[case(f64::NAN, "NaN")]
    #[case(f64::INFINITY, "+Inf")]
    #[case(f64::NEG_INFINITY, "-Inf")]
    fn forms(#[case] value: f64, #[case] expected: &str) {
        assert_eq!(text(value), expected);
    }

    proptest! {
        #[test]
        fn every_finite_value_reads_back(bits: u64) {
            let value = f64::from_bits(bits);
            prop_assume!(value.is_finite());
            prop_assert_eq!(text(value).parse::<f64>().unwrap().to_bits(), bits);
        }
    }
}
