//! What consumer and scrapes share: the table, and how far each partition has come. One lock, held for
//! one message or for copying the values, never while anything is parsed, rendered or sent.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use message::Message;
use parking_lot::Mutex;
use prometheus::IntCounter;

use crate::exposition::Escaping;
use crate::reading::Reading;
use crate::table::{Dirty, Handle, Outcome, Record, Snapshot, Table};
use crate::telemetry::{Figures, PartitionFigures, Telemetry};

/// A consumer that did not ask for records for this long is stuck.
const STUCK: Duration = Duration::from_secs(30);

/// Shared by all threads.
pub struct State {
    topic: String,
    telemetry: Telemetry,
    catch_up_limit: Duration,
    inner: Mutex<Inner>,
}

struct Inner {
    table: Table,
    partitions: BTreeMap<i32, Progress>,
    /// Whether the group ever assigned anything, be it nothing.
    joined: bool,
    assigned: Option<Instant>,
    polled: Instant,
    wall: WallClock,
    /// Why consuming stands still, in words for people.
    trouble: Option<String>,
    /// It does not outlast an answer of a broker.
    until_an_answer: bool,
    /// The topic was looked for and is not there.
    topic_is_gone: bool,
    /// Counts the moments at which series of whole partitions came or went.
    epoch: u64,
}

struct Progress {
    caught_up: bool,
    /// The high watermark at the assignment, once it is known.
    target: Option<i64>,
    /// When to stop waiting for it.
    deadline: Instant,
    high: Option<i64>,
    /// An offset below which nothing is left, transaction markers included.
    floor: i64,
    /// The end was reached since the last look at the watermark.
    at_end: bool,
    last_timestamp_ms: Option<i64>,
    ok: IntCounter,
    invalid: IntCounter,
}

impl State {
    /// Nothing assigned; `table` is empty.
    pub fn new(topic: &str, telemetry: Telemetry, table: Table, catch_up_limit: Duration) -> State {
        let inner = Inner {
            table,
            partitions: BTreeMap::new(),
            joined: false,
            assigned: None,
            polled: Instant::now(),
            wall: WallClock::now(),
            trouble: None,
            until_an_answer: false,
            topic_is_gone: false,
            epoch: 0,
        };
        State {
            topic: topic.to_owned(),
            telemetry,
            catch_up_limit,
            inner: Mutex::new(inner),
        }
    }

    /// The metrics about the exporter itself.
    pub fn telemetry(&self) -> &Telemetry {
        &self.telemetry
    }

    /// The topic of the metrics.
    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// Partitions are this instance's from now on.
    pub fn assign(&self, partitions: impl IntoIterator<Item = i32>, now: Instant) {
        let mut inner = self.inner.lock();
        inner.joined = true;
        inner.trouble = None;
        inner.until_an_answer = false;
        inner.epoch += 1;
        self.telemetry.rebalances.inc();
        for partition in partitions {
            inner.assigned = Some(now);
            inner.topic_is_gone = false;
            inner.table.assign(partition);
            let (ok, invalid) = self.telemetry.messages(&self.topic, partition);
            inner.partitions.insert(
                partition,
                Progress {
                    caught_up: false,
                    target: None,
                    deadline: now + self.catch_up_limit,
                    high: None,
                    floor: 0,
                    at_end: false,
                    last_timestamp_ms: None,
                    ok,
                    invalid,
                },
            );
        }
    }

    /// Partitions are another instance's from now on.
    pub fn revoke(&self, partitions: impl IntoIterator<Item = i32>) {
        let mut inner = self.inner.lock();
        inner.epoch += 1;
        self.telemetry.rebalances.inc();
        for partition in partitions {
            inner.table.revoke(partition);
            inner.partitions.remove(&partition);
        }
    }

    /// Whether any partition is this instance's.
    pub fn is_assigned(&self) -> bool {
        !self.inner.lock().partitions.is_empty()
    }

    /// Takes in a record; says what became of it. `reading` is nothing when its bytes are no message; `found` is as for
    /// [`Table::apply_reading`].
    pub fn apply(
        &self,
        record: Record,
        reading: Option<&Reading<'_>>,
        found: &mut Vec<(usize, Handle)>,
        now: Instant,
    ) -> Outcome {
        let mut inner = self.inner.lock();
        let inner = &mut *inner;
        let Some(progress) = inner.partitions.get_mut(&record.partition) else {
            return Outcome::NotAssigned;
        };
        // A replay brings old records: there the TTL counts from when they were written. Otherwise it counts
        // from now, so that a source's wrong clock costs nothing.
        let heard = if progress.caught_up {
            now
        } else {
            inner.wall.instant(record.timestamp_ms, now)
        };
        let outcome = match reading {
            Some(reading) => inner.table.apply_reading(record, reading, heard, found),
            None => inner.table.apply(record, None, heard),
        };
        match &outcome {
            Outcome::Applied(applied) => {
                // Readable bytes of which not a single metric counts are no message either; an empty message is one.
                let is_empty = |r: &Reading<'_>| r.refused.is_empty() && applied.refused.is_empty();
                let useful = applied.accepted > 0 || reading.is_some_and(is_empty);
                if useful {
                    &progress.ok
                } else {
                    &progress.invalid
                }
                .inc();
                self.telemetry.accepted(applied.accepted);
                let known = reading.map_or(0, Reading::known_count);
                let seldom = [
                    (&self.telemetry.predicted, known as u64),
                    (&self.telemetry.moved, applied.moved),
                    (&self.telemetry.counter_resets, applied.resets),
                ];
                // Adding nothing costs as much as adding something.
                for (counter, more) in seldom.into_iter().filter(|(_, more)| *more > 0) {
                    counter.inc_by(more);
                }
            }
            Outcome::Duplicate | Outcome::NotAssigned => {}
        }
        progress.at_end = false;
        progress.last_timestamp_ms = Some(record.timestamp_ms);
        if !progress.caught_up
            && progress
                .target
                .is_some_and(|target| record.offset + 1 >= target)
        {
            inner.caught_up(record.partition, now, &self.telemetry);
        }
        outcome
    }

    /// Nothing is left to read of a partition at this moment.
    pub fn reached_end(&self, partition: i32, now: Instant) {
        let mut inner = self.inner.lock();
        if let Some(progress) = inner.partitions.get_mut(&partition) {
            progress.at_end = true;
            inner.caught_up(partition, now, &self.telemetry);
        }
    }

    /// The high watermark of a partition was `high`, asked for at a moment when [`State::at_end`] was
    /// `at_end`.
    pub fn watermark(&self, partition: i32, high: i64, at_end: bool, now: Instant) {
        let mut inner = self.inner.lock();
        let position = inner
            .table
            .applied(partition)
            .map_or(0, |applied| applied + 1);
        let Some(progress) = inner.partitions.get_mut(&partition) else {
            return;
        };
        progress.high = Some(high);
        // Reached the end before, and nothing came since: what lies between is no record.
        if at_end && progress.at_end {
            progress.floor = high;
        }
        let target = *progress.target.get_or_insert(high);
        if !progress.caught_up && position.max(progress.floor) >= target {
            inner.caught_up(partition, now, &self.telemetry);
        }
    }

    /// Owned partitions, and whether each has nothing left to read.
    pub fn at_end(&self) -> Vec<(i32, bool)> {
        self.inner
            .lock()
            .partitions
            .iter()
            .map(|(partition, progress)| (*partition, progress.at_end))
            .collect()
    }

    /// A partition's log begins again: its topic was made anew, or lost its end.
    pub fn restart_log(&self, partition: i32) {
        self.inner.lock().table.restart_log(partition);
    }

    /// The last applied offset of a partition.
    pub fn applied(&self, partition: i32) -> Option<i64> {
        self.inner.lock().table.applied(partition)
    }

    /// How many records [`State::dirty`] has at most.
    pub fn dirty_count(&self) -> usize {
        self.inner.lock().table.dirty_count()
    }

    /// Some of what changed since the last [`State::clean`]. By parts, so that scrapes need not wait for the whole.
    pub fn dirty(&self, range: Range<usize>) -> Vec<Dirty> {
        self.inner.lock().table.dirty(range)
    }

    /// What changed is written.
    pub fn clean(&self) {
        self.inner.lock().table.clean();
    }

    /// A series as it was written. Whether the limits have room for it.
    pub fn restore(&self, partition: i32, message: &Message<'_>) -> bool {
        let timestamp_ms = message.timestamp_ms.unwrap_or(0);
        let mut inner = self.inner.lock();
        let heard = inner.wall.instant(timestamp_ms, Instant::now());
        inner.table.restore(partition, timestamp_ms, message, heard)
    }

    /// A partition goes on at this offset.
    pub fn resume(&self, partition: i32, offset: i64) {
        self.inner.lock().table.resume(partition, offset);
    }

    /// Owned partitions of which a record was applied, and the offset of the next one.
    pub fn positions(&self) -> Vec<(i32, i64)> {
        let inner = self.inner.lock();
        let next = |partition: &i32| Some((*partition, inner.table.applied(*partition)? + 1));
        inner.partitions.keys().filter_map(next).collect()
    }

    /// Something stands in the way of consuming, until the next assignment or record.
    pub fn trouble(&self, words: String) {
        let mut inner = self.inner.lock();
        inner.trouble = Some(words);
        inner.until_an_answer = false;
    }

    /// As [`State::trouble`], and over with [`State::topic_is_gone`] at the latest.
    pub fn trouble_until_an_answer(&self, words: String) {
        let mut inner = self.inner.lock();
        inner.trouble = Some(words);
        inner.until_an_answer = true;
    }

    /// Whether the topic is there, as a broker says while this instance has none of its partitions.
    pub fn topic_is_gone(&self, gone: bool) {
        let mut inner = self.inner.lock();
        inner.topic_is_gone = gone;
        if std::mem::take(&mut inner.until_an_answer) {
            inner.trouble = None;
        }
    }

    /// Whether the group ever assigned anything, be it nothing.
    pub fn has_joined(&self) -> bool {
        self.inner.lock().joined
    }

    /// What stands in the way of consuming, as far as is known.
    pub fn in_trouble(&self) -> Option<String> {
        self.inner.lock().trouble.clone()
    }

    /// What has to happen without messages: time limits and the TTL.
    pub fn tick(&self, now: Instant) {
        let mut inner = self.inner.lock();
        inner.polled = now;
        inner.wall = WallClock::now();
        let late: Vec<i32> = inner
            .partitions
            .iter()
            .filter(|(_, progress)| !progress.caught_up && progress.deadline <= now)
            .map(|(partition, _)| *partition)
            .collect();
        for partition in late {
            tracing::warn!(
                partition,
                "showing the series of a partition that has not caught up in time"
            );
            inner.caught_up(partition, now, &self.telemetry);
        }
        let expired = inner.table.expire(now);
        self.telemetry.expired.inc_by(expired as u64);
    }

    /// Changes whenever series of whole partitions come or go: with a rebalance, and when a partition has caught up.
    pub fn epoch(&self) -> u64 {
        self.inner.lock().epoch
    }

    /// The values of this moment.
    pub fn snapshot(&self, escaping: Escaping) -> Snapshot {
        self.inner.lock().table.snapshot(escaping)
    }

    /// The figures that are looked up when a scrape comes.
    pub fn figures(&self) -> Figures {
        let inner = self.inner.lock();
        let partitions = inner.partitions.iter().map(|(partition, progress)| {
            let applied = inner.table.applied(*partition).map(|applied| applied + 1);
            let position = applied.unwrap_or(0).max(progress.floor);
            let known = applied.is_some() || progress.floor > 0 || progress.at_end;
            let lag = progress
                .high
                .filter(|_| known)
                .map(|high| (high - position).max(0));
            PartitionFigures {
                partition: *partition,
                lag: if progress.at_end && !known {
                    Some(0)
                } else {
                    lag
                },
                offset: applied,
                last_timestamp_ms: progress.last_timestamp_ms,
            }
        });
        Figures {
            series: inner.table.series(),
            text_bytes: inner.table.text_bytes(),
            partitions: partitions.collect(),
        }
    }

    /// Whether scrapes see what they should.
    ///
    /// # Errors
    /// What is missing, in words for people.
    pub fn ready(&self) -> Result<(), String> {
        let inner = self.inner.lock();
        if let (false, Some(trouble)) = (inner.joined, &inner.trouble) {
            return Err(trouble.clone());
        }
        // Having no partition is right for an instance too many, and not when there is none to have.
        if inner.partitions.is_empty() && inner.topic_is_gone {
            return Err(format!("the topic {:?} does not exist", self.topic));
        }
        if !inner.joined {
            return Err("waiting for the consumer group".to_owned());
        }
        let behind: Vec<String> = inner
            .partitions
            .iter()
            .filter(|(_, progress)| !progress.caught_up)
            .map(|(partition, _)| partition.to_string())
            .collect();
        if behind.is_empty() {
            Ok(())
        } else {
            Err(format!("catching up on partitions {}", behind.join(", ")))
        }
    }

    /// Whether the consumer is at work.
    ///
    /// # Errors
    /// For how long it has not been.
    pub fn healthy(&self, now: Instant) -> Result<(), String> {
        let silent = now.saturating_duration_since(self.inner.lock().polled);
        if silent < STUCK {
            Ok(())
        } else {
            Err(format!(
                "the consumer has been stuck for {} s",
                silent.as_secs()
            ))
        }
    }
}

impl Inner {
    fn caught_up(&mut self, partition: i32, now: Instant, telemetry: &Telemetry) {
        let Some(progress) = self.partitions.get_mut(&partition) else {
            return;
        };
        if std::mem::replace(&mut progress.caught_up, true) {
            return;
        }
        self.table.release(partition);
        self.epoch += 1;
        if self.partitions.values().all(|progress| progress.caught_up) {
            let took = self.assigned.map_or(Duration::ZERO, |assigned| {
                now.saturating_duration_since(assigned)
            });
            telemetry.restore_duration.set(took.as_secs_f64());
            tracing::info!(
                series = self.table.series(),
                seconds = took.as_secs_f64(),
                "caught up"
            );
        }
    }
}

/// What the time of day is, as of a moment: asking for each record of a backlog would take a twentieth of what the record does.
#[derive(Clone, Copy)]
struct WallClock {
    at: Instant,
    since_1970: Duration,
}

impl WallClock {
    fn now() -> WallClock {
        WallClock {
            at: Instant::now(),
            since_1970: SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default(),
        }
    }

    /// When a timestamp was, at the latest now.
    fn instant(self, timestamp_ms: i64, now: Instant) -> Instant {
        let today = self.since_1970 + now.saturating_duration_since(self.at);
        let written = Duration::from_millis(u64::try_from(timestamp_ms).unwrap_or(0));
        now.checked_sub(today.saturating_sub(written))
            .unwrap_or(now)
    }
}
