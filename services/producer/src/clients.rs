//! The way to the broker: one client, or several side by side.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::MutexGuard;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::error::{KafkaResult, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, Producer as _, PurgeConfig};

use crate::burst::Burst;
use crate::deliveries::Deliveries;
use crate::summary::Tally;
use crate::{Outgoing, Target};

/// How long to wait before the next look at something for which there is no signal.
pub(crate) const LOOK: Duration = Duration::from_millis(1);
/// A broker that takes longer to answer is waited for with messages at hand.
const MEETING: Duration = Duration::from_millis(250);

/// A connection that is possible is made within this time.
const TRIED: Duration = Duration::from_secs(5);
/// How long a stop waits for a broker that was never there.
const LAST_LOOK: Duration = Duration::from_secs(1);

/// An idempotent client of librdkafka has one request on its way for each partition, whatever `max.in.flight` says (its
/// `rktp_msgs_inflight` counts messages; https://github.com/confluentinc/librdkafka/pull/4989), and a broker reads none of a
/// connection while it answers the one before. Kafka's own client has five on its way. With more of small batches the broker's
/// threads find work when they look; with many more, messages wait longer than `linger.ms`, and librdkafka spins
/// (see [`crate::window::Window`]).
const REQUESTS: usize = 8;

/// Clients that share the sources: all messages of a key go through one of them, and so stay in order.
pub(crate) struct Clients<'a> {
    clients: Vec<Client>,
    topic: &'a str,
    partitions: usize,
    /// A broker answered at the start.
    met: bool,
    deliveries: Deliveries,
    stop: &'a AtomicBool,
    sent: u64,
    /// When reports were taken last.
    looked: Instant,
}

struct Client {
    /// What it will be given next. Its field stands first, since it has to go before the client.
    burst: Burst,
    producer: BaseProducer<Deliveries>,
}

impl Client {
    /// Whether it waits for a broker in vain.
    fn look(&self) {
        let is_waiting = self.producer.in_flight_count() > 0;
        let bootstrap = &self.producer.context().bootstrap;
        bootstrap.look(self.producer.client(), is_waiting);
    }
}

impl<'a> Clients<'a> {
    /// Makes one, or as many as it takes to have [`REQUESTS`] on their way, and gets them ready to send.
    pub(crate) fn new(
        side_by_side: bool,
        target: &Target<'a>,
        deliveries: Deliveries,
        stop: &'a AtomicBool,
    ) -> KafkaResult<Clients<'a>> {
        let client = || -> KafkaResult<Client> {
            let producer = target.config.create_with_context(deliveries.clone())?;
            let burst = Burst::new(&producer, target.topic)?;
            Ok(Client { burst, producer })
        };
        let first = client()?;
        let partitions = meet(&first.producer, target.topic);
        let mut clients = vec![first];
        if side_by_side && let Some(partitions) = partitions {
            for _ in 1..REQUESTS.div_ceil(partitions.max(1)) {
                clients.push(client()?);
            }
            thread::scope(|scope| {
                for client in clients.iter().skip(1) {
                    let producer = &client.producer;
                    scope.spawn(|| meet(producer, target.topic));
                }
            });
        }
        Ok(Clients {
            clients,
            topic: target.topic,
            met: partitions.is_some(),
            partitions: partitions.unwrap_or(1).max(1),
            deliveries,
            stop,
            sent: 0,
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

    /// Logs how far it is.
    pub(crate) fn tell(&self) {
        let tally = self.tally();
        tracing::info!(
            sent = self.sent,
            delivered = tally.delivered_so_far(),
            failed = tally.failed_so_far(),
            "producing"
        );
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

    /// Hands over what there is, and takes the reports that come meanwhile, each at once if there is one client.
    pub(crate) fn wait(&mut self, time: Duration) -> Instant {
        self.hand_over();
        match &*self.clients {
            // Within its last millisecond `poll` looks without a pause.
            [client] if time > LOOK => {
                client.producer.poll(time);
                client.look();
            }
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
            // One look takes the reports of one batch, and small batches are many.
            let mut waiting = i32::MAX;
            while client.producer.in_flight_count() < waiting {
                waiting = client.producer.in_flight_count();
                self.deliveries
                    .at_once(|| client.producer.poll(Duration::ZERO));
            }
            client.look();
        }
    }

    /// Takes a message and gives memory for another. It is handed over with those that follow, or before the next wait.
    pub(crate) fn send(&mut self, outgoing: &mut Outgoing) {
        let place = self.place(&outgoing.key);
        let Some(client) = self.clients.get_mut(place) else {
            return;
        };
        client.burst.push(outgoing);
        if client.burst.is_full() {
            self.hand_over_to(place);
        }
    }

    /// Hands over all that was not yet. Gives how many messages were handed over in all:
    /// only those that never got in because of a stop do not count.
    pub(crate) fn hand_over(&mut self) -> u64 {
        for place in 0..self.clients.len() {
            self.hand_over_to(place);
        }
        self.sent
    }

    /// Hands over what one client is to be given, waiting while its queue is full.
    fn hand_over_to(&mut self, place: usize) {
        let handed_over = self.deliveries.nanoseconds(Instant::now());
        while let Some(client) = self.clients.get_mut(place)
            && !client.burst.is_empty()
        {
            let taken = client.burst.produce(handed_over, |bytes, error| {
                // Nothing is reported of it.
                self.deliveries.tally().reported(bytes);
                self.deliveries.failed(error);
            });
            self.sent += taken as u64;
            if client.burst.is_empty() {
                return;
            }
            if self.stop.load(Ordering::Relaxed) {
                // They never got in.
                return client.burst.clear();
            }
            thread::sleep(LOOK);
            self.poll();
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
        if self.flush(timeout, Self::is_without_broker) {
            return;
        }
        if self.never_met_one() && self.deliveries.brokers_failed() {
            self.deliveries.give_up_brokers();
        }
        // Purged messages come back as failed deliveries, and so are counted.
        for client in &self.clients {
            client
                .producer
                .purge(PurgeConfig::default().queue().inflight());
        }
        if !self.flush(Duration::from_secs(5), |_| false) {
            tracing::error!("some messages were never reported on");
        }
    }

    /// Takes reports until there are none to come. Says whether that was in time. `in_vain` is asked once, when a stop is wanted.
    fn flush(&mut self, timeout: Duration, in_vain: impl FnOnce(&Self) -> bool) -> bool {
        let begin = Instant::now();
        let mut in_vain = Some(in_vain);
        while self.waiting() > 0 {
            if begin.elapsed() >= timeout {
                tracing::error!(
                    waiting = self.unreported(),
                    "gave up waiting for acknowledgements"
                );
                return false;
            }
            if self.stopped()
                && let Some(in_vain) = in_vain.take()
                && in_vain(self)
            {
                self.deliveries.give_up_brokers();
                tracing::error!(
                    "{} messages are not delivered: no broker could be reached",
                    self.unreported()
                );
                return false;
            }
            for client in &self.clients {
                // Makes the client send without lingering. Its own wait would go on for 100 ms after the last report.
                let _ = client.producer.flush(Duration::ZERO);
            }
            thread::sleep(LOOK);
            self.poll();
        }
        true
    }

    /// Whether waiting is in vain: no broker has ever answered, and there is no connection to one, which takes a moment to see. One
    /// that is there and slow to answer is waited for, and so is one that may not have been tried yet.
    fn is_without_broker(&self) -> bool {
        let had_time = self.deliveries.brokers_failed() || self.deliveries.elapsed() >= TRIED;
        if !had_time || !self.never_met_one() {
            return false;
        }
        let Some(first) = self.clients.first() else {
            return true;
        };
        // librdkafka has this for want of a connection, and another error for an answer that does not come.
        let asked = first
            .producer
            .client()
            .fetch_metadata(Some(self.topic), LAST_LOOK);
        asked.is_err_and(|error| {
            error.rdkafka_error_code() == Some(RDKafkaErrorCode::BrokerTransportFailure)
        })
    }

    fn never_met_one(&self) -> bool {
        !self.met && self.tally().delivered_so_far() == 0
    }

    /// Messages of which nothing is known yet.
    fn unreported(&self) -> u64 {
        let tally = self.tally();
        self.sent
            .saturating_sub(tally.delivered_so_far() + tally.failed_so_far())
    }

    /// These, and whatever else librdkafka wants to report.
    fn waiting(&self) -> i32 {
        self.clients
            .iter()
            .map(|client| client.producer.in_flight_count())
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
