//! The rate of a counter from its samples.

use std::time::Duration;

/// A rate, and over how long it was taken.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Slope {
    /// Per second.
    pub rate: f64,
    /// When the first sample that counts was taken.
    pub from: f64,
    /// When the last one was.
    pub to: f64,
    /// The share of the whole growth that came in the largest step.
    pub largest_step: f64,
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

/// The sum of several counters, of one series each, at the moments of the first of them.
pub(super) fn sum(series: impl IntoIterator<Item = Vec<(f64, f64)>>) -> Vec<(f64, f64)> {
    let mut series = series.into_iter();
    let first = series.next().unwrap_or_default();
    let others: Vec<_> = series.collect();
    first
        .into_iter()
        .map(|(time, value)| {
            let at = |one: &Vec<(f64, f64)>| {
                // Of one worker they are scraped together; of two, as the later was last seen.
                let last = one
                    .iter()
                    .take_while(|(other, _)| *other <= time + 0.001)
                    .last();
                last.map_or(0.0, |(_, value)| *value)
            };
            (time, value + others.iter().map(at).sum::<f64>())
        })
        .collect()
}

/// The rate of what was sampled at moments of its own, between two others. `None` where it was not sampled around them.
pub(super) fn between(values: &[(f64, f64)], from: f64, to: f64) -> Option<f64> {
    let at = |time: f64| {
        let after = values.iter().position(|(other, _)| *other >= time)?;
        let (before, after) = (values.get(after.checked_sub(1)?)?, values.get(after)?);
        let share = (time - before.0) / (after.0 - before.0).max(f64::EPSILON);
        Some(before.1 + share * (after.1 - before.1))
    };
    Some((at(to)? - at(from)?) / (to - from))
}

impl Slope {
    /// Seconds between the first and last sample that count.
    pub(super) fn seconds(&self) -> f64 {
        self.to - self.from
    }

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
        let growth = last.1 - first.1;
        let largest = steps
            .windows(2)
            .map(|pair| pair[1].1 - pair[0].1)
            .fold(0.0, f64::max);
        Some(Self {
            rate: growth / (last.0 - first.0),
            from: first.0,
            to: last.0,
            largest_step: largest / growth,
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
                from: 3.0,
                to: 10.0,
                largest_step: 1.0 / 7.0,
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
    fn what_was_sampled_at_other_moments_is_read_between_them() {
        let offsets = [(0.0, 0.0), (2.0, 200.0), (4.0, 600.0)];
        assert_eq!(between(&offsets, 1.0, 3.0), Some(150.0));
        assert_eq!(between(&offsets, 1.0, 5.0), None);
        assert_eq!(between(&[], 1.0, 3.0), None);
    }

    #[test]
    fn several_tasks_are_added() {
        let one = vec![(1.0, 10.0), (2.0, 20.0)];
        let other = vec![(1.0, 1.0), (1.5, 2.0)];
        assert_eq!(sum([one, other]), [(1.0, 11.0), (2.0, 22.0)]);
        assert_eq!(sum([]), []);
    }

    #[test]
    fn too_little_is_no_rate() {
        let values = [(0.0, 1.0), (1.0, 50.0), (2.0, 60.0), (3.0, 60.0)];
        assert_eq!(Slope::of(&values, Duration::ZERO, false), None);
        assert_eq!(Slope::of(&[], Duration::ZERO, true), None);
    }
}
