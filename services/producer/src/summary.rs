//! What a run came to.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::Faults;

/// The figures of a run.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// Messages handed to the client.
    pub sent: u64,
    /// Messages that the broker acknowledged.
    pub delivered: u64,
    /// Messages that were not acknowledged.
    pub failed: u64,
    /// What the failures were, with how often.
    pub errors: BTreeMap<String, u64>,
    /// Payload bytes of the delivered messages, keys not counted.
    pub delivered_bytes: u64,
    /// From the first message to the last acknowledgement.
    pub seconds: f64,
    /// Delivered messages a second.
    pub messages_per_second: f64,
    /// Delivered payload bytes a second.
    pub bytes_per_second: f64,
    /// From handing a message to the client to its acknowledgement; nothing if none was delivered.
    pub latency: Option<Latency>,
    /// What the random numbers started from; nothing for a replay.
    pub seed: Option<u64>,
    /// Deliberate faults among the messages that were made.
    pub faults: Faults,
}

/// Percentiles of the delivery latency, in milliseconds.
#[derive(Clone, Copy, Debug, Serialize)]
#[allow(missing_docs)]
pub struct Latency {
    pub p50_ms: f64,
    pub p90_ms: f64,
    pub p99_ms: f64,
    pub p999_ms: f64,
    pub max_ms: f64,
}

impl Summary {
    /// Whether every message was acknowledged.
    pub fn complete(&self) -> bool {
        self.failed == 0 && self.delivered == self.sent
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "sent {}, delivered {}, failed {}",
            self.sent, self.delivered, self.failed
        )?;
        for (error, times) in &self.errors {
            writeln!(f, "  {times} x {error}")?;
        }
        writeln!(
            f,
            "{:.1} s, {:.0} messages/s, {:.2} MB/s",
            self.seconds,
            self.messages_per_second,
            self.bytes_per_second / 1e6
        )?;
        if let Some(Latency {
            p50_ms,
            p90_ms,
            p99_ms,
            p999_ms,
            max_ms,
        }) = self.latency
        {
            writeln!(
                f,
                "latency ms: p50 {p50_ms:.1}, p90 {p90_ms:.1}, p99 {p99_ms:.1}, p99.9 {p999_ms:.1}, max {max_ms:.1}"
            )?;
        }
        if self.faults != Faults::default() {
            let Faults {
                malformed,
                type_conflicts,
                duplicates,
            } = self.faults;
            writeln!(
                f,
                "faults: {malformed} malformed, {type_conflicts} type conflicts, {duplicates} duplicates"
            )?;
        }
        if let Some(seed) = self.seed {
            writeln!(f, "seed {seed}")?;
        }
        Ok(())
    }
}

/// Counts deliveries while they come in.
#[derive(Debug)]
pub(crate) struct Tally {
    delivered: u64,
    delivered_bytes: u64,
    errors: BTreeMap<String, u64>,
    latency: Histogram<u64>,
    /// Payload bytes of the messages whose fate is known.
    reported_bytes: u64,
    /// When the reports that come now were taken, in nanoseconds since the start, if they are taken at once.
    pub(crate) taken: Option<usize>,
}

impl Tally {
    pub(crate) fn new() -> Tally {
        // An auto-resizing histogram of two digits cannot be refused: the digits are within 0..=5.
        #[allow(clippy::expect_used)]
        let mut latency = Histogram::new(2).expect("two significant digits are allowed");
        latency.auto(true);
        Tally {
            delivered: 0,
            delivered_bytes: 0,
            errors: BTreeMap::new(),
            latency,
            reported_bytes: 0,
            taken: None,
        }
    }

    /// A message was delivered or failed.
    pub(crate) fn reported(&mut self, bytes: usize) {
        self.reported_bytes += bytes as u64;
    }

    pub(crate) fn reported_bytes(&self) -> u64 {
        self.reported_bytes
    }

    pub(crate) fn delivered(&mut self, bytes: usize, latency: Duration) {
        self.delivered += 1;
        self.delivered_bytes += bytes as u64;
        // Only `record` makes the histogram grow; `saturating_record` clips at its first size.
        let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        if self.latency.record(micros).is_err() {
            self.latency.saturating_record(micros);
        }
    }

    /// Counts a failure; says whether it is the first of its kind.
    pub(crate) fn failed(&mut self, error: String) -> bool {
        let times = self.errors.entry(error).or_default();
        *times += 1;
        *times == 1
    }

    pub(crate) fn delivered_so_far(&self) -> u64 {
        self.delivered
    }

    pub(crate) fn failed_so_far(&self) -> u64 {
        self.errors.values().sum()
    }

    pub(crate) fn summary(&self, sent: u64, elapsed: Duration, seed: Option<u64>) -> Summary {
        let seconds = elapsed.as_secs_f64();
        let per_second = |amount: u64| {
            if seconds > 0.0 {
                amount as f64 / seconds
            } else {
                0.0
            }
        };
        let at = |quantile| self.latency.value_at_quantile(quantile) as f64 / 1000.0;
        Summary {
            sent,
            delivered: self.delivered,
            failed: self.failed_so_far(),
            errors: self.errors.clone(),
            delivered_bytes: self.delivered_bytes,
            seconds,
            messages_per_second: per_second(self.delivered),
            bytes_per_second: per_second(self.delivered_bytes),
            latency: (!self.latency.is_empty()).then(|| Latency {
                p50_ms: at(0.5),
                p90_ms: at(0.9),
                p99_ms: at(0.99),
                p999_ms: at(0.999),
                max_ms: self.latency.max() as f64 / 1000.0,
            }),
            seed,
            faults: Faults::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All percentiles were 0.0 once, because the histogram did not grow.
    #[test]
    fn percentiles_are_those_of_the_latencies() {
        let mut tally = Tally::new();
        for ms in 1..=100 {
            tally.delivered(10, Duration::from_millis(ms));
        }
        let summary = tally.summary(100, Duration::from_secs(1), None);
        let latency = summary.latency.map(|l| (l.p50_ms, l.max_ms));
        assert!(
            matches!(latency, Some((p50, max)) if (45.0..55.0).contains(&p50) && max >= 100.0),
            "{latency:?}"
        );
    }
}
