//! The exporter's metrics about itself. Their names are a contract: dashboards and alerts rest on them.

use std::sync::Arc;

use message::{MessageError, MetricError};
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{
    Gauge, GaugeVec, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec,
    Opts, Registry,
};

use crate::consumer;
use crate::table::Refused;

/// The metrics that are counted as things happen. Clones count into the same metrics.
#[derive(Clone)]
pub struct Telemetry {
    registry: Registry,
    messages: IntCounterVec,
    metrics_ok: IntCounter,
    metrics_rejected: IntCounter,
    rejected: IntCounterVec,
    dead_letters: IntCounterVec,
    state_transactions: IntCounterVec,
    /// Metrics that were read by comparing.
    pub predicted: IntCounter,
    /// Series that came from another partition than before.
    pub moved: IntCounter,
    /// Counters that fell.
    pub counter_resets: IntCounter,
    /// Records at or below the last applied offset.
    pub duplicates: IntCounter,
    /// Series that went because of the TTL.
    pub expired: IntCounter,
    /// Assignments and revocations.
    pub rebalances: IntCounter,
    /// Time to answer a scrape, in seconds.
    pub scrape_duration: Histogram,
    /// Scrapes that were told to come again.
    pub scrapes_refused: IntCounter,
    /// From the assignment of partitions until all had caught up, in seconds.
    pub restore_duration: Gauge,
}

/// What is known of a partition at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartitionFigures {
    /// The partition.
    pub partition: i32,
    /// Records that are not applied yet, if known.
    pub lag: Option<i64>,
    /// Offset of the next record.
    pub offset: Option<i64>,
    /// Time of the last record, in milliseconds since 1970.
    pub last_timestamp_ms: Option<i64>,
}

/// What is known of the table and the partitions at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Series held.
    pub series: usize,
    /// Bytes of names, labels and descriptions held.
    pub text_bytes: usize,
    /// The partitions of this instance, and no other.
    pub partitions: Vec<PartitionFigures>,
}

impl Telemetry {
    /// Metrics that stand at zero.
    ///
    /// # Errors
    /// Never, as long as the names in here are valid and distinct.
    pub fn new() -> prometheus::Result<Telemetry> {
        let registry = Registry::new();
        let counter = |name: &str, help: &str| -> prometheus::Result<IntCounter> {
            let counter = IntCounter::new(name, help)?;
            registry.register(Box::new(counter.clone()))?;
            Ok(counter)
        };
        let counters =
            |name: &str, help: &str, labels: &[&str]| -> prometheus::Result<IntCounterVec> {
                let counters = IntCounterVec::new(Opts::new(name, help), labels)?;
                registry.register(Box::new(counters.clone()))?;
                Ok(counters)
            };
        let metrics = counters(
            "exporter_metrics_total",
            "Metrics in readable messages",
            &["outcome"],
        )?;
        // From a millisecond to Prometheus' default timeout.
        let buckets = vec![
            0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
        ];
        let scrape_duration = Histogram::with_opts(
            HistogramOpts::new(
                "exporter_scrape_duration_seconds",
                "Time to make the answer to a scrape",
            )
            .buckets(buckets),
        )?;
        registry.register(Box::new(scrape_duration.clone()))?;
        let restore_duration = Gauge::new(
            "exporter_restore_duration_seconds",
            "From the last assignment of partitions until all had caught up",
        )?;
        registry.register(Box::new(restore_duration.clone()))?;
        let build = IntGaugeVec::new(Opts::new("exporter_build_info", "Always 1"), &["version"])?;
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        registry.register(Box::new(build))?;
        let rejected = counters(
            "exporter_rejected_total",
            "Messages and metrics that were refused",
            &["reason"],
        )?;
        // A counter that appears with its first event hides that event from rate().
        let of_messages = MessageError::REASONS.iter().chain(consumer::UNREAD);
        let of_metrics = MetricError::REASONS.iter().chain(Refused::REASONS);
        for reason in of_messages.chain(of_metrics) {
            rejected.with_label_values(&[reason]);
        }
        let dead_letters = counters(
            "exporter_dead_letters_total",
            "Copies of refused messages for the dead-letter topic",
            &["outcome"],
        )?;
        for outcome in ["written", "lost"] {
            dead_letters.with_label_values(&[outcome]);
        }
        let state_transactions = counters(
            "exporter_state_transactions_total",
            "Writes of changed series and offsets to the state topic",
            &["outcome"],
        )?;
        for outcome in ["committed", "failed"] {
            state_transactions.with_label_values(&[outcome]);
        }
        Ok(Telemetry {
            messages: counters(
                "exporter_messages_total",
                "Messages by whether they could be read",
                &["topic", "partition", "outcome"],
            )?,
            metrics_ok: metrics.with_label_values(&["ok"]),
            metrics_rejected: metrics.with_label_values(&["rejected"]),
            rejected,
            dead_letters,
            state_transactions,
            predicted: counter(
                "exporter_metrics_predicted_total",
                "Metrics in readable messages that differed from an expected text in nothing but the value",
            )?,
            moved: counter(
                "exporter_series_moved_total",
                "Series that came from another partition than before",
            )?,
            counter_resets: counter(
                "exporter_series_resets_total",
                "Counters that fell: their source started over",
            )?,
            duplicates: counter(
                "exporter_duplicates_total",
                "Records that were applied before and changed nothing",
            )?,
            expired: counter(
                "exporter_series_expired_total",
                "Series dropped after their time to live",
            )?,
            rebalances: counter(
                "exporter_rebalances_total",
                "Assignments and revocations of partitions",
            )?,
            scrapes_refused: counter(
                "exporter_scrapes_refused_total",
                "Scrapes beyond the allowed number at a time",
            )?,
            scrape_duration,
            restore_duration,
            registry,
        })
    }

    /// The counters of a partition's messages: readable and not.
    pub fn messages(&self, topic: &str, partition: i32) -> (IntCounter, IntCounter) {
        let partition = partition.to_string();
        let outcome = |outcome| {
            self.messages
                .with_label_values(&[topic, &partition, outcome])
        };
        (outcome("ok"), outcome("invalid"))
    }

    /// Metrics that the table took in.
    pub fn accepted(&self, metrics: u64) {
        self.metrics_ok.inc_by(metrics);
    }

    /// A metric was refused.
    pub fn metric_refused(&self, reason: &str) {
        self.metrics_rejected.inc();
        self.rejected.with_label_values(&[reason]).inc();
    }

    /// A whole message was refused.
    pub fn message_refused(&self, reason: &str) {
        self.rejected.with_label_values(&[reason]).inc();
    }

    /// A copy was written to the dead-letter topic, or lost.
    pub fn dead_letter(&self, written: bool) {
        let outcome = if written { "written" } else { "lost" };
        self.dead_letters.with_label_values(&[outcome]).inc();
    }

    /// A transaction on the state topic was committed, or failed.
    pub fn state_transaction(&self, committed: bool) {
        let outcome = if committed { "committed" } else { "failed" };
        self.state_transactions.with_label_values(&[outcome]).inc();
    }

    /// Adds the metrics whose values are looked up when a scrape comes.
    ///
    /// # Errors
    /// They were added before.
    pub fn observe(
        &self,
        topic: &str,
        figures: Arc<dyn Fn() -> Figures + Send + Sync>,
    ) -> prometheus::Result<()> {
        self.registry
            .register(Box::new(Observed::new(topic, figures)?))
    }

    /// All of them, sorted by name.
    pub fn gather(&self) -> Vec<MetricFamily> {
        self.registry.gather()
    }
}

/// Metrics that are made anew for each scrape, so that nothing of a lost partition can stay behind.
struct Observed {
    topic: String,
    figures: Arc<dyn Fn() -> Figures + Send + Sync>,
    descriptions: Vec<Desc>,
}

struct Gauges {
    series: IntGauge,
    text_bytes: IntGauge,
    lag: IntGaugeVec,
    offset: IntGaugeVec,
    last_timestamp: GaugeVec,
}

impl Gauges {
    fn new() -> prometheus::Result<Gauges> {
        let by_partition = ["topic", "partition"];
        Ok(Gauges {
            series: IntGauge::new("exporter_series", "Series held")?,
            text_bytes: IntGauge::new(
                "exporter_text_bytes",
                "Bytes of names, labels and descriptions held",
            )?,
            lag: IntGaugeVec::new(
                Opts::new(
                    "exporter_consumer_lag",
                    "Records of the partition that are not applied yet",
                ),
                &by_partition,
            )?,
            offset: IntGaugeVec::new(
                Opts::new(
                    "exporter_consumer_offset",
                    "Offset of the next record of the partition",
                ),
                &by_partition,
            )?,
            last_timestamp: GaugeVec::new(
                Opts::new(
                    "exporter_last_message_timestamp_seconds",
                    "Time of the partition's last record",
                ),
                &by_partition,
            )?,
        })
    }

    fn collectors(&self) -> [&dyn Collector; 5] {
        [
            &self.series,
            &self.text_bytes,
            &self.lag,
            &self.offset,
            &self.last_timestamp,
        ]
    }
}

impl Observed {
    fn new(
        topic: &str,
        figures: Arc<dyn Fn() -> Figures + Send + Sync>,
    ) -> prometheus::Result<Observed> {
        let gauges = Gauges::new()?;
        let descriptions = gauges
            .collectors()
            .iter()
            .flat_map(|c| c.desc())
            .cloned()
            .collect();
        Ok(Observed {
            topic: topic.to_owned(),
            figures,
            descriptions,
        })
    }
}

impl Collector for Observed {
    fn desc(&self) -> Vec<&Desc> {
        self.descriptions.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let Ok(gauges) = Gauges::new() else {
            return Vec::new();
        };
        let figures = (self.figures)();
        let whole = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        gauges.series.set(whole(figures.series));
        gauges.text_bytes.set(whole(figures.text_bytes));
        for partition in &figures.partitions {
            let number = partition.partition.to_string();
            let labels = [self.topic.as_str(), number.as_str()];
            if let Some(lag) = partition.lag {
                gauges.lag.with_label_values(&labels).set(lag);
            }
            if let Some(offset) = partition.offset {
                gauges.offset.with_label_values(&labels).set(offset);
            }
            if let Some(ms) = partition.last_timestamp_ms {
                #[allow(clippy::cast_precision_loss)]
                gauges
                    .last_timestamp
                    .with_label_values(&labels)
                    .set(ms as f64 / 1000.0);
            }
        }
        gauges
            .collectors()
            .iter()
            .flat_map(|collector| collector.collect())
            .collect()
    }
}
