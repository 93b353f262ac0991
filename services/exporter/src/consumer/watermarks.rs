//! Asks for the high watermarks of owned partitions: at once after an assignment, where they are the mark
//! to catch up with, and every second for the lag. Where there are none, whether the topic is still there. On a thread of its own,
//! because the questions block.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::types::RDKafkaRespErr;
use settings::Bootstrap;

use super::context::Context;
use super::waiting::{News, Waiting};
use crate::state::State;

const EVERY: Duration = Duration::from_secs(1);
/// How long an answer is waited for. A broker that does not answer holds up the end for as long, so it is short at first. An answer
/// stands in line behind that of a fetch, though, on the same connection: over a slow one it takes seconds.
const SHORTEST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(8);

/// What a user wants to know of the group while it is waited for.
pub(super) struct Group {
    id: String,
    session_timeout: Duration,
}

impl Group {
    /// As librdkafka has it.
    pub(super) fn of(config: &ClientConfig) -> Group {
        let value = |name| match config.get(name) {
            Some(value) => value.to_owned(),
            None => config
                .create_native_config()
                .and_then(|native| native.get(name))
                .unwrap_or_default(),
        };
        Group {
            id: value("group.id"),
            session_timeout: Duration::from_millis(
                value("session.timeout.ms").parse().unwrap_or_default(),
            ),
        }
    }
}

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
        group: Group,
        bootstrap: Bootstrap,
        (wake, woken): (Sender<()>, Receiver<()>),
    ) -> std::io::Result<Watermarks> {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let watch = move || {
            let mut timeout = SHORTEST;
            let mut waiting = Waiting::default();
            while matches!(
                woken.recv_timeout(EVERY),
                Ok(()) | Err(RecvTimeoutError::Timeout)
            ) {
                let owned = state.at_end();
                let is_there = match owned.is_empty() {
                    true => look_for_topic(&consumer, &state, &bootstrap, timeout),
                    false => Some(true),
                };
                for news in look(&mut waiting, &state, is_there, Instant::now()) {
                    tell(news, &state, &group);
                }
                for (partition, at_end) in owned {
                    if stopped.load(Ordering::Relaxed) {
                        return;
                    }
                    match consumer.fetch_watermarks(state.topic(), partition, timeout) {
                        Ok((_, high)) => {
                            bootstrap.answered();
                            state.watermark(partition, high, at_end, Instant::now());
                        }
                        Err(error) => {
                            tracing::debug!(partition, %error, ?timeout, "no watermark");
                            timeout = (timeout * 2).min(LONGEST);
                        }
                    }
                }
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
                // Here and not where records are read: that may wait for a state, within a rebalance.
                bootstrap.look(consumer.client(), true);
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

/// A deleted topic leaves the members of the group without partitions and without an error. Whether the topic is there, if a broker
/// says so.
fn look_for_topic(
    consumer: &BaseConsumer<Context>,
    state: &State,
    bootstrap: &Bootstrap,
    timeout: Duration,
) -> Option<bool> {
    let metadata = match consumer.fetch_metadata(Some(state.topic()), timeout) {
        Ok(metadata) => {
            bootstrap.answered();
            metadata
        }
        Err(error) => {
            tracing::debug!(%error, "no metadata of the topic");
            return None;
        }
    };
    let is_there = match metadata.topics().first() {
        Some(topic) if !topic.partitions().is_empty() => true,
        Some(topic) => match topic.error() {
            None | Some(RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) => false,
            // Such as one that this instance may not see.
            Some(error) => {
                tracing::debug!(?error, "no metadata of the topic");
                return None;
            }
        },
        None => false,
    };
    state.topic_is_gone(!is_there);
    Some(is_there)
}

fn look(
    waiting: &mut Waiting,
    state: &State,
    topic_is_there: Option<bool>,
    now: Instant,
) -> Vec<News> {
    let topic = match topic_is_there {
        Some(true) => waiting.topic_is_there(now),
        Some(false) => waiting.topic_is_missing(now),
        None => None,
    };
    let group = if state.has_joined() {
        waiting.assigned(now)
    } else if topic_is_there == Some(true) && state.in_trouble().is_none() {
        waiting.for_group(now)
    } else {
        None
    };
    topic.into_iter().chain(group).collect()
}

fn tell(news: News, state: &State, group: &Group) {
    let topic = state.topic();
    let Group {
        id,
        session_timeout,
    } = group;
    match news {
        News::NoTopic(waited) => tracing::warn!(
            seconds = waited.as_secs(),
            "waiting for the topic {topic:?}, which does not exist yet"
        ),
        News::Topic(waited) => {
            tracing::info!(seconds = waited.as_secs(), "the topic {topic:?} is there")
        }
        News::NoAssignment => tracing::warn!(
            "waiting for the group coordinator to assign partitions: a former member of the group {id:?} that was killed keeps them \
             until its session.timeout.ms ({} s here) has passed",
            session_timeout.as_secs_f64()
        ),
        News::Assigned(waited) => tracing::info!(
            seconds = waited.as_secs_f64(),
            "the group coordinator has assigned partitions"
        ),
    }
}
