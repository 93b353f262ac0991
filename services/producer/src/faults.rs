//! Deliberate faults: messages that a consumer has to survive, mixed into good ones by the same seed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde::Serialize;
use serde_json::Value;

use crate::{Messages, Outgoing};

/// How often each fault comes, as shares of the messages between 0 and 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Shares {
    /// Cut short in the middle, which is never JSON.
    pub malformed: f64,
    /// With the type of the first metric changed from gauge to counter or back.
    pub type_conflicts: f64,
    /// Sent a second time, byte for byte.
    pub duplicates: f64,
}

/// How many of each there were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[allow(missing_docs)]
pub struct Faults {
    pub malformed: u64,
    pub type_conflicts: u64,
    pub duplicates: u64,
}

/// Counts faults while another thread of control holds the messages.
#[derive(Clone, Debug, Default)]
pub struct FaultCounter(Arc<[AtomicU64; 3]>);

impl FaultCounter {
    /// The counts so far.
    pub fn faults(&self) -> Faults {
        let [malformed, type_conflicts, duplicates] = &*self.0;
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Faults {
            malformed: count(malformed),
            type_conflicts: count(type_conflicts),
            duplicates: count(duplicates),
        }
    }

    fn count(&self, fault: usize) {
        if let Some(counter) = self.0.get(fault) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Messages with faults among them.
pub struct Faulty<M> {
    messages: M,
    shares: Shares,
    random: StdRng,
    again: Option<Outgoing>,
    counter: FaultCounter,
}

impl<M: Messages> Faulty<M> {
    /// Mixes faults into `messages`; the same seed hits the same ones.
    pub fn new(messages: M, shares: Shares, seed: u64, counter: FaultCounter) -> Faulty<M> {
        // Apart from the stream of numbers that makes the messages themselves.
        let random = StdRng::seed_from_u64(seed ^ 0xfa17);
        Faulty {
            messages,
            shares,
            random,
            again: None,
            counter,
        }
    }

    fn hits(&mut self, share: f64) -> bool {
        share > 0.0 && self.random.random_bool(share)
    }
}

impl<M: Messages> Messages for Faulty<M> {
    fn next_into(&mut self, outgoing: &mut Outgoing) -> bool {
        if let Some(again) = self.again.take() {
            self.counter.count(2);
            *outgoing = again;
            return true;
        }
        if !self.messages.next_into(outgoing) {
            return false;
        }
        if self.hits(self.shares.malformed) && outgoing.payload.len() > 1 {
            let length = self.random.random_range(1..outgoing.payload.len());
            outgoing.payload.truncate(length);
            self.counter.count(0);
        } else if self.hits(self.shares.type_conflicts)
            && let Some(payload) = with_another_type(&outgoing.payload)
        {
            outgoing.payload = payload;
            self.counter.count(1);
        }
        if self.hits(self.shares.duplicates) {
            self.again = Some(outgoing.clone());
            outgoing.ends_round = false;
        }
        true
    }
}

fn with_another_type(payload: &[u8]) -> Option<Vec<u8>> {
    let mut message: Value = serde_json::from_slice(payload).ok()?;
    let (_, first) = message.as_object_mut()?.iter_mut().next()?;
    let kind = first.get_mut("Type")?;
    *kind = if kind == "gauge" { "counter" } else { "gauge" }.into();
    serde_json::to_vec(&message).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::{Generator, Shape};

    fn messages(shares: Shares) -> (Vec<Outgoing>, Faults) {
        let shape = Shape::default();
        let counter = FaultCounter::default();
        let mut faulty = Faulty::new(Generator::new(shape, 1), shares, 1, counter.clone());
        let messages = std::iter::from_fn(|| faulty.next_owned());
        let messages = messages.take(1000).collect();
        (messages, counter.faults())
    }

    fn close_to(count: u64, expected: u64) -> bool {
        count.abs_diff(expected) <= expected / 2
    }

    #[test]
    fn malformed_messages_are_no_json_and_as_many_as_asked_for() {
        let (messages, faults) = messages(Shares {
            malformed: 0.1,
            ..Shares::default()
        });
        let unreadable = messages
            .iter()
            .filter(|m| message::parse(&m.payload).is_err())
            .count();
        assert_eq!(unreadable as u64, faults.malformed);
        assert!(close_to(faults.malformed, 100), "{faults:?}");
    }

    #[test]
    fn a_type_conflict_is_a_readable_message_with_another_type() {
        let (messages, faults) = messages(Shares {
            type_conflicts: 0.1,
            ..Shares::default()
        });
        let conflicts = messages.iter().filter(|outgoing| {
            let message = message::parse(&outgoing.payload).unwrap();
            message.metrics[0].kind != message::Kind::Gauge
        });
        assert_eq!(conflicts.count() as u64, faults.type_conflicts);
        assert!(close_to(faults.type_conflicts, 100), "{faults:?}");
    }

    #[test]
    fn a_duplicate_follows_its_original_byte_for_byte() {
        let (messages, faults) = messages(Shares {
            duplicates: 0.1,
            ..Shares::default()
        });
        let again = messages
            .windows(2)
            .filter(|pair| pair[0].payload == pair[1].payload)
            .count();
        assert_eq!(again as u64, faults.duplicates);
        assert!(close_to(faults.duplicates, 90), "{faults:?}");
    }

    #[test]
    fn without_shares_nothing_changes() {
        let (messages, faults) = messages(Shares::default());
        assert_eq!(faults, Faults::default());
        assert!(messages.iter().all(|m| message::parse(&m.payload).is_ok()));
    }
}
