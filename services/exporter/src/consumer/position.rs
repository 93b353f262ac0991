//! Where assigned partitions start.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::KafkaResult;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::Start;

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
        tracing::error!(%error, "cannot set the offsets to start from");
    }
}
