//! When the warm-up of a measurement is over.
//!
//! A JVM that has just started compiles what is hot, on the processors that the pipeline wants: its rate rises for half a minute.
//! So a warm-up lasts until its compilers are quiet, as far as the experiment lets it (steady state, not a fixed number of
//! seconds: Kalibera and Jones, *Rigorous Benchmarking in Reasonable Time*, ISMM 2013, section 3).

use std::collections::VecDeque;
use std::time::Duration;

use super::arguments::Form;

/// Processors that the compilers of a JVM use once what is hot has been compiled.
pub(super) const QUIET: f64 = 0.1;
/// For how long they have to be quiet.
const QUIET_FOR: Duration = Duration::from_secs(5);
/// What has to be left to read when the window begins, as a multiple of what the window takes at the present rate.
const LEFT: f64 = 1.5;

/// What a measurement has seen of its warm-up.
pub(super) struct WarmUp {
    form: Form,
    /// Moments since the first record, processor time of the compilers, and records written so far.
    seen: VecDeque<(Duration, f64, f64)>,
}

impl WarmUp {
    pub(super) fn new(form: &Form) -> Self {
        Self {
            form: *form,
            seen: VecDeque::new(),
        }
    }

    /// Whether it is over at a moment, given the seconds that compilers have computed (`None` where they are not seen), and the
    /// records written.
    pub(super) fn is_over(&mut self, at: Duration, compiled: Option<f64>, written: f64) -> bool {
        let Some(compiled) = compiled else {
            // Nothing says that waiting would help.
            return at >= self.form.warm_up.get();
        };
        self.seen.push_back((at, compiled, written));
        // The oldest that is still as long ago as the compilers have to be quiet for.
        while self
            .seen
            .get(1)
            .is_some_and(|(then, ..)| at.saturating_sub(*then) >= QUIET_FOR)
        {
            self.seen.pop_front();
        }
        if at < self.form.warm_up.get() {
            return false;
        }
        at >= self.form.longest_warm_up.get() || self.is_quiet() || self.runs_dry()
    }

    /// The first and the last moment, when they are far enough apart.
    fn ends(&self) -> Option<[&(Duration, f64, f64); 2]> {
        let ends = [self.seen.front()?, self.seen.back()?];
        (ends[1].0.saturating_sub(ends[0].0) >= QUIET_FOR).then_some(ends)
    }

    fn is_quiet(&self) -> bool {
        self.ends().is_some_and(|[first, last]| {
            // Compilers that end take their time with them.
            let allowed = 0.0..QUIET * (last.0 - first.0).as_secs_f64();
            allowed.contains(&(last.1 - first.1))
        })
    }

    fn runs_dry(&self) -> bool {
        let Some(([first, last], records)) = self.ends().zip(self.form.records) else {
            return false;
        };
        let rate = (last.2 - first.2) / (last.0 - first.0).as_secs_f64();
        records as f64 - last.2 < LEFT * rate * self.form.window.get().as_secs_f64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn form(records: Option<u64>) -> Form {
        Form {
            repeats: 1,
            warm_up: scenario::Duration::from_secs(2),
            longest_warm_up: scenario::Duration::from_secs(20),
            window: scenario::Duration::from_secs(8),
            records,
            drain: scenario::Duration::from_secs(60),
        }
    }

    /// Looks twice a second, at 1000 records a second; gives the second at which the warm-up is over.
    fn over_after(records: Option<u64>, compiled: impl Fn(f64) -> Option<f64>) -> f64 {
        let mut warm_up = WarmUp::new(&form(records));
        (0..)
            .map(|look| f64::from(look) / 2.0)
            .find(|at| warm_up.is_over(Duration::from_secs_f64(*at), compiled(*at), 1000.0 * at))
            .unwrap_or_default()
    }

    #[rstest]
    #[case::nothing_to_compile(None, 0.0, 5.0)] // They have to be seen for so long.
    #[case::until_they_are_quiet(None, 9.0, 13.5)]
    #[case::no_longer_than_it_may_be(None, 60.0, 20.0)]
    #[case::a_source_that_would_run_dry(Some(22_000), 60.0, 10.5)]
    #[case::a_source_that_lasts(Some(100_000), 9.0, 13.5)]
    fn a_warm_up_lasts_until_compilers_are_quiet(
        #[case] records: Option<u64>,
        #[case] busy_for: f64,
        #[case] expected: f64,
    ) {
        let over = over_after(records, |at| Some(at.min(busy_for)));
        assert!((over - expected).abs() < 0.6, "{over} s");
    }

    #[test]
    fn where_compilers_are_not_seen_it_is_not_prolonged() {
        let over = over_after(None, |_| None);
        assert!((over - 2.0).abs() < 0.1, "{over} s");
    }
}
