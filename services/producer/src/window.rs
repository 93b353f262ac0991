//! How much may wait for acknowledgement when messages are made as fast as they leave.

use std::sync::MutexGuard;

use rdkafka::ClientConfig;

use crate::summary::Tally;

/// For each request that can be on its way: this one, the next, and one that fills meanwhile.
const BATCHES: u64 = 3;
/// librdkafka's own default of `batch.size`.
const BATCH_SIZE: u64 = 1_000_000;

/// Keeps the clients' queues short. Messages at the end of a long one leave no earlier, and it costs: they fall out of the
/// processor's caches, and librdkafka's thread looks for the next acknowledgement without a pause while a partition has messages
/// older than `linger.ms` that may not leave yet (`rd_kafka_msgq_allow_wakeup_at`): a whole core, which the broker may want.
#[derive(Debug)]
pub(crate) struct Window {
    bytes: u64,
    handed_over: u64,
    /// Up to here there is room, whatever was reported meanwhile.
    room_until: u64,
}

impl Window {
    /// As wide as so many requests need with these settings.
    pub(crate) fn new(config: &ClientConfig, requests: usize) -> Window {
        let given = config.get("batch.size").and_then(|size| size.parse().ok());
        let batches = BATCHES.saturating_mul(requests as u64);
        Window {
            bytes: batches.saturating_mul(given.unwrap_or(BATCH_SIZE)),
            handed_over: 0,
            room_until: 0,
        }
    }

    /// So many bytes are on their way to a client.
    pub(crate) fn handed_over(&mut self, bytes: usize) {
        self.handed_over += bytes as u64;
    }

    /// Whether the next message had better wait.
    pub(crate) fn is_full<'a>(&mut self, tally: impl FnOnce() -> MutexGuard<'a, Tally>) -> bool {
        if self.handed_over >= self.room_until {
            self.room_until = tally().reported_bytes().saturating_add(self.bytes);
        }
        self.handed_over >= self.room_until
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Mutex, PoisonError};

    use super::*;

    #[test]
    fn it_closes_after_its_batches_and_opens_with_reports() {
        let mut config = ClientConfig::new();
        config.set("batch.size", "10");
        let tally = Mutex::new(Tally::new());
        let lock = || tally.lock().unwrap_or_else(PoisonError::into_inner);
        let mut window = Window::new(&config, 2);
        assert!(!window.is_full(lock));
        window.handed_over(59);
        assert!(!window.is_full(lock));
        window.handed_over(1);
        assert!(window.is_full(lock));
        lock().reported(1);
        assert!(!window.is_full(lock));
        window.handed_over(1);
        assert!(window.is_full(lock));
    }
}
