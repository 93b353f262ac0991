//! The series: what every metric's value is, who sent it, and which of it a scrape may see.
//!
//! The table knows nothing of Kafka or HTTP. Records go in through [`Table::apply`], and a scrape takes a
//! [`Snapshot`], which copies values and shares everything else.

mod changes;
mod claims;
mod family;
mod identity;
mod latest;
mod layout;
mod limits;
mod refused;
mod snapshot;

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Instant;

use message::{Kind, Message, Metric};

use crate::reading::{Content, Reading};
use crate::slab::Slab;
use changes::Changes;
pub use changes::Dirty;
use claims::Claims;
use family::{Family, shared};
use identity::{Identities, ShownLabels};
use latest::{Clock, Latest};
use layout::Layout;
pub use limits::Limits;
pub use refused::Refused;
pub use snapshot::Snapshot;

/// Where and when a message was recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// The partition.
    pub partition: i32,
    /// Its place in the partition.
    pub offset: i64,
    /// Milliseconds since 1970: the message's own `Timestamp`, or the record's.
    pub timestamp_ms: i64,
}

/// What became of a record.
#[derive(Debug, PartialEq)]
pub enum Outcome {
    /// It was new, and this is what it did.
    Applied(Applied),
    /// It is at or below the last applied offset, and changed nothing.
    Duplicate,
    /// Its partition is not, or no longer, assigned; it changed nothing.
    NotAssigned,
}

/// What a new record did.
#[derive(Debug, Default, PartialEq)]
pub struct Applied {
    /// Metrics whose value the table now holds.
    pub accepted: u64,
    /// Series that another partition had before.
    pub moved: u64,
    /// Counters that fell, which says that their source started over.
    pub resets: u64,
    /// Metrics that were refused, by their place in the message.
    pub refused: Vec<(usize, Refused)>,
}

/// The series of this instance.
pub struct Table {
    limits: Limits,
    partition_label: bool,
    families: Slab<Family>,
    /// By place of the family: how it is described now. Differs from that of every other family, and of every other description.
    described: Vec<u64>,
    claims: Claims,
    series: Slab<Series>,
    identities: Identities,
    layout: Layout,
    clock: Clock,
    /// By place of the series, as are the next two. Apart from the rest, for all that most messages touch is here.
    latest: Vec<Latest>,
    values: Vec<f64>,
    /// One bit by place of the series: whether a scrape sees it.
    visible: Vec<u64>,
    partitions: BTreeMap<i32, Partition>,
    text_bytes: usize,
    last_sweep: Option<Instant>,
    counters: CounterMode,
    changes: Option<Changes>,
    /// The last version that a series or a description got.
    version: u64,
}

/// A series that some text was found to mean. It means that for as long as the series is there, and its family is described
/// as the text does; then the handle is stale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handle {
    pub(crate) place: u32,
    pub(crate) family: u32,
    pub(crate) series: u64,
    pub(crate) described: u64,
}

/// A metric of a record.
enum Item<'m, 'a> {
    Metric(&'m Metric<'a>),
    Known(Handle, Kind, f64, &'a [u8]),
}

/// What a counter's value in a message is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CounterMode {
    /// The count so far.
    #[default]
    Absolute,
    /// What came on top since the message before.
    Delta,
}

/// What goes for all metrics of a record.
#[derive(Clone, Copy)]
struct Arrival {
    record: Record,
    counters: CounterMode,
    visible: bool,
    /// When the TTL begins to count.
    heard: latest::Moment,
}

struct Series {
    family: u32,
    /// Where its text is.
    chunk: u32,
    labels: Labels,
}

/// As the source wrote them, sorted by name.
type Labels = Box<[(Box<str>, Box<str>)]>;

struct Partition {
    /// The last offset that was applied; -1 before the first.
    applied: i64,
    /// Whether its series wait until the partition has caught up.
    withheld: bool,
}

impl Table {
    /// An empty table. With `partition_label` every series gets a label `partition`, which keeps the same
    /// series of two partitions apart.
    pub fn new(limits: Limits, partition_label: bool) -> Table {
        Table {
            limits,
            partition_label,
            families: Slab::default(),
            described: Vec::new(),
            claims: Claims::default(),
            series: Slab::default(),
            identities: Identities::default(),
            layout: Layout::default(),
            clock: Clock::default(),
            latest: Vec::new(),
            values: Vec::new(),
            visible: Vec::new(),
            partitions: BTreeMap::new(),
            text_bytes: 0,
            last_sweep: None,
            counters: CounterMode::Absolute,
            changes: None,
            version: 0,
        }
    }

    /// Reads counters in this mode. Sums of deltas belong to their partition, so `Delta` needs the partition
    /// label.
    #[must_use]
    pub fn with_counters(mut self, counters: CounterMode) -> Table {
        self.counters = counters;
        self
    }

    /// Keeps track of what changes, for [`Table::dirty`].
    #[must_use]
    pub fn with_changes(mut self) -> Table {
        self.changes = Some(Changes::default());
        self
    }

    /// Series held, hidden ones too.
    pub fn series(&self) -> usize {
        self.series.len()
    }

    /// Bytes of names, labels and descriptions held.
    pub fn text_bytes(&self) -> usize {
        self.text_bytes
    }

    /// A partition is this instance's from now on; its series stay hidden until [`Table::release`].
    pub fn assign(&mut self, partition: i32) {
        self.partitions.entry(partition).or_insert(Partition {
            applied: -1,
            withheld: true,
        });
    }

    /// The series of a partition may be seen from now on.
    pub fn release(&mut self, partition: i32) {
        let Some(state) = self.partitions.get_mut(&partition) else {
            return;
        };
        if !std::mem::take(&mut state.withheld) {
            return;
        }
        for (place, latest) in (0..).zip(&self.latest) {
            if latest.is_held() && latest.partition == partition {
                set_bit(&mut self.visible, place);
            }
        }
    }

    /// A partition is another instance's from now on: its series leave at once.
    pub fn revoke(&mut self, partition: i32) {
        if self.partitions.remove(&partition).is_none() {
            return;
        }
        if let Some(changes) = &mut self.changes {
            changes.revoke(partition);
        }
        self.remove_where(|latest| latest.partition == partition);
    }

    /// The partition's log was replaced by one that begins again: offsets count from its start.
    pub fn restart_log(&mut self, partition: i32) {
        if let Some(state) = self.partitions.get_mut(&partition) {
            state.applied = -1;
        }
    }

    /// A series as [`Table::dirty`] gave it, before the first record of its partition. Whether the limits have room for it.
    pub fn restore(
        &mut self,
        partition: i32,
        timestamp_ms: i64,
        message: &Message<'_>,
        heard: Instant,
    ) -> bool {
        let arrival = Arrival {
            record: Record {
                partition,
                offset: -1,
                timestamp_ms,
            },
            counters: CounterMode::Absolute,
            visible: false,
            heard: self.clock.moment(heard),
        };
        // What is read from the state topic need not go there again.
        let changes = self.changes.take();
        let mut fits = true;
        for metric in &message.metrics {
            match self.hold(arrival, metric, &mut Applied::default()) {
                // A newer value of another partition is there instead.
                Ok(_) | Err(Refused::OlderThanOtherPartition) => {}
                Err(_) => fits = false,
            }
        }
        self.changes = changes;
        fits
    }

    /// A partition goes on at this offset: what lies below was applied.
    pub fn resume(&mut self, partition: i32, offset: i64) {
        if let Some(state) = self.partitions.get_mut(&partition) {
            state.applied = offset - 1;
        }
    }

    /// How many records [`Table::dirty`] has at most.
    pub fn dirty_count(&self) -> usize {
        self.changes.as_ref().map_or(0, Changes::len)
    }

    /// The series that changed or went since the last [`Table::clean`], as records of the state topic, in the order in which they
    /// have to be written. `range` is within [`Table::dirty_count`].
    pub fn dirty(&self, range: Range<usize>) -> Vec<Dirty> {
        let written = |place| {
            let series = &self.series[place];
            Dirty::new(
                series,
                &self.families[series.family],
                self.latest[place as usize],
                self.values[place as usize],
            )
        };
        self.changes
            .as_ref()
            .map(|changes| changes.records(range, written))
            .unwrap_or_default()
    }

    /// What changed is written.
    pub fn clean(&mut self) {
        if let Some(changes) = &mut self.changes {
            changes.clear();
        }
    }

    /// The last offset that was applied of a partition.
    pub fn applied(&self, partition: i32) -> Option<i64> {
        self.partitions
            .get(&partition)
            .map(|state| state.applied)
            .filter(|offset| *offset >= 0)
    }

    /// Takes in a record. `message` is nothing when its bytes are no message: the record counts as
    /// applied all the same.
    pub fn apply(
        &mut self,
        record: Record,
        message: Option<&Message<'_>>,
        now: Instant,
    ) -> Outcome {
        let metrics = message.into_iter().flat_map(|message| &message.metrics);
        self.take(record, metrics.map(Item::Metric), now, |_, _| {})
    }

    /// Takes in a record as [`Table::apply`] does. `found` gets the series of entries that were read or had stale handles, by their
    /// place in the message.
    pub fn apply_reading(
        &mut self,
        record: Record,
        reading: &Reading<'_>,
        now: Instant,
        found: &mut Vec<(usize, Handle)>,
    ) -> Outcome {
        let items = reading.entries.iter().map(|entry| match entry.content {
            Content::Metric(at) => Item::Metric(&reading.metrics[at]),
            Content::Known(handle, kind, value) => {
                Item::Known(handle, kind, value, reading.text(entry))
            }
        });
        self.take(record, items, now, |at, handle| found.push((at, handle)))
    }

    fn take<'m, 'a: 'm>(
        &mut self,
        record: Record,
        items: impl Iterator<Item = Item<'m, 'a>>,
        now: Instant,
        mut found: impl FnMut(usize, Handle),
    ) -> Outcome {
        let Some(state) = self.partitions.get_mut(&record.partition) else {
            return Outcome::NotAssigned;
        };
        if record.offset <= state.applied {
            return Outcome::Duplicate;
        }
        state.applied = record.offset;
        let arrival = Arrival {
            record,
            counters: self.counters,
            visible: !state.withheld,
            heard: self.clock.moment(now),
        };
        let mut applied = Applied::default();
        for (place, item) in items.enumerate() {
            let outcome = if place >= self.limits.series_per_message {
                Err(Refused::MessageSeriesLimit)
            } else {
                self.take_item(arrival, item, &mut applied)
            };
            match outcome {
                Ok(handle) => {
                    applied.accepted += 1;
                    if let Some(handle) = handle {
                        found(place, handle);
                    }
                }
                Err(refused) => applied.refused.push((place, refused)),
            }
        }
        Outcome::Applied(applied)
    }

    /// The handle of a series that was not known.
    fn take_item(
        &mut self,
        arrival: Arrival,
        item: Item<'_, '_>,
        applied: &mut Applied,
    ) -> Result<Option<Handle>, Refused> {
        let (handle, kind, value, text) = match item {
            Item::Metric(metric) => return self.apply_metric(arrival, metric, applied),
            Item::Known(handle, kind, value, text) => (handle, kind, value, text),
        };
        if self.is_fresh(handle, arrival.record.partition) {
            self.update(handle.place, arrival, (kind, value), applied)?;
            return Ok(None);
        }
        match message::entry(text) {
            Some(read) => self.apply_metric(arrival, &read.metric, applied),
            None => unreachable!("text with a handle was read before"),
        }
    }

    /// Whether a handle's text still means its series, in a message of this partition.
    #[inline]
    fn is_fresh(&self, handle: Handle, partition: i32) -> bool {
        let of_series = self
            .latest
            .get(handle.place as usize)
            .is_some_and(|latest| {
                latest.version == handle.series
                    && (!self.partition_label || latest.partition == partition)
            });
        of_series && self.described.get(handle.family as usize) == Some(&handle.described)
    }

    fn handle(&self, place: u32) -> Handle {
        let family = self.series[place].family;
        Handle {
            place,
            family,
            series: self.latest[place as usize].version,
            described: self.described[family as usize],
        }
    }

    fn next_version(&mut self) -> u64 {
        self.version += 1;
        self.version
    }

    fn apply_metric(
        &mut self,
        arrival: Arrival,
        metric: &Metric<'_>,
        applied: &mut Applied,
    ) -> Result<Option<Handle>, Refused> {
        if self.partition_label {
            let metric = with_partition(metric, arrival.record.partition)?;
            self.limits.check(&metric)?;
            return self.hold(arrival, &metric, applied);
        }
        self.limits.check(metric)?;
        self.hold(arrival, metric, applied)
    }

    fn hold(
        &mut self,
        arrival: Arrival,
        metric: &Metric<'_>,
        applied: &mut Applied,
    ) -> Result<Option<Handle>, Refused> {
        let known = self.claims.family(&self.families, &metric.name);
        if let Some(id) = known {
            let family = &self.families[id];
            if family.kind != metric.kind {
                return Err(Refused::TypeConflict {
                    known: family.kind,
                    given: metric.kind,
                });
            }
            if let Some(place) = self
                .identities
                .find(&self.series, id, family, &metric.labels)
            {
                self.update(place, arrival, (metric.kind, metric.value), applied)?;
                self.describe(id, metric);
                return Ok(self.handle_of(place, metric));
            }
        }
        let place = self.create(known, arrival, metric)?;
        self.set_value(place, metric.value, arrival.visible);
        Ok(self.handle_of(place, metric))
    }

    /// The handle that a metric's text may have: none if the same text once more would describe the family otherwise.
    fn handle_of(&self, place: u32, metric: &Metric<'_>) -> Option<Handle> {
        let family = &self.families[self.series[place].family];
        family.is_described_by(metric).then(|| self.handle(place))
    }

    #[inline]
    fn update(
        &mut self,
        place: u32,
        arrival: Arrival,
        (kind, value): (Kind, f64),
        applied: &mut Applied,
    ) -> Result<(), Refused> {
        let record = arrival.record;
        let before = self.values[place as usize];
        let value = match (kind, arrival.counters) {
            (Kind::Counter, CounterMode::Delta) => before + value,
            _ => value,
        };
        if kind == Kind::Counter && !value.is_finite() {
            return Err(Refused::CounterOverflow);
        }
        let latest = &mut self.latest[place as usize];
        if latest.partition != record.partition {
            if record.timestamp_ms < latest.timestamp_ms {
                return Err(Refused::OlderThanOtherPartition);
            }
            // Its old partition's record in the state topic would come back once that partition has another owner.
            if let Some(changes) = &mut self.changes {
                let series = &self.series[place];
                let family = &self.families[series.family];
                changes.gone(Dirty::gone(series, family, *latest));
            }
            latest.partition = record.partition;
            applied.moved += 1;
        }
        latest.timestamp_ms = record.timestamp_ms;
        latest.heard = arrival.heard;
        if kind == Kind::Counter && value < before {
            applied.resets += 1;
        }
        self.set_value(place, value, arrival.visible);
        Ok(())
    }

    #[inline]
    fn set_value(&mut self, place: u32, value: f64, visible: bool) {
        self.values[place as usize] = value;
        if let Some(changes) = &mut self.changes {
            changes.mark(place);
        }
        if visible {
            set_bit(&mut self.visible, place);
        }
    }

    /// Takes over a new description or unit; the last message describes the family.
    fn describe(&mut self, id: u32, metric: &Metric<'_>) {
        let family = &mut self.families[id];
        if family.is_described_by(metric) {
            return;
        }
        let before = family.text_bytes();
        let after = family.name.len()
            + metric.description.len()
            + metric.unit.as_deref().map_or(0, str::len);
        if self.text_bytes - before + after > self.limits.text_bytes {
            return;
        }
        if !family.has_help_of(metric) {
            family.help = shared(&metric.description);
        }
        if !family.has_unit_of(metric) {
            family.unit = metric.unit.as_deref().map(shared);
        }
        self.text_bytes = self.text_bytes - before + family.text_bytes();
        self.layout.touch(family);
        self.described[id as usize] = self.next_version();
    }

    fn create(
        &mut self,
        known: Option<u32>,
        arrival: Arrival,
        metric: &Metric<'_>,
    ) -> Result<u32, Refused> {
        if self.series.len() >= self.limits.series {
            return Err(Refused::SeriesLimit);
        }
        let shown = ShownLabels::new(&metric.labels)?;
        if let Some(id) = known {
            self.identities
                .check(&self.series, id, &metric.labels, &shown)?;
        }
        let labels: Labels = metric
            .labels
            .iter()
            .map(|(name, value)| (name.as_ref().into(), value.as_ref().into()))
            .collect();
        let family = Family::new(metric);
        let bytes = labels_bytes(&labels)
            + if known.is_none() {
                family.text_bytes()
            } else {
                0
            };
        if self.text_bytes + bytes > self.limits.text_bytes {
            return Err(Refused::TextLimit);
        }
        let id = match known {
            Some(id) => id,
            None => {
                self.claims.check(&self.families, &family)?;
                let id = self.families.insert(family);
                let described = self.next_version();
                put(&mut self.described, id, described);
                self.claims.insert(&self.families[id], id);
                id
            }
        };
        self.text_bytes += bytes;
        let place = self.series.insert(Series {
            family: id,
            chunk: 0,
            labels,
        });
        let latest = Latest {
            timestamp_ms: arrival.record.timestamp_ms,
            heard: arrival.heard,
            version: self.next_version(),
            partition: arrival.record.partition,
        };
        put(&mut self.latest, place, latest);
        put(&mut self.values, place, 0.0);
        self.visible.resize(self.values.len().div_ceil(64), 0);
        clear_bit(&mut self.visible, place);
        self.identities
            .insert(&self.series, id, &mut self.families[id], place, shown);
        self.layout
            .add(id, &mut self.families[id], place, &mut self.series);
        Ok(place)
    }

    /// Removes series that had no message for longer than the TTL. Looks at most once a second.
    /// Returns how many went.
    pub fn expire(&mut self, now: Instant) -> usize {
        let Some(ttl) = self.limits.ttl else { return 0 };
        let often = std::time::Duration::from_secs(1).min(ttl);
        if self
            .last_sweep
            .is_some_and(|last| now.saturating_duration_since(last) < often)
        {
            return 0;
        }
        self.last_sweep = Some(now);
        let clock = self.clock;
        let expired = |latest: &Latest| clock.since(latest.heard, now) > ttl;
        if let Some(changes) = &mut self.changes {
            for (place, series) in self.series.iter() {
                let latest = self.latest[place as usize];
                if expired(&latest) {
                    changes.gone(Dirty::gone(series, &self.families[series.family], latest));
                }
            }
        }
        self.remove_where(expired)
    }

    fn remove_where(&mut self, gone: impl Fn(&Latest) -> bool) -> usize {
        let places: Vec<u32> = (0..)
            .zip(&self.latest)
            .filter(|(_, latest)| latest.is_held() && gone(latest))
            .map(|(place, _)| place)
            .collect();
        for place in &places {
            self.remove(*place);
        }
        places.len()
    }

    fn remove(&mut self, place: u32) {
        let id = self.series[place].family;
        self.identities
            .remove(&self.series, id, &mut self.families[id], place);
        self.layout
            .remove(id, &mut self.families[id], place, &mut self.series);
        clear_bit(&mut self.visible, place);
        if let Some(changes) = &mut self.changes {
            changes.forget(place);
        }
        self.latest[place as usize] = Latest::default();
        if let Some(series) = self.series.remove(place) {
            self.text_bytes -= labels_bytes(&series.labels);
        }
        if self.families[id].is_empty() {
            self.claims.remove(&self.families, id);
            self.described[id as usize] = 0;
            if let Some(family) = self.families.remove(id) {
                self.text_bytes -= family.text_bytes();
            }
        }
    }
}

fn labels_bytes(labels: &Labels) -> usize {
    labels
        .iter()
        .map(|(name, value)| name.len() + value.len())
        .sum()
}

/// Sets the value of a place, the next one or an earlier one.
fn put<T: Clone + Default>(all: &mut Vec<T>, place: u32, value: T) {
    let place = place as usize;
    if all.len() <= place {
        all.resize(place + 1, T::default());
    }
    all[place] = value;
}

fn set_bit(bits: &mut [u64], place: u32) {
    if let Some(word) = bits.get_mut(place as usize / 64) {
        *word |= 1 << (place % 64);
    }
}

fn clear_bit(bits: &mut [u64], place: u32) {
    if let Some(word) = bits.get_mut(place as usize / 64) {
        *word &= !(1 << (place % 64));
    }
}

fn with_partition<'a>(metric: &Metric<'a>, partition: i32) -> Result<Metric<'a>, Refused> {
    const NAME: &str = "partition";
    let mut metric = metric.clone();
    match metric
        .labels
        .binary_search_by(|(name, _)| name.as_ref().cmp(NAME))
    {
        Ok(_) => Err(Refused::ReservedLabel {
            label: NAME.to_owned(),
        }),
        Err(place) => {
            metric
                .labels
                .insert(place, (NAME.into(), partition.to_string().into()));
            Ok(metric)
        }
    }
}
