//! Asks for the high watermarks of owned partitions: at once after an assignment, where they are the mark
//! to catch up with, and every second for the lag. Where there are none, whether the topic is still there. On a thread of its own,
//! because the questions block.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};

use super::context::Context;
use crate::state::State;

const EVERY: Duration = Duration::from_secs(1);
/// How long an answer is waited for. A broker that does not answer holds up the end for as long, so it is short at first. An answer
/// stands in line behind that of a fetch, though, on the same connection: over a slow one it takes seconds.
const SHORTEST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(8);

pub(super) struct Watermarks {
    thread: JoinHandle<()>,
    stop: Arc<AtomicBool>,
    wake: Sender<()>,
}

impl Watermarks {
    /// `wake` gets a word with each assignment.
    pub(super) fn start(
        consumer: Arc<BaseConsumer<Context>>,
        state: Arc<State>,
        (wake, woken): (Sender<()>, Receiver<()>),
    ) -> std::io::Result<Watermarks> {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let watch = move || {
            let mut timeout = SHORTEST;
            while matches!(
                woken.recv_timeout(EVERY),
                Ok(()) | Err(RecvTimeoutError::Timeout)
            ) {
                let owned = state.at_end();
                if owned.is_empty() {
                    look_for_topic(&consumer, &state, timeout);
                }
                for (partition, at_end) in owned {
                    if stopped.load(Ordering::Relaxed) {
                        return;
                    }
                    match consumer.fetch_watermarks(state.topic(), partition, timeout) {
                        Ok((_, high)) => state.watermark(partition, high, at_end, Instant::now()),
                        Err(error) => {
                            tracing::debug!(partition, %error, ?timeout, "no watermark");
                            timeout = (timeout * 2).min(LONGEST);
                        }
                    }
                }
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
            }
        };
        let thread = std::thread::Builder::new()
            .name("watermarks".to_owned())
            .spawn(watch)?;
        Ok(Watermarks { thread, stop, wake })
    }

    /// Ends the thread, and with it its handle on the consumer.
    pub(super) fn end(self) {
        self.stop.store(true, Ordering::Relaxed);
        // Neither fails unless the thread has ended already.
        let _ = self.wake.send(());
        let _ = self.thread.join();
    }
}

/// A deleted topic leaves the members of the group without partitions and without an error.
fn look_for_topic(consumer: &BaseConsumer<Context>, state: &State, timeout: Duration) {
    match consumer.fetch_metadata(Some(state.topic()), timeout) {
        Ok(metadata) => {
            let found = metadata.topics().first();
            state.topic_is_gone(found.is_none_or(|topic| topic.partitions().is_empty()));
        }
        Err(error) => tracing::debug!(%error, "no metadata of the topic"),
    }
}
