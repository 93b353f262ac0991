//! Places for connections. When all are taken, the connection that has waited longest for a request gives way to a new one: clients
//! that connect and say nothing do not keep scrapes out, however many they are.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// So many places.
pub(super) struct Places {
    free: Arc<Semaphore>,
    waiting: Arc<Mutex<Waiting>>,
}

/// Connections without a request.
#[derive(Default)]
struct Waiting {
    turn: u64,
    /// Who began to wait first is first.
    by_turn: BTreeMap<u64, Arc<Notify>>,
}

impl Places {
    pub(super) fn new(count: usize) -> Places {
        Places {
            free: Arc::new(Semaphore::new(count)),
            waiting: Arc::default(),
        }
    }

    /// A place for a new connection. Another one gives way, if need be; if all are at work, the first that ends.
    pub(super) async fn take(&self) -> Arc<Place> {
        let free = Arc::clone(&self.free);
        let permit = match Arc::clone(&free).try_acquire_owned() {
            Ok(permit) => Some(permit),
            Err(_) => {
                if let Some((_, longest)) = self.waiting.lock().by_turn.pop_first() {
                    longest.notify_one();
                }
                // The semaphore is never closed.
                free.acquire_owned().await.ok()
            }
        };
        let place = Arc::new(Place {
            _permit: permit,
            waiting: Arc::clone(&self.waiting),
            turn: Mutex::default(),
            gives_way: Arc::default(),
        });
        place.wait();
        place
    }
}

/// The place of a connection, for as long as it lasts.
pub(super) struct Place {
    _permit: Option<OwnedSemaphorePermit>,
    waiting: Arc<Mutex<Waiting>>,
    /// Where it waits, if it does.
    turn: Mutex<Option<u64>>,
    gives_way: Arc<Notify>,
}

impl Place {
    /// Ends when another connection needs the place.
    pub(super) async fn given_way(&self) {
        self.gives_way.notified().await;
    }

    /// There is a request: until its answer is gone, the place is kept.
    pub(super) fn work(self: &Arc<Self>) -> Work {
        self.leave();
        Work(Arc::clone(self))
    }

    fn wait(&self) {
        let mut waiting = self.waiting.lock();
        waiting.turn += 1;
        let turn = waiting.turn;
        waiting.by_turn.insert(turn, Arc::clone(&self.gives_way));
        drop(waiting);
        *self.turn.lock() = Some(turn);
    }

    fn leave(&self) {
        let turn = self.turn.lock().take();
        if let Some(turn) = turn {
            self.waiting.lock().by_turn.remove(&turn);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.leave();
    }
}

/// An answer on its way.
pub(super) struct Work(Arc<Place>);

impl Drop for Work {
    fn drop(&mut self) {
        self.0.wait();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::time::Duration;

    use super::*;

    async fn is_over(place: &Place) -> bool {
        tokio::time::timeout(Duration::from_millis(20), place.given_way())
            .await
            .is_ok()
    }

    #[tokio::test]
    async fn who_waits_longest_gives_way_and_who_works_does_not() {
        let places = Places::new(3);
        let [at_work, longest, other] = [
            places.take().await,
            places.take().await,
            places.take().await,
        ];
        let work = at_work.work();
        let newcomer = tokio::spawn(async move { (places.take().await, places) });
        assert!(is_over(&longest).await);
        assert!(!is_over(&at_work).await && !is_over(&other).await);
        drop(longest);
        let (newcomer, places) = newcomer.await.unwrap();
        // Having answered, it waits anew, behind the others.
        drop(work);
        let next = tokio::spawn(async move { places.take().await });
        assert!(is_over(&other).await);
        assert!(!is_over(&newcomer).await && !is_over(&at_work).await);
        drop(other);
        next.await.unwrap();
    }

    #[tokio::test]
    async fn where_all_are_at_work_a_newcomer_waits_for_one_to_end() {
        let places = Places::new(1);
        let place = places.take().await;
        let work = place.work();
        let newcomer = tokio::spawn(async move { places.take().await });
        assert!(!is_over(&place).await);
        drop((work, place));
        newcomer.await.unwrap();
    }
}
