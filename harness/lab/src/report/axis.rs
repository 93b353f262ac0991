//! Round numbers for axes.

/// From zero to at least `most`, in steps of 1, 2 or 5 times a power of ten: about `wanted` of them.
pub(crate) fn ticks(most: f64, wanted: u32) -> Vec<f64> {
    let most = if most.is_finite() && most > 0.0 {
        most
    } else {
        1.0
    };
    let rough = most / f64::from(wanted.max(1));
    let power = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0]
        .map(|times| times * power)
        .into_iter()
        .find(|step| *step >= rough)
        .unwrap_or(rough);
    let last = (most / step).ceil() as u32;
    (0..=last).map(|number| f64::from(number) * step).collect()
}

/// A number beside an axis: short.
pub(crate) fn label(value: f64) -> String {
    let short = |value: f64, unit: &str| {
        let text = format!("{value:.3}");
        let text = text.trim_end_matches('0').trim_end_matches('.');
        format!("{text}{unit}")
    };
    match value.abs() {
        large if large >= 1e6 => short(value / 1e6, " M"),
        large if large >= 1e3 => short(value / 1e3, " k"),
        _ => short(value, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_reach_over_the_data() {
        assert_eq!(ticks(9.3, 5), [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]);
        assert_eq!(
            ticks(152_000.0, 4),
            [0.0, 50_000.0, 100_000.0, 150_000.0, 200_000.0]
        );
        for nothing in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(ticks(nothing, 2), [0.0, 0.5, 1.0]);
        }
    }

    #[test]
    fn labels_are_short() {
        let labels = [0.0, 0.25, 20.0, 1500.0, 200_000.0, 2e6].map(label);
        assert_eq!(labels, ["0", "0.25", "20", "1.5 k", "200 k", "2 M"]);
    }
}
