//! When the next message is due.

use std::time::{Duration, Instant};

/// Spreads messages over time: at most `rate` a second, and rounds `interval` apart. Times are planned
/// from the start, not from the message before, so that a slow moment does not lower the average.
#[derive(Debug)]
pub struct Pace {
    gap: Duration,
    interval: Duration,
    due: Instant,
    round_started: Instant,
}

impl Pace {
    /// `rate` in messages a second; 0 is no limit.
    pub fn new(rate: f64, interval: Duration, now: Instant) -> Pace {
        let gap = if rate > 0.0 {
            Duration::try_from_secs_f64(1.0 / rate).unwrap_or(Duration::MAX)
        } else {
            Duration::ZERO
        };
        Pace {
            gap,
            interval,
            due: now,
            round_started: now,
        }
    }

    /// Whether no message ever has to wait.
    pub fn is_unlimited(&self) -> bool {
        self.gap.is_zero() && self.interval.is_zero()
    }

    /// How long to wait before the next message.
    pub fn wait(&self, now: Instant) -> Duration {
        self.due.saturating_duration_since(now)
    }

    /// A message was sent at `now`.
    pub fn sent(&mut self, ends_round: bool, now: Instant) {
        self.due = later(self.due, self.gap);
        if ends_round && !self.interval.is_zero() {
            // Rounds that were missed are not made up for: a source that was held up does not send twice.
            let next = later(self.round_started, self.interval);
            self.round_started = if next < now { now } else { next };
            self.due = self.due.max(self.round_started);
        }
        // Nor does a stall turn into a burst of more than a second's worth.
        if let Some(earliest) = now.checked_sub(Duration::from_secs(1)) {
            self.due = self.due.max(earliest);
        }
    }
}

fn later(instant: Instant, by: Duration) -> Instant {
    // A gap that no clock can hold is as good as a year.
    instant
        .checked_add(by)
        .unwrap_or(instant + Duration::from_secs(365 * 24 * 3600))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_holds_on_average() {
        let start = Instant::now();
        let mut pace = Pace::new(100.0, Duration::ZERO, start);
        for _ in 0..100 {
            pace.sent(true, start);
        }
        assert_eq!(pace.wait(start), Duration::from_secs(1));
    }

    #[test]
    fn rounds_start_an_interval_apart() {
        let start = Instant::now();
        let mut pace = Pace::new(0.0, Duration::from_secs(5), start);
        pace.sent(false, start);
        assert_eq!(pace.wait(start), Duration::ZERO);
        pace.sent(true, start);
        assert_eq!(pace.wait(start), Duration::from_secs(5));
    }

    #[test]
    fn a_stall_is_not_made_up_for_by_a_long_burst() {
        let start = Instant::now();
        let mut pace = Pace::new(10.0, Duration::ZERO, start);
        let late = start + Duration::from_secs(60);
        let mut burst = 0;
        while pace.wait(late).is_zero() {
            pace.sent(true, late);
            burst += 1;
        }
        // A second's worth, the one that was due, and the one that is due now.
        assert!(burst <= 12, "{burst}");
    }
}
