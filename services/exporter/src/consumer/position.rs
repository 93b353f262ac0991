//! Where assigned partitions start, and how far they have come.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::KafkaResult;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::Start;
use crate::state::State;

/// Writes the offsets to start from into a new assignment.
pub(super) fn set<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    start: Start,
    partitions: &mut TopicPartitionList,
) {
    let time = match start {
        // librdkafka's own way: the committed offset, or auto.offset.reset.
        Start::Committed => return,
        Start::Earliest => return log(partitions.set_all_offsets(Offset::Beginning)),
        Start::Latest => return log(partitions.set_all_offsets(Offset::End)),
        Start::At(time) => time,
        Start::Ago(ago) => SystemTime::now().checked_sub(ago).unwrap_or(UNIX_EPOCH),
    };
    if let Err(error) = at(consumer, time, partitions) {
        tracing::warn!(%error, "cannot look up offsets by time; starting from the oldest record");
        log(partitions.set_all_offsets(Offset::Beginning));
    }
}

/// Stores the offsets behind the last applied records, which librdkafka commits every now and then. Not for each record: that takes
/// as long as reading one.
pub(super) fn store<C: ConsumerContext>(consumer: &BaseConsumer<C>, state: &State) {
    let mut offsets = TopicPartitionList::new();
    for (partition, offset) in state.positions() {
        log(offsets.add_partition_offset(state.topic(), partition, Offset::Offset(offset)));
    }
    if offsets.count() == 0 {
        return;
    }
    if let Err(error) = consumer.store_offsets(&offsets) {
        // A partition was revoked meanwhile; its next owner reads its records again.
        tracing::debug!(%error, "did not store offsets");
    }
}

fn at<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    time: SystemTime,
    partitions: &mut TopicPartitionList,
) -> KafkaResult<()> {
    let ms = time
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_millis();
    let mut times = partitions.clone();
    times.set_all_offsets(Offset::Offset(i64::try_from(ms).unwrap_or(i64::MAX)))?;
    let found = consumer.offsets_for_times(times, Duration::from_secs(5))?;
    for element in found.elements() {
        element.error()?;
        partitions.set_partition_offset(element.topic(), element.partition(), element.offset())?;
    }
    Ok(())
}

fn log(result: KafkaResult<()>) {
    if let Err(error) = result {
        tracing::error!(%error, "cannot list offsets");
    }
}
