//! Figures of samples.

use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, StudentsT};

/// The median; NaN of nothing.
pub fn median(samples: &[f64]) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    match (sorted.len(), sorted.len() / 2) {
        (0, _) => f64::NAN,
        (len, middle) if len % 2 == 1 => sorted[middle],
        (_, middle) => f64::midpoint(sorted[middle - 1], sorted[middle]),
    }
}

/// Quartiles by linear interpolation (R's type 7), for box plots: first, second, third. NaN of nothing.
pub fn quartiles(samples: &[f64]) -> [f64; 3] {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    [0.25, 0.5, 0.75].map(|share| {
        let Some(last) = sorted.len().checked_sub(1) else {
            return f64::NAN;
        };
        let place = share * last as f64;
        let (below, above) = (place.floor() as usize, place.ceil() as usize);
        sorted[below] + (sorted[above] - sorted[below]) * (place - place.floor())
    })
}

/// A ratio with its 95 % confidence interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Ratio {
    /// The estimate.
    pub ratio: f64,
    /// The lower end of the interval.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
    /// Pairs that it rests on.
    pub pairs: usize,
}

/// How sure an interval is.
pub const CONFIDENCE: f64 = 0.95;

/// The ratio of what was measured in pairs, (numerator, denominator), with a 95 % confidence interval.
///
/// Student's t interval of the mean of the logarithms of the paired ratios, taken back: what a round adds to both, such as a
/// machine that others use too, drops out. For speed ratios on logarithms see Tomas Kalibera and Richard Jones, *Rigorous
/// Benchmarking in Reasonable Time*, ISMM 2013, and for pairing (randomised blocks) any textbook on the design of experiments.
/// `None` of fewer than three pairs, whose interval would say nothing, or of values that have no logarithm.
pub fn ratio(pairs: &[(f64, f64)]) -> Option<Ratio> {
    let logs: Vec<f64> = pairs
        .iter()
        .map(|(over, under)| (over / under).ln())
        .collect();
    if logs.len() < 3 || logs.iter().any(|log| !log.is_finite()) {
        return None;
    }
    let n = logs.len() as f64;
    let mean = logs.iter().sum::<f64>() / n;
    let variance = logs.iter().map(|log| (log - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let t = StudentsT::new(0.0, 1.0, n - 1.0).ok()?;
    let half = t.inverse_cdf(f64::midpoint(1.0, CONFIDENCE)) * (variance / n).sqrt();
    Some(Ratio {
        ratio: mean.exp(),
        low: (mean - half).exp(),
        high: (mean + half).exp(),
        pairs: pairs.len(),
    })
}

/// What an interval says of a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, strum::Display)]
#[serde(rename_all = "snake_case")]
pub enum Difference {
    /// The whole interval is above 1.
    #[strum(serialize = "faster")]
    Faster,
    /// The whole interval is below 1.
    #[strum(serialize = "slower")]
    Slower,
    /// The whole interval is so near to 1 that it does not matter.
    #[strum(serialize = "no difference")]
    None,
    /// The interval has 1 in it, and values that would matter.
    #[strum(serialize = "unclear")]
    Unclear,
}

/// Ratios as near to 1 as this are no difference that matters.
pub const MATTERS: f64 = 0.05;

impl Ratio {
    /// What it says. That there is no difference is claimed only where the interval lies within ±5 %: equivalence by two
    /// one-sided tests, on the safe side (Donald Schuirmann, *A Comparison of the Two One-Sided Tests Procedure and the Power
    /// Approach*, J. Pharmacokinet. Biopharm. 1987). An interval that has 1 in it does not show that by itself.
    pub fn difference(&self) -> Difference {
        let is_near = self.low >= 1.0 / (1.0 + MATTERS) && self.high <= 1.0 + MATTERS;
        match (self.low > 1.0, self.high < 1.0) {
            (true, _) => Difference::Faster,
            (_, true) => Difference::Slower,
            _ if is_near => Difference::None,
            _ => Difference::Unclear,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use rand::rngs::StdRng;
    use rand::{RngExt as _, SeedableRng};
    use rstest::rstest;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn quartiles_are_between_samples() {
        assert_eq!(quartiles(&[4.0, 1.0, 3.0, 2.0, 5.0]), [2.0, 3.0, 4.0]);
        assert_eq!(quartiles(&[1.0, 2.0]), [1.25, 1.5, 1.75]);
        assert!(quartiles(&[])[1].is_nan());
    }

    /// As `exp(confint(t.test(log(c(2, 2.2, 1.9))))` of R has it.
    #[test]
    fn an_interval_is_that_of_students_t_on_logarithms() {
        let ratio = ratio(&[(2.0, 1.0), (4.4, 2.0), (5.7, 3.0)]).unwrap();
        assert!((ratio.ratio - 2.029).abs() < 0.001, "{ratio:?}");
        assert!((ratio.low - 1.687).abs() < 0.002, "{ratio:?}");
        assert!((ratio.high - 2.441).abs() < 0.002, "{ratio:?}");
    }

    #[rstest]
    #[case::two(&[(1.0, 1.0), (1.0, 1.0)])]
    #[case::nothing_measured(&[(1.0, 1.0), (0.0, 1.0), (1.0, 1.0)])]
    #[case::not_a_number(&[(1.0, 1.0), (f64::NAN, 1.0), (1.0, 1.0)])]
    fn there_is_no_interval_of_too_little(#[case] pairs: &[(f64, f64)]) {
        assert_eq!(ratio(pairs), None);
    }

    #[rstest]
    #[case::faster(1.01, 1.2, Difference::Faster)]
    #[case::slower(0.8, 0.99, Difference::Slower)]
    #[case::equal(0.97, 1.03, Difference::None)]
    #[case::unclear(0.9, 1.1, Difference::Unclear)]
    fn an_interval_says_one_thing(
        #[case] low: f64,
        #[case] high: f64,
        #[case] difference: Difference,
    ) {
        let ratio = Ratio {
            ratio: 1.0,
            low,
            high,
            pairs: 5,
        };
        assert_eq!(ratio.difference(), difference);
    }

    /// Simulated: a machine that gets slower and faster, noise of 5 %, five rounds. What is measured on a real one is recorded by
    /// `lab bench tuning`.
    #[rstest]
    #[case::same(1.0, 0.0, 0.08)]
    #[case::a_tenth_slower(0.9, 0.75, 1.0)]
    fn differences_are_found_where_they_are(
        #[case] times: f64,
        #[case] least: f64,
        #[case] most: f64,
    ) {
        let mut random = StdRng::seed_from_u64(1);
        let mut noise =
            |size: f64| 1.0 + size * (random.random::<f64>() + random.random::<f64>() - 1.0);
        let experiments = 2000;
        let found = (0..experiments)
            .filter(|_| {
                let pairs: Vec<_> = (0..5)
                    .map(|_| {
                        let machine = noise(0.5);
                        (times * machine * noise(0.1), machine * noise(0.1))
                    })
                    .collect();
                let difference = ratio(&pairs).unwrap().difference();
                matches!(difference, Difference::Faster | Difference::Slower)
            })
            .count();
        let share = found as f64 / f64::from(experiments);
        assert!((least..=most).contains(&share), "{share}");
    }
}
