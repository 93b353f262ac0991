//! Reads the topic and hands its records to the state, on a thread of its own.

mod context;
mod dead_letters;
mod inbox;
mod journal;
mod owner;
mod position;
mod transactions;
mod trouble;
mod waiting;
mod watermarks;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::client::ClientContext as _;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use settings::Bootstrap;

use crate::Start;
use crate::memory::Trim;
use crate::reading::{Predictor, Reading};
use crate::refusals::{Place, Refusals};
use crate::state::State;
use crate::table::{Handle, Outcome, Record};
use crate::telemetry::Telemetry;
use context::Context;
use dead_letters::DeadLetters;
use inbox::{Inbox, Incoming};
use journal::Journal;
pub use journal::JournalOptions;
pub use owner::{NotOurs, Owner};
use trouble::Trouble;
use watermarks::{Group, Watermarks};

/// How long a wait for records lasts at most: the time in which a stop or a deadline is noticed.
const WAIT: Duration = Duration::from_millis(100);
/// Between two looks at deadlines and the TTL while records come without a pause.
const TICK: Duration = Duration::from_millis(250);

const TOO_LONG: &str = "message_too_long";
const NO_PAYLOAD: &str = "no_payload";
/// Reasons for which a message is refused before it is looked into.
pub const UNREAD: &[&str] = &[TOO_LONG, NO_PAYLOAD];

/// Why consuming ended, other than by being told to.
#[derive(Debug, thiserror::Error)]
pub enum ConsumerError {
    /// The client cannot be made.
    #[error("cannot start the Kafka client with these settings (KAFKA_CONFIG_…, --kafka-config)")]
    Client(#[source] KafkaError),
    /// librdkafka gives no queue.
    #[error("cannot make a queue for records")]
    Queue,
    /// The system gives no thread.
    #[error("cannot start the consumer's thread")]
    Thread(#[source] std::io::Error),
    /// Kafka will not have this instance back, as when another one took its group.instance.id.
    #[error("Kafka refuses this instance for good")]
    Fatal(#[source] KafkaError),
    /// The state topic is not to be used.
    #[error(transparent)]
    State(#[from] NotOurs),
}

/// What the consumer needs to know beside librdkafka's settings.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where an assigned partition starts.
    pub start: Start,
    /// Longer messages are refused, in bytes.
    pub max_message_bytes: usize,
    /// The topic for what was refused, if it is wanted.
    pub dead_letter_topic: Option<String>,
    /// The state topic, if it is wanted.
    pub journal: Option<JournalOptions>,
}

/// librdkafka's settings that the exporter needs as they are, with the reason.
pub const RESERVED: &[(&str, &str)] = &[
    ("group.id", "use KAFKA_GROUP_ID"),
    ("auto.offset.reset", "use KAFKA_AUTO_OFFSET_RESET"),
    ("metadata.broker.list", "use KAFKA_BOOTSTRAP_SERVERS"),
    (
        "transactional.id",
        "it is made of the group's and the instance's",
    ),
    (
        "group.protocol",
        "the exporter takes part in the classic protocol",
    ),
    (
        "enable.auto.commit",
        "with a state topic offsets are written with the state, without one every now and then",
    ),
    ("group.instance.id", "use KAFKA_GROUP_INSTANCE_ID"),
    ("partition.assignment.strategy", "use ASSIGNMENT_STRATEGY"),
    (
        "enable.auto.offset.store",
        "offsets are stored once their records are applied",
    ),
    (
        "enable.partition.eof",
        "the end of a partition tells that it has caught up",
    ),
];

/// librdkafka's settings that a user may change.
pub const DEFAULTS: &[(&str, &str)] = &[
    ("client.id", "exporter"),
    ("enable.auto.offset.store", "false"),
    ("enable.partition.eof", "true"),
    // A topic that appears later is found within this time, not within five minutes; and so are the partitions of one whose
    // first request went to a bootstrap address that turned into a broker meanwhile, with which librdkafka loses it.
    ("topic.metadata.refresh.interval.ms", "1000"),
    // A full queue would pause fetching for a second (librdkafka issue 3662).
    ("fetch.queue.backoff.ms", "10"),
    ("queued.min.messages", "100000"),
    ("fetch.wait.max.ms", "100"),
];

/// Leaves the settings of brokers and security, and takes away those of the group, of which other clients
/// would warn.
fn without_group(config: &mut ClientConfig) {
    let ours = DEFAULTS.iter().chain(RESERVED).map(|(name, _)| *name);
    for name in ours.chain([
        "session.timeout.ms",
        "heartbeat.interval.ms",
        "max.poll.interval.ms",
        "group.protocol",
    ]) {
        config.remove(name);
    }
}

/// Starts consuming. The thread ends when `stop` is set, having committed and left the group, or with an
/// error that trying again does not mend.
///
/// # Errors
/// The client or its thread cannot be made.
pub fn start(
    config: &ClientConfig,
    options: Options,
    state: Arc<State>,
    stop: Arc<AtomicBool>,
) -> Result<JoinHandle<Result<(), ConsumerError>>, ConsumerError> {
    let (assigned, woken) = std::sync::mpsc::channel();
    let dead_letters = options
        .dead_letter_topic
        .as_deref()
        .map(|topic| DeadLetters::new(config, topic, Arc::clone(&state)).map(Arc::new))
        .transpose()
        .map_err(ConsumerError::Client)?;
    let journal = options
        .journal
        .clone()
        .map(|journal| Journal::new(journal, config, Arc::clone(&state), Arc::clone(&stop)))
        .transpose()
        .map_err(ConsumerError::Client)?
        .map(Arc::new);
    let mut config = config.clone();
    if journal.is_some() {
        // Offsets go with the state, in one transaction.
        config.set("enable.auto.commit", "false");
    }
    let context = Context::new(
        Arc::clone(&state),
        options.start,
        assigned.clone(),
        dead_letters.clone(),
        journal.clone(),
    );
    let consumer: Arc<BaseConsumer<Context>> = Arc::new(
        config
            .create_with_context(context)
            .map_err(ConsumerError::Client)?,
    );
    let inbox = Inbox::new(&consumer)
        .map(Arc::new)
        .ok_or(ConsumerError::Queue)?;
    consumer.context().set_inbox(&inbox);
    consumer
        .subscribe(&[state.topic()])
        .map_err(ConsumerError::Client)?;
    let group = Group::of(&config);
    let bootstrap = Bootstrap::of(&config);
    let watermarks = Watermarks::start(
        Arc::clone(&consumer),
        Arc::clone(&state),
        group,
        bootstrap,
        (assigned, woken),
    )
    .map_err(ConsumerError::Thread)?;
    let run = move || {
        let mut reader = Reader {
            inbox,
            consumer,
            state,
            options,
            refusals: Refusals::default(),
            told: None,
            suspected: None,
            dead_letters,
            journal,
            predictor: Predictor::default(),
            found: Vec::new(),
            trim: Trim::new(Instant::now()),
        };
        let ended = reader.run(&stop);
        watermarks.end();
        // Dropping the last handle commits what was stored, and leaves the group.
        drop(reader);
        ended
    };
    std::thread::Builder::new()
        .name("consumer".to_owned())
        .spawn(run)
        .map_err(ConsumerError::Thread)
}

struct Reader {
    /// Goes before the consumer does.
    inbox: Arc<Inbox>,
    consumer: Arc<BaseConsumer<Context>>,
    state: Arc<State>,
    options: Options,
    refusals: Refusals,
    /// The trouble that was told of last, and its kind.
    told: Option<(String, &'static str)>,
    /// When a log was last suspected of having begun again.
    suspected: Option<Instant>,
    dead_letters: Option<Arc<DeadLetters>>,
    journal: Option<Arc<Journal>>,
    predictor: Predictor,
    /// What a record taught, while it is taken in.
    found: Vec<(usize, Handle)>,
    trim: Trim,
}

impl Reader {
    fn run(&mut self, stop: &AtomicBool) -> Result<(), ConsumerError> {
        let mut ticked = Instant::now();
        let mut batch = Vec::new();
        let consumer = Arc::clone(&self.consumer);
        while !stop.load(Ordering::Relaxed) {
            // Rebalances among others. Without partitions nothing else can come.
            let is_member = self.state.is_assigned();
            let event = consumer.poll(if is_member { Duration::ZERO } else { WAIT });
            // Before a record of the assignment that could not be restored is applied.
            if let Some(refusal) = self.journal.as_ref().and_then(|journal| journal.refusal()) {
                return Err(refusal.into());
            }
            match event {
                // Of a partition for which librdkafka has no queue.
                Some(Ok(record)) => self.take(Incoming::from(&record), Instant::now()),
                Some(Err(error)) => self.event(error, Instant::now())?,
                None => {}
            }
            if is_member {
                self.inbox.take(WAIT, &mut batch);
            }
            let now = Instant::now();
            for message in batch.drain(..) {
                match message.record() {
                    Ok(record) => self.take(record, now),
                    Err((error, words)) => {
                        consumer.context().error(error.clone(), &words);
                        self.event(error, now)?;
                    }
                }
            }
            if let Some(journal) = &self.journal {
                journal.tick(&consumer, now);
            }
            if now.saturating_duration_since(ticked) >= TICK {
                ticked = now;
                self.state.tick(now);
                self.trim.tick(now);
                if self.journal.is_none() {
                    position::store(&consumer, &self.state);
                }
                if let Some(letters) = &self.dead_letters {
                    letters.poll();
                }
            }
        }
        match &self.journal {
            Some(journal) => journal.commit(&consumer),
            None => position::store(&consumer, &self.state),
        }
        if let Some(letters) = &self.dead_letters {
            letters.flush();
        }
        Ok(())
    }

    fn take(&mut self, message: Incoming<'_>, now: Instant) {
        let mut record = Record {
            partition: message.partition(),
            offset: message.offset(),
            timestamp_ms: message.timestamp_ms().unwrap_or(0),
        };
        let payload = message.payload();
        let bytes = payload.unwrap_or_default();
        self.trim.read(bytes.len());
        let parsed = if bytes.len() > self.options.max_message_bytes {
            Err((
                TOO_LONG,
                format!("{} bytes are more than are allowed", bytes.len()),
            ))
        } else if payload.is_none() {
            Err((NO_PAYLOAD, "the record has no value".to_owned()))
        } else {
            self.predictor
                .read(record.partition, bytes)
                .map_err(|error| (error.reason(), error.to_string()))
        };
        let reading = parsed.as_ref().ok();
        if let Some(timestamp_ms) = reading.and_then(|reading| reading.timestamp_ms) {
            record.timestamp_ms = timestamp_ms;
        }
        let mut outcome = self.apply(record, reading, now);
        if outcome == Outcome::Duplicate {
            if self.begins_again(record.partition, now) {
                outcome = self.apply(record, reading, now);
            } else {
                self.state.telemetry().duplicates.inc();
            }
        }
        let Outcome::Applied(applied) = outcome else {
            return;
        };
        let mut refused = Refused {
            telemetry: self.state.telemetry(),
            refusals: &mut self.refusals,
            place: Place {
                topic: self.state.topic(),
                partition: record.partition,
                offset: record.offset,
            },
            letter: None,
        };
        match parsed {
            Err((reason, why)) => refused.message(reason, bytes, why),
            Ok(reading) => {
                for refusal in &reading.refused {
                    let reason = refusal.error.reason();
                    refused.metric(reason, &refusal.key, &refusal.error, true);
                }
                for (at, error) in &applied.refused {
                    let name = reading.name(*at);
                    refused.metric(error.reason(), &name, error, error.is_of_the_sender());
                }
                self.predictor.learn(record.partition, reading, &self.found);
            }
        }
        if let (Some((reason, why)), Some(letters)) = (refused.letter, &self.dead_letters) {
            letters.write(self.state.topic(), message, reason, &why);
        }
    }

    fn apply(&mut self, record: Record, reading: Option<&Reading<'_>>, now: Instant) -> Outcome {
        self.found.clear();
        self.state.apply(record, reading, &mut self.found, now)
    }

    /// A record at or below the last applied offset is a redelivery, or the first of a new log: a topic
    /// that was deleted and made again counts from 0. Whether it is the latter; then its offsets count anew.
    fn begins_again(&mut self, partition: i32, now: Instant) -> bool {
        const PAUSE: Duration = Duration::from_secs(5);
        if self
            .suspected
            .is_some_and(|last| now.saturating_duration_since(last) < PAUSE)
        {
            return false;
        }
        self.suspected = Some(now);
        let watermarks =
            self.consumer
                .fetch_watermarks(self.state.topic(), partition, Duration::from_secs(1));
        let Ok((_, high)) = watermarks else {
            return false;
        };
        let begins_again = self
            .state
            .applied(partition)
            .is_some_and(|applied| applied >= high);
        if begins_again {
            tracing::warn!(partition, high, "the partition's log begins again");
            self.state.restart_log(partition);
        }
        begins_again
    }

    /// What librdkafka calls an error.
    fn event(&mut self, error: KafkaError, now: Instant) -> Result<(), ConsumerError> {
        match error {
            KafkaError::PartitionEOF(partition) => self.state.reached_end(partition, now),
            KafkaError::MessageConsumptionFatal(_) => return Err(ConsumerError::Fatal(error)),
            // Told of for as long as it lasts by who looks for the topic.
            _ if error.rdkafka_error_code() == Some(RDKafkaErrorCode::UnknownTopicOrPartition) => {
                tracing::debug!(%error, "no topic");
            }
            _ => self.trouble(&error),
        }
        Ok(())
    }

    fn trouble(&mut self, error: &KafkaError) {
        let words = self.state.in_trouble().unwrap_or_else(|| error.to_string());
        // An event that all brokers are down comes after those that say why.
        let kind = match &self.told {
            Some((told, kind)) if *told == words => kind,
            _ => Trouble::of(error).kind(),
        };
        if let Some(untold) = self.refusals.due(kind, Instant::now()) {
            tracing::warn!(
                topic = self.state.topic(),
                untold,
                "trouble with Kafka: {words}"
            );
            self.told = Some((words, kind));
        }
    }
}

/// Counts and tells of what was refused of one record.
struct Refused<'a> {
    telemetry: &'a Telemetry,
    refusals: &'a mut Refusals,
    place: Place<'a>,
    /// The first reason that makes the record a dead letter, and its words.
    letter: Option<(&'static str, String)>,
}

impl Refused<'_> {
    fn message(&mut self, reason: &'static str, bytes: &[u8], why: String) {
        self.telemetry.message_refused(reason);
        let beginning = String::from_utf8_lossy(bytes.get(..200).unwrap_or(bytes));
        self.refusals.tell(reason, self.place, &beginning, &why);
        self.letter = Some((reason, why));
    }

    fn metric(
        &mut self,
        reason: &'static str,
        name: &str,
        why: &dyn std::fmt::Display,
        of_the_sender: bool,
    ) {
        self.telemetry.metric_refused(reason);
        self.refusals.tell(reason, self.place, name, why);
        if of_the_sender && self.letter.is_none() {
            self.letter = Some((reason, format!("{name:?}: {why}")));
        }
    }
}
