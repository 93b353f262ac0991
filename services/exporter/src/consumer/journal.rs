//! The state topic: what every series was, so that a restart or another owner goes on where this one stopped.
//!
//! The topic is compacted and has a partition for each partition of the metrics. A transaction carries the
//! changed series and the consumed offsets together: whoever restores sees both or neither. A member that
//! was fenced cannot commit, because the offsets carry the group's generation (KIP-447).

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures::executor::block_on;
use parking_lot::Mutex;
use rdkafka::ClientConfig;
use rdkafka::admin::{
    AdminClient, AdminOptions, NewPartitions, NewTopic, ResourceSpecifier, TopicReplication,
};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::Message;
use rdkafka::producer::BaseRecord;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use settings::Bootstrap;

use super::context::Logged;
use super::owner::{self, NotOurs, Owner};
use super::transactions::Transactions;
use crate::state::State;

/// One request to Kafka may take this long.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Series that are written down at a time: scrapes wait for no more than that.
const BATCH: usize = 1000;

/// Settings of the state topic.
#[derive(Clone, Debug)]
pub struct JournalOptions {
    /// Its name.
    pub topic: String,
    /// Time between two transactions.
    pub interval: Duration,
    /// Whether counters are sums of deltas.
    pub delta: bool,
}

/// Why the state cannot be read.
#[derive(Debug, thiserror::Error)]
enum RestoreError {
    /// Not now.
    #[error(transparent)]
    Kafka(#[from] KafkaError),
    /// Never.
    #[error(transparent)]
    NotOurs(#[from] NotOurs),
}

/// Reads and writes the state topic.
pub(super) struct Journal {
    options: JournalOptions,
    state: Arc<State>,
    config: ClientConfig,
    owner: Owner,
    /// Why this instance has to end.
    refusal: Mutex<Option<NotOurs>>,
    /// Assigned partitions of the state topic that do not say yet whose they are.
    unmarked: Mutex<BTreeSet<i32>>,
    transactions: Mutex<Transactions>,
    /// The topic's settings are as they have to be; asking needs a client of its own.
    is_checked: AtomicBool,
    stop: Arc<AtomicBool>,
    /// Offsets of the last transaction, by partition.
    committed: Mutex<BTreeMap<i32, i64>>,
    last: Mutex<Instant>,
}

impl Journal {
    /// `config` is the consumer's: brokers and security are the same.
    pub(super) fn new(
        options: JournalOptions,
        config: &ClientConfig,
        state: Arc<State>,
        stop: Arc<AtomicBool>,
    ) -> KafkaResult<Journal> {
        let group = config.get("group.id").unwrap_or_default().to_owned();
        // With a name of its own, an instance that comes back ends the transaction that it left open.
        let instance = config
            .get("group.instance.id")
            .map_or_else(unique, str::to_owned);
        let mut config = config.clone();
        super::without_group(&mut config);
        let transactions = Mutex::new(Transactions::new(
            config.clone(),
            &format!("{group}-{instance}"),
            Arc::clone(&stop),
        )?);
        let owner = Owner {
            topic: state.topic().to_owned(),
            group,
            delta: options.delta,
        };
        Ok(Journal {
            options,
            state,
            config,
            owner,
            refusal: Mutex::default(),
            unmarked: Mutex::default(),
            transactions,
            is_checked: AtomicBool::new(false),
            stop,
            committed: Mutex::default(),
            last: Mutex::new(Instant::now()),
        })
    }

    /// Brings back the series of newly assigned partitions, and writes the offsets to go on from into
    /// `partitions`. Tries until it works: without the state, counters would begin again.
    pub(super) fn restore<C: ConsumerContext>(
        &self,
        consumer: &BaseConsumer<C>,
        partitions: &mut TopicPartitionList,
    ) {
        while !self.stop.load(Ordering::Relaxed) {
            match self.try_restore(consumer, partitions) {
                Ok(()) => return,
                Err(RestoreError::NotOurs(error)) => {
                    *self.refusal.lock() = Some(error);
                    return;
                }
                Err(RestoreError::Kafka(error)) => {
                    tracing::warn!(%error, topic = self.options.topic, "cannot restore yet");
                    self.state.trouble(format!(
                        "cannot restore from {}: {error}",
                        self.options.topic
                    ));
                    std::thread::sleep(Duration::from_millis(500));
                }
            }
        }
    }

    /// Why this instance has to end, if it has to.
    pub(super) fn refusal(&self) -> Option<NotOurs> {
        self.refusal.lock().take()
    }

    fn try_restore<C: ConsumerContext>(
        &self,
        consumer: &BaseConsumer<C>,
        partitions: &mut TopicPartitionList,
    ) -> Result<(), RestoreError> {
        if partitions.count() == 0 {
            return Ok(());
        }
        self.transactions.lock().prepare()?;
        // Waits for transactions on these offsets to end (KIP-447): what they wrote is below the end of the
        // state topic when they do.
        let committed = consumer.committed_offsets(partitions.clone(), TIMEOUT)?;
        let numbers: BTreeSet<i32> = committed
            .elements()
            .iter()
            .map(|element| element.partition())
            .collect();
        self.ensure_topic(consumer, &numbers)?;
        self.read(&numbers, false)?;
        let mut known = self.committed.lock();
        for element in committed.elements() {
            element.error()?;
            known.remove(&element.partition());
            if let Offset::Offset(offset) = element.offset() {
                partitions.set_partition_offset(
                    element.topic(),
                    element.partition(),
                    element.offset(),
                )?;
                self.state.resume(element.partition(), offset);
                known.insert(element.partition(), offset);
            }
        }
        Ok(())
    }

    /// Makes the topic, or more partitions of it, where they are missing, and waits until they are there.
    ///
    /// The group's consumer asks for the metadata, never the producer: a producer's question makes the broker
    /// create the topic with its defaults, without compaction and with too few partitions.
    fn ensure_topic<C: ConsumerContext>(
        &self,
        consumer: &BaseConsumer<C>,
        wanted: &BTreeSet<i32>,
    ) -> Result<(), RestoreError> {
        let partitions = |topic: &str| -> KafkaResult<usize> {
            let metadata = consumer.fetch_metadata(Some(topic), TIMEOUT)?;
            Ok(metadata
                .topics()
                .first()
                .map_or(0, |topic| topic.partitions().len()))
        };
        let topic = self.options.topic.as_str();
        let highest = wanted
            .last()
            .map_or(0, |last| usize::try_from(*last).unwrap_or(0) + 1);
        let needed = partitions(self.state.topic())?.max(highest);
        let there = partitions(topic)?;
        let is_checked = self.is_checked.load(Ordering::Relaxed);
        if is_checked && there >= needed {
            return Ok(());
        }
        let admin: AdminClient<DefaultClientContext> = self.config.create()?;
        let options = AdminOptions::new().operation_timeout(Some(TIMEOUT));
        if there > 0 && !is_checked {
            self.check_policy(&admin, &options)?;
            self.is_checked.store(true, Ordering::Relaxed);
        }
        if there >= needed {
            return Ok(());
        }
        // Before anything of it is changed.
        self.read(&(0..).take(there).collect(), true)?;
        let results = if there == 0 {
            let count = i32::try_from(needed).unwrap_or(i32::MAX);
            let new = NewTopic::new(topic, count, TopicReplication::Fixed(-1))
                .set("cleanup.policy", "compact");
            block_on(admin.create_topics([&new], &options))?
        } else {
            block_on(admin.create_partitions([&NewPartitions::new(topic, needed)], &options))?
        };
        for result in results {
            match result {
                // Another instance was faster.
                Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
                Err((_, code)) => return Err(KafkaError::AdminOp(code).into()),
            }
        }
        let deadline = Instant::now() + TIMEOUT;
        while partitions(topic)? < needed {
            if Instant::now() > deadline {
                return Err(KafkaError::AdminOp(RDKafkaErrorCode::UnknownPartition).into());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Refuses a topic that is not compacted, if the exporter may ask for that.
    fn check_policy(
        &self,
        admin: &AdminClient<DefaultClientContext>,
        options: &AdminOptions,
    ) -> Result<(), RestoreError> {
        let topic = self.options.topic.as_str();
        let resource = ResourceSpecifier::Topic(topic);
        let described = admin.describe_configs([&resource], options);
        let policy = match block_on(described)?.pop() {
            Some(Ok(resource)) => resource
                .get("cleanup.policy")
                .and_then(|entry| entry.value.clone()),
            Some(Err(error)) => {
                tracing::warn!(%error, topic, "cannot see whether the state topic is compacted");
                None
            }
            None => None,
        };
        match policy {
            Some(policy) if policy != "compact" => Err(NotOurs::Deletes {
                topic: topic.to_owned(),
                policy,
            }
            .into()),
            _ => Ok(()),
        }
    }

    /// Reads the state of these partitions from its first record to its last, or looks whose it is.
    fn read(&self, partitions: &BTreeSet<i32>, only_owner: bool) -> Result<(), RestoreError> {
        let topic = self.options.topic.as_str();
        let reader = |isolation: &str| -> KafkaResult<BaseConsumer<Logged>> {
            // It assigns partitions to itself and never joins the group that it has to name.
            self.config
                .clone()
                .set("group.id", format!("{}-state", self.owner.group))
                .set("client.id", "exporter-restore")
                .set("enable.auto.commit", "false")
                .set("enable.partition.eof", "true")
                .set("auto.offset.reset", "earliest")
                .set("isolation.level", isolation)
                .create_with_context(Logged)
        };
        let everything = reader("read_uncommitted")?;
        let settled = reader("read_committed")?;
        let mut assignment = TopicPartitionList::new();
        let mut left = BTreeSet::new();
        for partition in partitions {
            let (low, high) = everything.fetch_watermarks(topic, *partition, TIMEOUT)?;
            // A killed writer's open transaction hides what others have committed after it.
            while settled.fetch_watermarks(topic, *partition, TIMEOUT)?.1 < high {
                if self.stop.load(Ordering::Relaxed) {
                    return Ok(());
                }
                self.state
                    .trouble(format!("waiting for an unfinished transaction on {topic}"));
                std::thread::sleep(Duration::from_millis(100));
            }
            if low < high {
                assignment.add_partition_offset(topic, *partition, Offset::Beginning)?;
                left.insert(*partition);
            }
        }
        settled.assign(&assignment)?;
        let bootstrap = Bootstrap::of(&self.config);
        let mut unmarked = partitions.clone();
        let (mut records, mut without_room) = (0u64, 0u64);
        while !left.is_empty() && !self.stop.load(Ordering::Relaxed) {
            let event = settled.poll(Duration::from_millis(100));
            if event.is_some() {
                bootstrap.answered();
            }
            bootstrap.look(settled.client(), true);
            match event {
                None => {}
                Some(Ok(record)) if unmarked.remove(&record.partition()) => {
                    self.owner.check(topic, record.key(), record.payload())?;
                    if only_owner {
                        left.remove(&record.partition());
                    }
                }
                Some(Ok(_)) if only_owner => {}
                Some(Ok(record)) => {
                    // Without a value: the series is no more.
                    let Some(Ok(message)) = record.payload().map(message::parse) else {
                        continue;
                    };
                    records += 1;
                    without_room += u64::from(!self.state.restore(record.partition(), &message));
                }
                Some(Err(KafkaError::PartitionEOF(partition))) => {
                    left.remove(&partition);
                }
                Some(Err(error)) => return Err(error.into()),
            }
        }
        if only_owner {
            return Ok(());
        }
        {
            let mut known = self.unmarked.lock();
            known.retain(|partition| !partitions.contains(partition));
            known.extend(unmarked);
        }
        tracing::info!(?partitions, records, "restored");
        if without_room > 0 {
            tracing::error!(
                series = without_room,
                "the limits have no room for all series of the state topic: raise MAX_SERIES or MAX_TEXT_BYTES"
            );
        }
        Ok(())
    }

    /// A transaction, if it is time for one.
    pub(super) fn tick<C: ConsumerContext>(&self, consumer: &BaseConsumer<C>, now: Instant) {
        if now.saturating_duration_since(*self.last.lock()) >= self.options.interval {
            self.commit(consumer);
        }
    }

    /// Writes what changed, and the offsets up to which it is so. If that fails, the changes stay marked, and the next transaction
    /// carries them.
    pub(super) fn commit<C: ConsumerContext>(&self, consumer: &BaseConsumer<C>) {
        *self.last.lock() = Instant::now();
        let positions = self.state.positions();
        let mut changed: Vec<(i32, i64)> = {
            let committed = self.committed.lock();
            positions
                .iter()
                .copied()
                .filter(|(partition, next)| committed.get(partition) != Some(next))
                .collect()
        };
        let unmarked: Vec<i32> = {
            let unmarked = self.unmarked.lock();
            let assigned = positions.iter().map(|(partition, _)| *partition);
            assigned
                .filter(|partition| unmarked.contains(partition))
                .collect()
        };
        if changed.is_empty() {
            if self.state.dirty_count() == 0 || positions.is_empty() {
                return;
            }
            // Series expired without a message. The offsets go along all the same: they are what fences.
            changed = positions;
        }
        let written = self.transact(consumer, &changed, &unmarked);
        self.state.telemetry().state_transaction(written.is_ok());
        match written {
            Ok(()) => {
                self.state.clean();
                self.committed.lock().extend(changed);
                self.unmarked
                    .lock()
                    .retain(|partition| !unmarked.contains(partition));
            }
            Err(error) => {
                tracing::warn!(%error, "a transaction failed; the next one carries its changes");
            }
        }
    }

    fn transact<C: ConsumerContext>(
        &self,
        consumer: &BaseConsumer<C>,
        changed: &[(i32, i64)],
        unmarked: &[i32],
    ) -> KafkaResult<()> {
        let group = consumer.group_metadata().ok_or(KafkaError::Canceled)?;
        let mut offsets = TopicPartitionList::new();
        for (partition, next) in changed {
            offsets.add_partition_offset(self.state.topic(), *partition, Offset::Offset(*next))?;
        }
        let owner = serde_json::to_vec(&self.owner).unwrap_or_default();
        let send = |transactions: &Transactions| {
            for partition in unmarked {
                let record = BaseRecord::to(&self.options.topic)
                    .partition(*partition)
                    .key(owner::KEY)
                    .payload(owner.as_slice());
                transactions.send(record)?;
            }
            let count = self.state.dirty_count();
            for from in (0..count).step_by(BATCH) {
                for dirty in self.state.dirty(from..(from + BATCH).min(count)) {
                    let mut record = BaseRecord::to(&self.options.topic)
                        .partition(dirty.partition)
                        .key(dirty.key.as_slice());
                    // Without a value, compaction forgets the key.
                    record.payload = dirty.value.as_deref();
                    transactions.send(record)?;
                }
            }
            Ok(())
        };
        self.transactions.lock().write(send, &offsets, &group)
    }
}

fn unique() -> String {
    // Keys that the system's randomness made, once per process.
    format!("{:016x}", RandomState::new().hash_one(std::process::id()))
}
