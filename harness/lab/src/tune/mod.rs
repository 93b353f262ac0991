//! Measures the rate of a source connector under several settings.
//!
//! The rate is the slope of Connect's `source-record-write-total` between the end of the warm-up and the end of the window,
//! from samples that Prometheus scraped. Connect's own `source-record-write-rate` is an average over a sliding window and
//! lags behind in short runs; it is shown beside, as is the number of records that the topics hold in the end.

mod rate;
mod topics;

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use async_trait::async_trait;
use scenario::JsonFile;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::actions::configuration;
use crate::checks::Expected;
use crate::connect;
use crate::prometheus;
use crate::runner::{Chart, Context, Grid, Observed, Series, Step, StepError};
use rate::Slope;

const WRITE_TOTAL: &str = "kafka_connect_source_task_source_record_write_total";
const POLL_TOTAL: &str = "kafka_connect_source_task_source_record_poll_total";
const WRITE_RATE: &str = "kafka_connect_source_task_source_record_write_rate";
/// Scrapes of Connect are a second apart.
const LOOK: Duration = Duration::from_millis(500);
/// How much longer than its window a slow row is watched, until it has grown often enough.
const LONGEST_EXTRA: Duration = Duration::from_secs(60);
/// A source that has polled nothing and written nothing for so long has no more. A busy machine pauses for some seconds.
const DRY: Duration = Duration::from_secs(10);
/// How long a connector may take until its first record.
const FIRST_RECORD: Duration = Duration::from_secs(60);
/// Totals and end offsets may differ by this share: the last batches are written but not yet counted.
const DISAGREEMENT: f64 = 0.01;

/// A source connector, and the settings to measure it under, one after the other in each repeat.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tune {
    /// The connector, as for `put_connector`.
    connector: JsonFile,
    /// What to set over the file, in every row.
    #[serde(default)]
    with: Map<String, Value>,
    /// The rows; `{row}` in `with` is a name of its own for each measurement, for slots and topics.
    rows: Vec<Row>,
    /// How often the rows are gone through.
    #[serde(default = "once")]
    repeats: usize,
    /// Time after the first record that does not count.
    #[serde(default = "warm_up")]
    warm_up: scenario::Duration,
    /// Time that counts, unless the source runs dry before.
    #[serde(default = "window")]
    window: scenario::Duration,
    /// What the ratios of the medians to the first row have to be.
    #[serde(default)]
    ratios: Vec<Ratio>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Row {
    /// What it is called.
    name: String,
    /// Producer settings, by Kafka's names without `producer.override.`.
    producer: Map<String, Value>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Ratio {
    /// The row.
    row: String,
    /// Its rate, divided by that of the first row.
    times: Expected,
}

fn once() -> usize {
    1
}
fn warm_up() -> scenario::Duration {
    scenario::Duration::from_secs(3)
}
fn window() -> scenario::Duration {
    scenario::Duration::from_secs(8)
}

/// One measurement.
#[derive(Debug, Clone, Serialize)]
struct Sample {
    /// Which row.
    row: String,
    /// Records a second.
    rate: f64,
    /// Connect's own windowed average at the end.
    windowed_rate: Option<f64>,
    /// Seconds between the first and the last sample that count.
    seconds: f64,
    /// `source-record-write-total` at the end.
    total: f64,
    /// Records on the connector's topics at the end.
    end_offsets: i64,
    /// Records a second, by seconds since the first one; the report's chart has them.
    #[serde(skip)]
    over_time: Vec<(f64, f64)>,
}

#[async_trait]
impl Step for Tune {
    async fn attempt(&self, context: &mut Context) -> Result<Observed, StepError> {
        let config = configuration(self.connector.value.clone()).map_err(anyhow::Error::msg)?;
        let mut samples = Vec::new();
        let measured = self.measure_all(context, &config, &mut samples).await;
        // Also of what was measured before something failed.
        context.show(self.chart(&samples));
        measured.map_err(|error| StepError::broken("connect", error))?;
        let medians: Vec<(String, f64)> = self
            .rows
            .iter()
            .map(|row| (row.name.clone(), median_of(&samples, &row.name)))
            .collect();
        let first = medians.first().map_or(f64::NAN, |(_, rate)| *rate);
        for Ratio { row, times } in &self.ratios {
            let (_, rate) = medians
                .iter()
                .find(|(name, _)| name == row)
                .with_context(|| format!("there is no row {row:?}"))?;
            if !times.holds(rate / first) {
                let observed = format!(
                    "{:.1} times ({:.0} and {:.0} records/s)",
                    rate / first,
                    rate,
                    first
                );
                return Err(StepError::mismatch(
                    "connect",
                    format!("row {row} to be {times} times row 1"),
                    observed,
                ));
            }
        }
        let value =
            json!({ "samples": samples, "medians": medians.iter().cloned().collect::<Map2>() });
        Ok(Observed {
            grid: Some(self.grid(&samples, first)),
            ..Observed::value(summary(&medians, first), value)
        })
    }
}

type Map2 = std::collections::BTreeMap<String, f64>;

impl Tune {
    async fn measure_all(
        &self,
        context: &mut Context,
        config: &Map<String, Value>,
        samples: &mut Vec<Sample>,
    ) -> Result<()> {
        for repeat in 1..=self.repeats {
            for row in &self.rows {
                let name = format!("{}_r{}", plain(&row.name), repeat);
                let sample = self
                    .measure(context, config, row, &name)
                    .await
                    .with_context(|| format!("row {:?}, repeat {repeat}", row.name))?;
                samples.push(sample);
            }
        }
        Ok(())
    }

    async fn measure(
        &self,
        context: &mut Context,
        config: &Map<String, Value>,
        row: &Row,
        unique: &str,
    ) -> Result<Sample> {
        let mut config = config.clone();
        for (key, value) in &self.with {
            let value = value.as_str().map_or_else(
                || value.clone(),
                |text| text.replace("{row}", unique).into(),
            );
            config.insert(key.clone(), value);
        }
        for (key, value) in &row.producer {
            config.insert(format!("producer.override.{key}"), value.clone());
        }
        let connector = format!("{}_{unique}", context.prefix);
        config.insert("name".to_owned(), connector.clone().into());
        context.made_connector(&connector);
        connect::put(context, &connector, &Value::Object(config)).await?;
        let measured = self.watch(context, &connector, row).await;
        connect::delete(context, &connector).await?;
        context.deleted_connector(&connector);
        context.drop_idle_slots().await?;
        topics::delete(context, &connector).await?;
        measured
    }

    async fn watch(&self, context: &Context, connector: &str, row: &Row) -> Result<Sample> {
        let begun = Instant::now();
        while self
            .latest(context, WRITE_TOTAL, connector)
            .await?
            .is_none_or(|total| total == 0.0)
        {
            fail_with_trace(context, connector).await?;
            if begun.elapsed() > FIRST_RECORD {
                bail!("no record was written within {FIRST_RECORD:?}");
            }
            tokio::time::sleep(LOOK / 5).await;
        }
        let first = Instant::now();
        let needed = self.warm_up.get() + self.window.get();
        let mut last_growth = (0.0, Instant::now());
        let (values, ran_dry) = loop {
            tokio::time::sleep(LOOK).await;
            fail_with_trace(context, connector).await?;
            let values = samples(context, connector, begun.elapsed()).await?;
            let total = values.last().map_or(0.0, |(_, total)| *total);
            if total > last_growth.0 {
                last_growth = (total, Instant::now());
            }
            // Everything that was polled is written, and nothing more comes. A worker too busy to be scraped has no value now.
            let polled = self.latest(context, POLL_TOTAL, connector).await?;
            let ran_dry =
                polled.is_some_and(|polled| total >= polled) && last_growth.1.elapsed() > DRY;
            let enough = first.elapsed() >= needed
                && rate::steps(&values, self.warm_up.get()).len() >= rate::STEPS;
            if enough || ran_dry || first.elapsed() > needed + LONGEST_EXTRA {
                break (values, ran_dry);
            }
        };
        let slope = Slope::of(&values, self.warm_up.get(), ran_dry).with_context(|| {
            let total = last_growth.0;
            match ran_dry {
                true => format!("the source ran dry after {total} records, before enough could be measured after the warm-up: give it more rows"),
                false => format!("only {total} records were written in {:.0} s: too few to measure a rate", first.elapsed().as_secs_f64()),
            }
        })?;
        let url = context.endpoint("prometheus", "http")?;
        let windowed = prometheus::query(
            &context.http,
            url,
            &format!("{WRITE_RATE}{{connector=\"{connector}\"}}"),
        )
        .await?;
        // Stopped, so that totals and end offsets are of one moment.
        connect::request(
            context,
            reqwest::Method::PUT,
            &format!("/connectors/{connector}/pause"),
            None,
        )
        .await?;
        let (total, end_offsets) = self.settled_totals(context, connector).await?;
        if (total - end_offsets as f64).abs() > DISAGREEMENT * total.max(1.0) {
            bail!("Connect counts {total} records written, but its topics hold {end_offsets}");
        }
        Ok(Sample {
            row: row.name.clone(),
            rate: slope.rate,
            windowed_rate: windowed.first().map(|sample| sample.value),
            seconds: slope.seconds,
            total,
            end_offsets,
            over_time: rate::over_time(&values),
        })
    }

    async fn latest(
        &self,
        context: &Context,
        metric: &str,
        connector: &str,
    ) -> Result<Option<f64>> {
        let url = context.endpoint("prometheus", "http")?;
        let query = format!("{metric}{{connector=\"{connector}\"}}");
        let found = prometheus::query(&context.http, url, &query).await?;
        Ok(found.first().map(|sample| sample.value))
    }

    /// Total and end offsets once both stand still.
    async fn settled_totals(&self, context: &Context, connector: &str) -> Result<(f64, i64)> {
        let mut before = (f64::NAN, -1);
        let begun = Instant::now();
        loop {
            let now = (
                self.latest(context, WRITE_TOTAL, connector)
                    .await?
                    .unwrap_or(0.0),
                topics::records(context, connector).await?,
            );
            if (now.0 - before.0).abs() < 0.5 && now.1 == before.1
                || begun.elapsed() > Duration::from_secs(30)
            {
                return Ok(now);
            }
            before = now;
            tokio::time::sleep(LOOK * 3).await;
        }
    }

    fn chart(&self, samples: &[Sample]) -> Chart {
        let series = samples.iter().map(|sample| Series {
            name: format!("row {}", sample.row),
            points: sample.over_time.clone(),
        });
        Chart {
            title: "Source records written, between samples that Prometheus scraped".to_owned(),
            x: "seconds since a connector's first record".to_owned(),
            y: "records/s".to_owned(),
            series: series.collect(),
            marks: vec![(
                self.warm_up.get().as_secs_f64(),
                "end of the warm-up".to_owned(),
            )],
        }
    }

    fn grid(&self, samples: &[Sample], first: f64) -> Grid {
        let header = [
            "row",
            "settings",
            "records/s",
            "spread",
            "times row 1",
            "windowed rate",
            "records",
            "on the topic",
        ];
        let rows = self.rows.iter().map(|row| {
            let own: Vec<_> = samples
                .iter()
                .filter(|sample| sample.row == row.name)
                .collect();
            let rate = median_of(samples, &row.name);
            let settings: Vec<_> = row
                .producer
                .iter()
                .map(|(key, value)| {
                    format!(
                        "{key}={}",
                        value
                            .as_str()
                            .map_or_else(|| value.to_string(), str::to_owned)
                    )
                })
                .collect();
            let least = own.iter().map(|one| one.rate).fold(f64::INFINITY, f64::min);
            let most = own.iter().map(|one| one.rate).fold(0.0, f64::max);
            let sum = |of: fn(&Sample) -> f64| own.iter().map(|one| of(one)).sum::<f64>();
            vec![
                row.name.clone(),
                settings.join(" "),
                format!("{rate:.0}"),
                if own.len() > 1 {
                    format!("{least:.0}–{most:.0}")
                } else {
                    "one run".to_owned()
                },
                format!("{:.1}", rate / first),
                own.last()
                    .and_then(|one| one.windowed_rate)
                    .map_or_else(String::new, |rate| format!("{rate:.0}")),
                format!("{:.0}", sum(|one| one.total)),
                format!("{:.0}", sum(|one| one.end_offsets as f64)),
            ]
        });
        Grid {
            header: header.map(str::to_owned).to_vec(),
            rows: rows.collect(),
        }
    }
}

/// Samples of the total since `since` ago, as (seconds since 1970, total).
async fn samples(context: &Context, connector: &str, since: Duration) -> Result<Vec<(f64, f64)>> {
    let url = context.endpoint("prometheus", "http")?;
    let selector = format!("{WRITE_TOTAL}{{connector=\"{connector}\"}}");
    let series = prometheus::samples(&context.http, url, &selector, since.as_secs() + 2).await?;
    Ok(series
        .into_iter()
        .next()
        .map(|one| one.values)
        .unwrap_or_default())
}

async fn fail_with_trace(context: &Context, connector: &str) -> Result<()> {
    let status = connect::status(context, connector).await?;
    let failed = status
        .iter()
        .flat_map(|status| std::iter::once(&status.connector).chain(&status.tasks))
        .find(|one| one.state == "FAILED");
    match failed {
        Some(one) => bail!("the connector has failed: {}", one.trace),
        None => Ok(()),
    }
}

fn median_of(samples: &[Sample], row: &str) -> f64 {
    let rates: Vec<f64> = samples
        .iter()
        .filter(|sample| sample.row == row)
        .map(|sample| sample.rate)
        .collect();
    crate::statistics::median(&rates)
}

fn summary(medians: &[(String, f64)], first: f64) -> String {
    let parts: Vec<_> = medians
        .iter()
        .map(|(name, rate)| {
            format!(
                "{name}: {:.1} k records/s (×{:.1})",
                rate / 1000.0,
                rate / first
            )
        })
        .collect();
    parts.join(", ")
}

/// Fit for names of slots and topics.
fn plain(name: &str) -> String {
    name.chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_lowercase()
            } else {
                '_'
            }
        })
        .collect()
}
