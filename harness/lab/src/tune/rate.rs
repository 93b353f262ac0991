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

/// Fewer moments at which the total was seen to grow are no rate: Connect counts a batch of the source when its last record
/// is acknowledged, so that the total of a slow row grows in steps.
pub(super) const STEPS: usize = 4;

/// The samples at which the total was first seen to have grown, from `warm_up` after the first record on.
pub(super) fn steps(values: &[(f64, f64)], warm_up: Duration) -> Vec<(f64, f64)> {
    let Some((begun, _)) = values.iter().find(|(_, total)| *total > 0.0) else {
        return Vec::new();
    };
    values
        .windows(2)
        .filter(|pair| pair[1].1 > pair[0].1)
        .map(|pair| pair[1])
        .filter(|(time, _)| *time >= begun + warm_up.as_secs_f64())
        .collect()
}

/// Seconds since the first record, and the rate from one moment at which the total was seen to grow to the next.
pub(super) fn over_time(values: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut grown: Vec<_> = values
        .iter()
        .copied()
        .skip_while(|(_, total)| *total <= 0.0)
        .collect();
    grown.dedup_by(|later, earlier| later.1 <= earlier.1);
    let begun = grown.first().map_or(0.0, |(time, _)| *time);
    grown
        .windows(2)
        .map(|pair| {
            let seconds = pair[1].0 - pair[0].0;
            (pair[1].0 - begun, (pair[1].1 - pair[0].1) / seconds)
        })
        .collect()
}

impl Slope {
    /// From samples of (seconds, total). `None` when there are fewer than [`STEPS`].
    ///
    /// `ran_dry`: the source had no more; the last step, whose batch was not a full one, is then left out.
    pub(super) fn of(values: &[(f64, f64)], warm_up: Duration, ran_dry: bool) -> Option<Self> {
        let mut steps = steps(values, warm_up);
        if ran_dry {
            steps.pop();
        }
        if steps.len() < STEPS {
            return None;
        }
        let (first, last) = (steps.first()?, steps.last()?);
        let seconds = last.0 - first.0;
        Some(Self {
            rate: (last.1 - first.1) / seconds,
            seconds,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn warm_up_and_the_time_after_the_end_do_not_count() {
        let mut values = vec![(0.0, 0.0), (1.0, 10.0), (2.0, 20.0)];
        values.extend((3..=10).map(|second| (f64::from(second), 100.0 * f64::from(second))));
        values.extend((11..15).map(|second| (f64::from(second), 1050.0)));
        let slope = Slope::of(&values, Duration::from_secs(2), true).unwrap();
        assert_eq!(
            slope,
            Slope {
                rate: 100.0,
                seconds: 7.0
            }
        );
    }

    #[test]
    fn a_total_that_grows_in_steps_is_measured_from_step_to_step() {
        // A batch of 2000 every two seconds, looked at twice a second.
        let values: Vec<_> = (0..40)
            .map(|sample| (f64::from(sample) / 2.0, f64::from(sample / 4) * 2000.0))
            .collect();
        let slope = Slope::of(&values, Duration::from_secs(3), false).unwrap();
        assert_eq!(slope.rate, 1000.0);
    }

    #[test]
    fn the_rate_over_time_is_that_since_the_last_growth() {
        let values = [
            (10.0, 0.0),
            (11.0, 50.0),
            (12.0, 50.0),
            (13.0, 250.0),
            (14.0, 350.0),
        ];
        assert_eq!(over_time(&values), [(2.0, 100.0), (3.0, 100.0)]);
        assert_eq!(over_time(&values[..3]), []);
    }

    #[test]
    fn too_little_is_no_rate() {
        let values = [(0.0, 1.0), (1.0, 50.0), (2.0, 60.0), (3.0, 60.0)];
        assert_eq!(Slope::of(&values, Duration::ZERO, false), None);
        assert_eq!(Slope::of(&[], Duration::ZERO, true), None);
    }
}
