//! The way to the broker: one client, or several side by side.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::MutexGuard;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _, PurgeConfig};

use crate::deliveries::Deliveries;
use crate::summary::Tally;
use crate::{Outgoing, Target};

/// How long to wait before the next look at something for which there is no signal.
pub(crate) const LOOK: Duration = Duration::from_millis(1);
/// A broker that takes longer to answer is waited for with messages at hand.
const MEETING: Duration = Duration::from_millis(250);

/// An idempotent client of librdkafka has one request on its way for each partition, whatever `max.in.flight` says (its
/// `rktp_msgs_inflight` counts messages; https://github.com/confluentinc/librdkafka/pull/4989). Kafka's own has five for a broker.
const REQUESTS: usize = 5;

/// Clients that share the sources: all messages of a key go through one of them, and so stay in order.
pub(crate) struct Clients<'a> {
    clients: Vec<BaseProducer<Deliveries>>,
    partitions: usize,
    deliveries: Deliveries,
    topic: &'a str,
    stop: &'a AtomicBool,
    /// When reports were taken last.
    looked: Instant,
}

impl<'a> Clients<'a> {
    /// Makes one, or as many as it takes to have [`REQUESTS`] on their way, and gets them ready to send.
    pub(crate) fn new(
        side_by_side: bool,
        target: &Target<'a>,
        deliveries: Deliveries,
        stop: &'a AtomicBool,
    ) -> KafkaResult<Clients<'a>> {
        let client = || target.config.create_with_context(deliveries.clone());
        let first: BaseProducer<Deliveries> = client()?;
        let partitions = meet(&first, target.topic);
        let mut clients = vec![first];
        if side_by_side && let Some(partitions) = partitions {
            for _ in 1..REQUESTS.div_ceil(partitions.max(1)) {
                clients.push(client()?);
            }
            thread::scope(|scope| {
                for client in clients.iter().skip(1) {
                    scope.spawn(|| meet(client, target.topic));
                }
            });
        }
        Ok(Clients {
            clients,
            partitions: partitions.unwrap_or(1).max(1),
            deliveries,
            topic: target.topic,
            stop,
            looked: Instant::now(),
        })
    }

    /// Requests that can be on their way at once.
    pub(crate) fn requests(&self) -> usize {
        self.clients.len() * self.partitions
    }

    pub(crate) fn tally(&self) -> MutexGuard<'_, Tally> {
        self.deliveries.tally()
    }

    pub(crate) fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Takes the reports that are there, if the last look was a while ago: one for each message would cost as much as sending it.
    pub(crate) fn look(&mut self, now: Instant) {
        if now.duration_since(self.looked) >= LOOK {
            self.looked = now;
            self.poll();
        }
    }

    /// Takes the reports that come meanwhile, each at once if there is one client.
    pub(crate) fn wait(&mut self, time: Duration) -> Instant {
        match &*self.clients {
            // Within its last millisecond `poll` looks without a pause.
            [client] if time > LOOK => client.poll(time),
            _ => {
                thread::sleep(time);
                self.poll();
            }
        }
        self.looked = Instant::now();
        self.looked
    }

    fn poll(&self) {
        for client in &self.clients {
            client.poll(Duration::ZERO);
        }
    }

    /// Hands one message to a client at `now`, waiting while its queue is full. Says whether it counts as sent:
    /// only one that never got in because of a stop does not.
    pub(crate) fn send(&mut self, outgoing: &Outgoing, now: Instant) -> bool {
        let Some(client) = self.clients.get(self.place(&outgoing.key)) else {
            return false;
        };
        let handed_over = self.deliveries.nanoseconds(now);
        let mut record = BaseRecord::with_opaque_to(self.topic, handed_over)
            .key(&outgoing.key)
            .payload(&outgoing.payload);
        loop {
            match client.send(record) {
                Ok(()) => return true,
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                    if self.stopped() {
                        return false;
                    }
                    record = back;
                    thread::sleep(LOOK);
                    self.poll();
                }
                Err((error, _)) => {
                    // Nothing is reported of it.
                    self.tally().reported(outgoing.payload.len());
                    self.deliveries.failed(&error);
                    return true;
                }
            }
        }
    }

    /// Which client has the messages of this key.
    fn place(&self, key: &str) -> usize {
        if self.clients.len() == 1 {
            return 0;
        }
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        // Below the length, which is a usize.
        (hasher.finish() % self.clients.len().max(1) as u64) as usize
    }

    /// Waits for the last acknowledgements, and gives up those that do not come in time.
    pub(crate) fn finish(&mut self, timeout: Duration) {
        if self.flush(timeout) {
            return;
        }
        tracing::error!(
            waiting = self.waiting(),
            "gave up waiting for acknowledgements"
        );
        // Purged messages come back as failed deliveries, and so are counted.
        for client in &self.clients {
            client.purge(PurgeConfig::default().queue().inflight());
        }
        if !self.flush(Duration::from_secs(5)) {
            tracing::error!("some messages were never reported on");
        }
    }

    /// Takes reports until there are none to come. Says whether that was in time.
    fn flush(&mut self, timeout: Duration) -> bool {
        let begin = Instant::now();
        while self.waiting() > 0 {
            if begin.elapsed() >= timeout {
                return false;
            }
            for client in &self.clients {
                // Makes the client send without lingering. Its own wait would go on for 100 ms after the last report.
                let _ = client.flush(Duration::ZERO);
            }
            thread::sleep(LOOK);
            self.poll();
        }
        true
    }

    fn waiting(&self) -> i32 {
        self.clients
            .iter()
            .map(|client| client.in_flight_count())
            .sum()
    }
}

/// Asks about the topic until the broker that has it answers, for a moment at most. Gives how many partitions it has, if it is there.
///
/// librdkafka asks for the producer id of idempotence when it hears of the cluster. What it hears first comes from a connection that
/// it closes then; without a second answer it asks half a second later, and nothing is sent until then.
fn meet(client: &BaseProducer<Deliveries>, topic: &str) -> Option<usize> {
    let ask = || client.client().fetch_metadata(Some(topic), MEETING).ok();
    ask()?;
    let answer = ask()?;
    answer
        .topics()
        .first()
        .map(|topic| topic.partitions().len())
}
