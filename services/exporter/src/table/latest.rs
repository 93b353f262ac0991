//! What the latest message said of a series, apart from its value.

use std::time::{Duration, Instant};

#[derive(Clone, Copy, Default)]
pub(super) struct Latest {
    pub(super) timestamp_ms: i64,
    /// When the TTL began to count.
    pub(super) heard: Moment,
    /// Differs from that of every other series; 0 where there is none.
    pub(super) version: u64,
    pub(super) partition: i32,
}

impl Latest {
    pub(super) fn is_held(&self) -> bool {
        self.version > 0
    }
}

/// Microseconds on a table's clock: half of what an [`Instant`] takes. A negative one is of before the table was made.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment(i64);

#[derive(Clone, Copy)]
pub(super) struct Clock(Instant);

impl Default for Clock {
    fn default() -> Self {
        Clock(Instant::now())
    }
}

impl Clock {
    pub(super) fn moment(self, instant: Instant) -> Moment {
        let micros = |span: Duration| i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
        Moment(match instant.checked_duration_since(self.0) {
            Some(later) => micros(later),
            None => -micros(self.0.saturating_duration_since(instant)),
        })
    }

    /// How long ago a moment was; no time if it is yet to come.
    pub(super) fn since(self, moment: Moment, now: Instant) -> Duration {
        let micros = self.moment(now).0.saturating_sub(moment.0);
        Duration::from_micros(u64::try_from(micros).unwrap_or(0))
    }
}
