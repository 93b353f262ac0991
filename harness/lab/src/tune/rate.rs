//! The rate of a counter from its samples.

use std::time::Duration;

/// A rate, and over how long it was taken.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Slope {
    /// Per second.
    pub rate: f64,
    /// Seconds between the first and last sample that count.
    pub seconds: f64,
}

impl Slope {
    /// From samples of (seconds, total): those count that lie at least `warm_up` after the first that is not zero, up to the
    /// last before the total stands still. `None` when that leaves fewer than three.
    pub(super) fn of(values: &[(f64, f64)], warm_up: Duration) -> Option<Self> {
        let begun = values.iter().find(|(_, total)| *total > 0.0)?.0;
        let end = values.last()?.1;
        // A source that ran dry repeats its last total: the first time it shows is an upper bound in time, so it is left out.
        let growing: Vec<_> = values
            .iter()
            .filter(|(time, total)| *time >= begun + warm_up.as_secs_f64() && *total < end)
            .collect();
        let counted = if growing.len() < 3 {
            None
        } else {
            Some(growing)
        }?;
        let (first, last) = (counted.first()?, counted.last()?);
        let seconds = last.0 - first.0;
        (seconds > 0.0).then(|| Self {
            rate: (last.1 - first.1) / seconds,
            seconds,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warm_up_and_the_time_after_the_end_do_not_count() {
        let mut values = vec![(0.0, 0.0), (1.0, 10.0), (2.0, 20.0)];
        values.extend((3..=10).map(|second| (f64::from(second), 100.0 * f64::from(second))));
        values.extend((11..15).map(|second| (f64::from(second), 1050.0)));
        let slope = Slope::of(&values, Duration::from_secs(2)).unwrap();
        assert_eq!(
            slope,
            Slope {
                rate: 100.0,
                seconds: 7.0
            }
        );
    }

    #[test]
    fn too_little_is_no_rate() {
        assert_eq!(
            Slope::of(&[(0.0, 1.0), (1.0, 50.0), (2.0, 50.0)], Duration::ZERO),
            None
        );
        assert_eq!(Slope::of(&[], Duration::ZERO), None);
    }
}
