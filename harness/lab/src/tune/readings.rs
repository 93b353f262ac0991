//! What the producer and the task of a connector say of themselves, over JMX through Prometheus.

use std::collections::BTreeMap;

use anyhow::Result;
use serde::Serialize;

use super::rate::Slope;
use crate::prometheus;
use crate::runner::Context;
use crate::statistics::median;

/// Figures at the end of a window; those that are not there are missing. Kafka averages them over 30 s.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(crate) struct Readings {
    /// Bytes of a batch, compressed (`batch-size-avg`).
    pub batch_size_avg: Option<f64>,
    /// Milliseconds that a batch waits until it is sent (`record-queue-time-avg`).
    pub record_queue_time_avg: Option<f64>,
    /// Compressed size divided by that before (`compression-rate-avg`).
    pub compression_rate_avg: Option<f64>,
    /// Requests a second (`request-rate`).
    pub request_rate: Option<f64>,
    /// Milliseconds from a request to its answer (`request-latency-avg`).
    pub request_latency_avg_ms: Option<f64>,
    /// Records of a request (`records-per-request-avg`).
    pub records_per_request_avg: Option<f64>,
    /// The share of the time that an appender waits for space in the buffer: 0 to 1 (`bufferpool-wait-ratio`).
    pub bufferpool_wait_ratio: Option<f64>,
    /// The free share of the buffer: 0 to 1 (`buffer-available-bytes` / `buffer-total-bytes`).
    pub buffer_free: Option<f64>,
    /// Records that the source gives at once (`batch-size-avg` of the task): the total grows by as many.
    pub task_batch: Option<f64>,
    /// The share of its time that the task spends in the source's poll: 0 to 1 (`poll-batch-avg-time-ms`, as often as a batch of
    /// `batch-size-avg` records makes up the rate).
    pub poll_share: Option<f64>,
    /// The share of the time that the worker's garbage collector stops all its threads: 0 to 1 (`jvm_gc_collection_seconds_sum`,
    /// without what concurrent collectors do beside them).
    pub gc_share: Option<f64>,
}

/// Prometheus needs two scrapes for a rate.
const LEAST_RANGE: f64 = 5.0;

const PRODUCER: &str = "kafka_producer_";
const TASK: &str = "kafka_connect_";

impl Readings {
    /// Of a connector, now, at the end of its window.
    pub(super) async fn take(context: &Context, connector: &str, slope: &Slope) -> Result<Self> {
        let url = context.endpoint("prometheus", "http")?;
        // `connector-producer-NAME-TASK`: a transaction or a second task adds others of the same name.
        let producers = values(
            context,
            url,
            &format!("{{__name__=~\"{PRODUCER}.+\",client_id=~\"connector-producer-{connector}-[0-9]+\"}}"),
        )
        .await?;
        let tasks = values(
            context,
            url,
            &format!("{{__name__=~\"{TASK}.+\",connector=\"{connector}\"}}"),
        )
        .await?;
        let producer = |name: &str| {
            let value = producers.get(&format!("{PRODUCER}{name}")).copied();
            value.filter(|value| value.is_finite())
        };
        let task = |name: &str| {
            let value = tasks.get(&format!("{TASK}{name}")).copied();
            value.filter(|value| value.is_finite())
        };
        let free = producer("buffer_available_bytes")
            .zip(producer("buffer_total_bytes"))
            .filter(|(_, total)| *total > 0.0)
            .map(|(available, total)| available / total);
        let poll_share = task("source_task_poll_batch_avg_time_ms")
            .zip(task("connector_task_batch_size_avg"))
            .filter(|(_, batch)| *batch > 0.0)
            .map(|(millis, batch)| (millis / 1000.0 * slope.rate / batch).min(1.0));
        Ok(Self {
            batch_size_avg: producer("batch_size_avg"),
            record_queue_time_avg: producer("record_queue_time_avg"),
            compression_rate_avg: producer("compression_rate_avg"),
            request_rate: producer("request_rate"),
            request_latency_avg_ms: producer("request_latency_avg"),
            records_per_request_avg: producer("records_per_request_avg"),
            bufferpool_wait_ratio: producer("bufferpool_wait_ratio"),
            buffer_free: free,
            task_batch: task("connector_task_batch_size_avg"),
            poll_share,
            gc_share: gc_share(context, url, connector, slope.seconds()).await?,
        })
    }

    /// Medians of each figure.
    pub(super) fn medians<'a>(all: impl IntoIterator<Item = &'a Self>) -> Self {
        let all: Vec<_> = all.into_iter().collect();
        let of = |get: fn(&Self) -> Option<f64>| {
            let values: Vec<f64> = all.iter().filter_map(|one| get(one)).collect();
            (!values.is_empty()).then(|| median(&values))
        };
        Self {
            batch_size_avg: of(|one| one.batch_size_avg),
            record_queue_time_avg: of(|one| one.record_queue_time_avg),
            compression_rate_avg: of(|one| one.compression_rate_avg),
            request_rate: of(|one| one.request_rate),
            request_latency_avg_ms: of(|one| one.request_latency_avg_ms),
            records_per_request_avg: of(|one| one.records_per_request_avg),
            bufferpool_wait_ratio: of(|one| one.bufferpool_wait_ratio),
            buffer_free: of(|one| one.buffer_free),
            task_batch: of(|one| one.task_batch),
            poll_share: of(|one| one.poll_share),
            gc_share: of(|one| one.gc_share),
        }
    }
}

/// Of the workers that the connector's tasks run on, that which stands still most.
async fn gc_share(
    context: &Context,
    url: &str,
    connector: &str,
    seconds: f64,
) -> Result<Option<f64>> {
    let range = seconds.max(LEAST_RANGE).ceil();
    let query = format!(
        "max(sum by (instance) (rate(jvm_gc_collection_seconds_sum{{gc!~\".*(Cycles|Concurrent).*\"}}[{range}s])) and on (instance) {TASK}source_task_source_record_write_total{{connector=\"{connector}\"}})"
    );
    let found = prometheus::query(&context.http, url, &query).await?;
    Ok(found.first().map(|sample| sample.value))
}

/// Values by metric; of several series the largest.
async fn values(context: &Context, url: &str, query: &str) -> Result<BTreeMap<String, f64>> {
    let mut values = BTreeMap::new();
    for sample in prometheus::query(&context.http, url, query).await? {
        let Some(name) = sample.labels.get("__name__") else {
            continue;
        };
        let value = values.entry(name.clone()).or_insert(sample.value);
        if sample.value > *value || value.is_nan() {
            *value = sample.value;
        }
    }
    Ok(values)
}
