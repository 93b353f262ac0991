//! Log lines about what was refused: an example of each reason, at a limited rate.

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// At most one example of a reason in this time.
const EVERY: Duration = Duration::from_secs(10);
/// Bytes of a hostile text that a log line quotes at most.
const QUOTED: usize = 200;

/// Where an example came from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    pub(crate) topic: &'a str,
    pub(crate) partition: i32,
    pub(crate) offset: i64,
}

/// Limits examples by reason.
#[derive(Default)]
pub(crate) struct Refusals {
    last: HashMap<&'static str, (Instant, u64)>,
}

impl Refusals {
    /// Tells of a refusal, unless the same reason was told of a moment ago. `what` is the metric's name,
    /// or the beginning of the message.
    pub(crate) fn tell(
        &mut self,
        reason: &'static str,
        place: Place<'_>,
        what: &str,
        why: &dyn std::fmt::Display,
    ) {
        let Some(untold) = self.due(reason, Instant::now()) else {
            return;
        };
        let what = shortened(what);
        let Place {
            topic,
            partition,
            offset,
        } = place;
        tracing::warn!(reason, topic, partition, offset, what, %why, untold, "refused");
    }

    /// How many were not told of since the last time, if it is time again.
    pub(crate) fn due(&mut self, reason: &'static str, now: Instant) -> Option<u64> {
        match self.last.get_mut(reason) {
            Some((told, untold)) if now.saturating_duration_since(*told) < EVERY => {
                *untold += 1;
                None
            }
            Some((told, untold)) => {
                *told = now;
                Some(std::mem::take(untold))
            }
            None => {
                self.last.insert(reason, (now, 0));
                Some(0)
            }
        }
    }
}

fn shortened(text: &str) -> &str {
    if text.len() <= QUOTED {
        return text;
    }
    let end = (0..=QUOTED)
        .rev()
        .find(|end| text.is_char_boundary(*end))
        .unwrap_or(0);
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_example_in_ten_seconds_and_the_rest_are_counted() {
        let mut refusals = Refusals::default();
        let start = Instant::now();
        assert_eq!(refusals.due("a", start), Some(0));
        assert_eq!(refusals.due("b", start), Some(0));
        assert_eq!(refusals.due("a", start + EVERY / 2), None);
        assert_eq!(refusals.due("a", start + EVERY), Some(1));
    }

    #[test]
    fn a_quote_ends_between_characters() {
        let text = "é".repeat(QUOTED);
        assert_eq!(shortened(&text).len(), QUOTED);
        assert_eq!(shortened(&format!("a{text}")).len(), QUOTED - 1);
    }
}
