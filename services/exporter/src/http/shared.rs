//! One compressed answer for scrapes that come at nearly the same time: several Prometheus servers, or many clients at once, cost little
//! more than one of them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::body::Bytes;
use super::encoding::Coding;
use crate::exposition::Format;

/// An answer may be this much older than the scrape that gets it.
const AGE: Duration = Duration::from_millis(100);

/// What an answer looks like.
pub(super) type Form = (Format, Coding);

/// An answer's bytes, and what they show.
#[derive(Clone)]
pub(super) struct Answer {
    /// Just before the values were copied.
    pub(super) taken: Instant,
    /// Which series there were to see: [`crate::state::State::epoch`].
    pub(super) epoch: u64,
    pub(super) body: Bytes,
}

type Slot = Arc<tokio::sync::Mutex<Option<Answer>>>;

/// The last answer of each form, for as long as it is of use.
#[derive(Clone, Default)]
pub(super) struct Shared(Arc<Mutex<HashMap<Form, Slot>>>);

impl Shared {
    /// An answer that is fresh enough, or that of `make`, which is not begun otherwise. Of one form, only one is made at a time: who comes meanwhile waits for it, or for
    /// the one after it. `epoch` is asked when the waiting is over: a series that left with its partition must not come back.
    pub(super) async fn get<E>(
        &self,
        form: Form,
        epoch: impl Fn() -> u64,
        make: impl Future<Output = Result<Answer, E>>,
    ) -> Result<Bytes, E> {
        let came = Instant::now();
        let slot = Arc::clone(self.0.lock().entry(form).or_default());
        let mut last = slot.lock().await;
        if let Some(answer) = last
            .as_ref()
            .filter(|answer| answer.epoch == epoch() && came <= answer.taken + AGE)
        {
            return Ok(answer.body.clone());
        }
        let answer = make.await?;
        let (body, taken) = (answer.body.clone(), answer.taken);
        *last = Some(answer);
        drop(last);
        // Nothing is held for a scrape that does not come.
        tokio::spawn(async move {
            tokio::time::sleep(AGE).await;
            let mut last = slot.lock().await;
            if last.as_ref().is_some_and(|answer| answer.taken == taken) {
                *last = None;
            }
        });
        Ok(body)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    /// Asks for an answer; what it holds is how many were made before it.
    async fn ask(shared: &Shared, made: &AtomicU64, epoch: u64) -> u8 {
        let form = (Format::default(), Coding::Gzip);
        let make = async {
            let taken = Instant::now();
            // Others come while this one is made.
            tokio::time::sleep(Duration::from_millis(20)).await;
            let number = made.fetch_add(1, Ordering::Relaxed);
            Ok::<_, ()>(Answer {
                taken,
                epoch,
                body: Bytes::from(vec![u8::try_from(number).unwrap()]),
            })
        };
        shared.get(form, || epoch, make).await.unwrap()[0]
    }

    #[tokio::test]
    async fn who_comes_at_the_same_time_gets_the_same_and_who_comes_later_a_new_one() {
        let (shared, made) = (Shared::default(), AtomicU64::new(0));
        let together = futures::future::join_all((0..8).map(|_| ask(&shared, &made, 0))).await;
        assert_eq!(together, [0; 8]);
        std::thread::sleep(AGE * 2);
        assert_eq!(ask(&shared, &made, 0).await, 1);
    }

    #[tokio::test]
    async fn after_a_rebalance_nobody_gets_what_was_made_before_it() {
        let (shared, made) = (Shared::default(), AtomicU64::new(0));
        assert_eq!(ask(&shared, &made, 0).await, 0);
        assert_eq!(ask(&shared, &made, 1).await, 1);
    }

    #[tokio::test]
    async fn nothing_is_held_for_long() {
        let (shared, made) = (Shared::default(), AtomicU64::new(0));
        ask(&shared, &made, 0).await;
        tokio::time::sleep(AGE * 2).await;
        let slots: Vec<Slot> = shared.0.lock().values().cloned().collect();
        for slot in slots {
            assert!(slot.lock().await.is_none());
        }
    }
}
