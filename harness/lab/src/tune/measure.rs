//! One measurement of one row: a connector of its own, its rate from the end of the warm-up to the end of the window, and
//! everything that says whether that figure is right and what it comes from.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, bail};
use reqwest::Method;
use serde_json::{Map, Value};
use stack::components::NoProgress;
use stack::native::Control;
use stack::services::{WorkerOverrides, connectors_access};

use super::Tune;
use super::arguments::{Form, Row, plain};
use super::brake::Brake;
use super::cpu::{self, Cpu, Snapshot};
use super::limits;
use super::outcome::Sample;
use super::preflight;
use super::rate::{self, Slope};
use super::readings::Readings;
use super::source::enough_left;
use super::topics::Topics;
use super::warm_up::WarmUp;
use crate::connect;
use crate::prometheus;
use crate::runner::Context;

const WRITE_TOTAL: &str = "kafka_connect_source_task_source_record_write_total";
const POLL_TOTAL: &str = "kafka_connect_source_task_source_record_poll_total";
const WRITE_RATE: &str = "kafka_connect_source_task_source_record_write_rate";
/// Scrapes of Connect are a second apart.
const LOOK: Duration = Duration::from_millis(500);
/// How much longer than its window a slow row is watched, until it has grown often enough.
const LONGEST_EXTRA: Duration = Duration::from_secs(60);
/// A source that has polled nothing and written nothing for so long has no more. A busy machine pauses for some seconds.
const DRY: Duration = Duration::from_secs(10);
/// How many times faster a worker becomes that has just started.
const STILL_RISES: f64 = 3.0;
/// How long a connector may take until its first record.
const FIRST_RECORD: Duration = Duration::from_secs(60);
/// How old a total may be that is not a rate: scrapes are a second apart, and take some time.
const SINCE_SCRAPE: Duration = Duration::from_millis(1500);
/// Where the last scrape is looked for: Prometheus' usual interval is a minute at the most.
const SCRAPED_WITHIN: Duration = Duration::from_secs(90);
/// What a measurement takes beside warm-up and window: connector and topics come and go.
const AROUND: Duration = Duration::from_secs(8);
/// What a restart of the worker takes.
const RESTART: Duration = Duration::from_secs(14);
/// Totals and end offsets may differ by this share: the last batches are written but not yet counted.
const DISAGREEMENT: f64 = 0.01;
/// Rates over the same window may differ by this share, and by what a batch of the source is at both ends.
const RATES_DISAGREE: f64 = 0.05;

/// Measures rows of an experiment, one after the other.
pub(super) struct Bench<'a> {
    pub context: &'a mut Context,
    tune: &'a Tune,
    /// Measurements so far: each has a name of its own.
    number: usize,
    /// What the worker runs with; `None` when it may not run.
    worker: Option<WorkerOverrides>,
    /// Whether rows have different workers. Then the worker is restarted before each of them, whether it changes or not: one
    /// that has run for long is faster.
    restarts: bool,
}

/// What a measurement came to, counted twice.
struct Counted {
    total: f64,
    end_offsets: i64,
    /// Whether both stood still: nothing was under way any more.
    drained: bool,
}

/// What was seen while a connector ran.
struct Watched {
    values: Vec<(f64, f64)>,
    offsets: Vec<(f64, f64)>,
    warm_up: Duration,
    ran_dry: bool,
    cpu: Cpu,
}

impl<'a> Bench<'a> {
    pub(super) fn new(context: &'a mut Context, tune: &'a Tune, rows: &[Row]) -> Self {
        Self {
            context,
            tune,
            number: 0,
            worker: Some(WorkerOverrides::default()),
            restarts: differ(rows),
        }
    }

    /// From now on these rows are compared.
    pub(super) fn restart_for(&mut self, rows: &[Row]) {
        self.restarts = differ(rows);
    }

    /// What is set in every row.
    pub(super) fn with(&self) -> &Map<String, Value> {
        &self.tune.with
    }

    /// The whole configuration of a row's connector.
    pub(super) fn configuration(&self, row: &Row, name: &str) -> Result<Map<String, Value>> {
        let mut config = self.tune.source.connector(self.context, name)?;
        config.extend(self.tune.with.clone());
        config.extend(row.settings.connector.clone());
        for (key, value) in &row.settings.producer {
            config.insert(format!("producer.override.{key}"), plain(value).into());
        }
        let unique = name
            .strip_prefix(&format!("{}_", self.context.prefix))
            .unwrap_or(name);
        for value in config.values_mut() {
            if let Value::String(text) = value {
                *text = text.replace("{row}", unique);
            }
        }
        config.insert("name".to_owned(), name.into());
        config.extend(connect::of_a_secure_stack(self.context, &config)?);
        Ok(config)
    }

    /// Rough time that a measurement takes, until one has been timed.
    pub(super) fn takes(&self, form: &Form) -> Duration {
        let restart = match self.restarts {
            true => Self::restart_takes(form),
            false => Duration::ZERO,
        };
        AROUND + form.warm_up.get() + form.window.get() + restart
    }

    /// Rough time that another worker takes: its start, and how much longer it is warming up.
    pub(super) fn restart_takes(form: &Form) -> Duration {
        let longer = form
            .longest_warm_up
            .get()
            .saturating_sub(form.warm_up.get());
        RESTART + longer / 2
    }

    /// Measures a row once.
    pub(super) async fn measure(&mut self, row: &Row, round: usize, form: &Form) -> Result<Sample> {
        enough_left(self.context)?;
        if row.slow_down.is_some() && self.own_stack().is_none() {
            bail!(
                "a slow-down stops processes, and those of a cluster are not the lab's\n  what to do: run without --endpoints"
            );
        }
        self.number += 1;
        // Of one length: topics are found by how their names begin.
        let name = format!("{}_m{:03}", self.context.prefix, self.number);
        let config = self.configuration(row, &name)?;
        let worker = WorkerOverrides {
            properties: row.settings.worker.clone().into_iter().collect(),
            jvm: row.settings.jvm.clone(),
        };
        if self.restarts || self.worker.as_ref() != Some(&worker) {
            self.worker = None;
            self.control()?
                .change_worker(worker.clone(), &NoProgress)
                .await
                .context("the worker does not start with the settings of this row")?;
            self.worker = Some(worker);
        }
        self.context
            .allow(connectors_access(&self.context.prefix))
            .await?;
        self.tune.source.begin(self.context, &name).await?;
        self.context.made_connector(&name);
        let topics = Topics::of(self.context, &name)?;
        let measured = self
            .put_and_watch(row, round, form, &name, &config, &topics)
            .await;
        // Whatever came of it: the next one needs the processor, the slot and the disk.
        let removed = async {
            // Until its task has ended: one that still wrote would make its topics again.
            let rest = self.context.endpoint("connect", "rest")?;
            connect::remove(&self.context.http, rest, &name).await?;
            self.context.deleted_connector(&name);
            self.tune.source.end(self.context, &config).await?;
            topics.delete().await
        }
        .await;
        if self.own_stack().is_some() && (measured.is_err() || removed.is_err()) {
            // It may have died of its settings: whoever comes next gets another one.
            self.worker = None;
        }
        let sample = measured?;
        removed?;
        Ok(sample)
    }

    fn own_stack(&self) -> Option<&Control> {
        self.context.control.as_deref()?.native()
    }

    fn control(&self) -> Result<&Control> {
        self.own_stack().context(
            "settings of the worker and its JVM want a restart of the worker, and endpoints give no control over it\n  what to do: leave `worker` and `jvm` out, or run without --endpoints",
        )
    }

    async fn put_and_watch(
        &self,
        row: &Row,
        round: usize,
        form: &Form,
        name: &str,
        config: &Map<String, Value>,
        topics: &Topics,
    ) -> Result<Sample> {
        connect::put(self.context, name, &Value::Object(config.clone()))
            .await
            .map_err(preflight::explain)?;
        let watched = self.watch(row, form, name, topics).await?;
        let slope = self.slope(form, &watched)?;
        let readings = Readings::take(self.context, name, &slope).await?;
        let windowed_rate = self.latest(WRITE_RATE, name).await?;
        // Paused, so that totals and end offsets are of one moment.
        let pause = format!("/connectors/{name}/pause");
        connect::request(self.context, Method::PUT, &pause, None).await?;
        let counted = self.settled(name, topics, form.drain.get()).await?;
        let Counted {
            total,
            end_offsets,
            drained,
        } = counted;
        if end_offsets == 0 {
            bail!(
                "Connect counts {total} records written, but there is no topic that begins with {name}\n  what to do: give the connector topics of each measurement's own, such as \"topic.prefix\" = \"${{run.prefix}}_{{row}}\" in `with`"
            );
        }
        let end_offset_rate = rate::between(&watched.offsets, slope.from, slope.to);
        let mut cpu = watched.cpu;
        if self.own_stack().is_none() {
            cpu = self.cpu_from_afar(name).await?;
        }
        Ok(Sample {
            row: row.name.clone(),
            round,
            rate: slope.rate,
            windowed_rate,
            end_offset_rate,
            warm_up: watched.warm_up.as_secs_f64(),
            seconds: slope.seconds(),
            total,
            end_offsets,
            drained,
            disagreement: disagreement(&slope, readings.task_batch, &counted, end_offset_rate),
            limit: limits::limit(&readings, &cpu),
            readings,
            cpu,
            fingerprint: topics.fingerprint()?,
            over_time: rate::over_time(&watched.values),
        })
    }

    fn slope(&self, form: &Form, watched: &Watched) -> Result<Slope> {
        let total = watched.values.last().map_or(0.0, |(_, total)| *total);
        let window = form.window.get().as_secs_f64();
        let slope = Slope::of(&watched.values, watched.warm_up, watched.ran_dry);
        match slope {
            // What was measured is long enough to be a rate.
            Some(slope) if !watched.ran_dry || slope.seconds() >= window / 2.0 => Ok(slope),
            _ if watched.ran_dry => {
                let rate = rate::over_time(&watched.values);
                let rate = rate.iter().map(|(_, rate)| *rate).fold(0.0, f64::max);
                let wanted =
                    STILL_RISES * rate * (form.longest_warm_up.get().as_secs_f64() + window);
                let help = match self.tune.source.records() {
                    Some(_) => {
                        format!("give `records` at least {wanted:.0}, or a shorter `window`")
                    }
                    None => format!("give it {wanted:.0} records, or a shorter `window`"),
                };
                bail!(
                    "the source ran dry after {total:.0} records, before the window of {window} s was over\n  what to do: {help}"
                )
            }
            _ => bail!(
                "only {total:.0} records were written, in fewer than {} steps: too few to measure a rate\n  what to do: give a longer `window`, or Prometheus a shorter scrape interval",
                rate::STEPS
            ),
        }
    }

    async fn watch(
        &self,
        row: &Row,
        form: &Form,
        connector: &str,
        topics: &Topics,
    ) -> Result<Watched> {
        let begun = Instant::now();
        while self
            .latest(WRITE_TOTAL, connector)
            .await?
            .is_none_or(|total| total == 0.0)
        {
            self.fail_with_trace(connector).await?;
            if begun.elapsed() > FIRST_RECORD {
                bail!(
                    "no record was written within {} s\n  what to do: see that the connector finds something to read, that Prometheus scrapes Connect's JMX agent with the rules of services/connect/jmx.json, and what Connect's log says",
                    FIRST_RECORD.as_secs()
                );
            }
            tokio::time::sleep(LOOK / 5).await;
        }
        let first = Instant::now();
        let _brake = row
            .slow_down
            .map(|share| Brake::new(self.processes(), share));
        let window = form.window.get();
        let mut last_growth = (0.0, Instant::now());
        let mut offsets = Vec::new();
        let mut warming_up = WarmUp::new(form);
        let mut warm = None;
        loop {
            tokio::time::sleep(LOOK).await;
            self.fail_with_trace(connector).await?;
            // Missing one look is no reason to lose the measurement: at its end they are asked again.
            if let Ok(records) = topics.records() {
                offsets.push((now(), records as f64));
            }
            let values = self.samples(connector, begun.elapsed()).await?;
            let total = values.last().map_or(0.0, |(_, total)| *total);
            if total > last_growth.0 {
                last_growth = (total, Instant::now());
            }
            if warm.is_none() {
                let processes = self.processes();
                let at = first.elapsed();
                if warming_up.is_over(at, cpu::compiled(&processes), total) {
                    warm = Some((at, Snapshot::take(&processes)));
                }
            }
            let warm_up = warm
                .as_ref()
                .map_or(form.longest_warm_up.get(), |(warm_up, _)| *warm_up);
            // Everything that was polled is written, and nothing more comes. A worker too busy to be scraped has no value now.
            let polled = self.latest(POLL_TOTAL, connector).await?;
            let all = form.records.is_some_and(|records| total >= records as f64);
            let ran_dry = all
                || polled.is_some_and(|polled| total >= polled) && last_growth.1.elapsed() > DRY;
            let enough = warm.is_some()
                && first.elapsed() >= warm_up + window
                && rate::steps(&values, warm_up).len() >= rate::STEPS;
            let too_long = warm.is_some() && first.elapsed() > warm_up + window + LONGEST_EXTRA;
            if enough || ran_dry || too_long {
                let cpu = warm.as_ref().map_or_else(Cpu::default, |(_, before)| {
                    Snapshot::take(&self.processes()).since(before)
                });
                return Ok(Watched {
                    values,
                    offsets,
                    warm_up,
                    ran_dry,
                    cpu,
                });
            }
        }
    }

    /// Process ids of the stack's services; none on a cluster that exists.
    fn processes(&self) -> Vec<(String, i32)> {
        let Some(control) = self.own_stack() else {
            return Vec::new();
        };
        let members = control.members().iter();
        members
            .filter_map(|service| {
                let pid = control.guard().job(service.as_str()).ok()?.pid?;
                Some((service.as_str().to_owned(), pid))
            })
            .collect()
    }

    /// Of a cluster that exists only the worker is seen, by the JMX agent's own figure.
    async fn cpu_from_afar(&self, connector: &str) -> Result<Cpu> {
        let query = format!(
            "rate(process_cpu_seconds_total[1m]) * on(instance) group_left() (max by (instance) ({WRITE_TOTAL}{{connector=\"{connector}\"}}) >= bool 0)"
        );
        let url = self.context.endpoint("prometheus", "http")?;
        let found = prometheus::query(&self.context.http, url, &query).await?;
        let used = found.first().map(|sample| sample.value);
        Ok(Cpu {
            processes: used
                .map(|used| ("connect".to_owned(), used))
                .into_iter()
                .collect(),
            ..Cpu::default()
        })
    }

    async fn latest(&self, metric: &str, connector: &str) -> Result<Option<f64>> {
        let url = self.context.endpoint("prometheus", "http")?;
        let query = format!("sum({metric}{{connector=\"{connector}\"}})");
        let found = prometheus::query(&self.context.http, url, &query).await?;
        Ok(found.first().map(|sample| sample.value))
    }

    /// Samples of the total since `since` ago, as (seconds since 1970, total), over all tasks.
    async fn samples(&self, connector: &str, since: Duration) -> Result<Vec<(f64, f64)>> {
        let url = self.context.endpoint("prometheus", "http")?;
        let selector = format!("{WRITE_TOTAL}{{connector=\"{connector}\"}}");
        let seconds = since.as_secs() + 2;
        let series = prometheus::samples(&self.context.http, url, &selector, seconds).await?;
        Ok(rate::sum(series.into_iter().map(|one| one.values)))
    }

    /// Total and end offsets once both stand still, or after so long: a full buffer of a slow row may take longer, and its figures
    /// are then compared with what was under way.
    async fn settled(
        &self,
        connector: &str,
        topics: &Topics,
        longest: Duration,
    ) -> Result<Counted> {
        let mut before = ((f64::NAN, f64::NAN), -1);
        let begun = Instant::now();
        loop {
            let samples = self.samples(connector, SCRAPED_WITHIN).await?;
            let now = (
                samples.last().copied().unwrap_or((0.0, 0.0)),
                topics.records()?,
            );
            let ((scraped, total), end_offsets) = now;
            // The same scrape twice says nothing: between the two of them, offsets have to stand still.
            let is_new = scraped > before.0.0;
            let drained = is_new && (total - before.0.1).abs() < 0.5 && end_offsets == before.1;
            if drained || begun.elapsed() > longest {
                return Ok(Counted {
                    total,
                    end_offsets,
                    drained,
                });
            }
            if is_new || before.0.0.is_nan() || end_offsets != before.1 {
                before = now;
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn fail_with_trace(&self, connector: &str) -> Result<()> {
        let status = connect::status(self.context, connector).await?;
        let failed = status
            .iter()
            .flat_map(|status| std::iter::once(&status.connector).chain(&status.tasks))
            .find(|one| one.state == "FAILED");
        match failed {
            Some(one) => bail!("the connector has failed: {}", one.trace),
            None => Ok(()),
        }
    }
}

/// Whether these rows want different workers.
fn differ(rows: &[Row]) -> bool {
    rows.windows(2)
        .any(|pair| pair[0].settings.worker_key() != pair[1].settings.worker_key())
}

fn now() -> f64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0.0, |since| since.as_secs_f64())
}

/// Why the figures of a measurement cannot be trusted.
fn disagreement(
    slope: &Slope,
    batch: Option<f64>,
    counted: &Counted,
    end_offset_rate: Option<f64>,
) -> Option<String> {
    let Counted {
        total,
        end_offsets,
        drained,
    } = *counted;
    let under_way = match drained {
        true => 0.0,
        // A batch of the source that is written in part, and what was written since the last scrape.
        false => batch.unwrap_or(0.0) + slope.rate * SINCE_SCRAPE.as_secs_f64(),
    };
    if (total - end_offsets as f64).abs() > DISAGREEMENT * total.max(1.0) + under_way {
        return Some(format!(
            "Connect counts {total:.0} records written, its topics hold {end_offsets}"
        ));
    }
    let other = end_offset_rate?;
    // The total grows when a whole batch of the source is acknowledged, end offsets with each of the producer's.
    let batches = batch.map_or(1.0, |batch| 2.0 * batch / (slope.rate * slope.seconds()));
    let allowed = RATES_DISAGREE + batches.min(slope.largest_step);
    ((slope.rate - other).abs() > allowed * slope.rate).then(|| {
        format!(
            "{:.0} records/s by Connect's total, {other:.0} by end offsets",
            slope.rate
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::agree(1000.0, 1005, true, Some(100.0), false)]
    #[case::totals(1000.0, 1011, true, Some(100.0), true)]
    #[case::lost(1000.0, 900, true, None, true)]
    #[case::under_way(1000.0, 1150, false, None, false)]
    #[case::more_than_under_way(1000.0, 1190, false, None, true)]
    #[case::rates(1000.0, 1000, true, Some(80.0), true)]
    #[case::within_a_step(1000.0, 1000, true, Some(92.0), false)]
    #[case::no_rate_of_offsets(1000.0, 1000, true, None, false)]
    fn figures_that_disagree_are_seen(
        #[case] total: f64,
        #[case] end_offsets: i64,
        #[case] drained: bool,
        #[case] other: Option<f64>,
        #[case] seen: bool,
    ) {
        let counted = Counted {
            total,
            end_offsets,
            drained,
        };
        let slope = Slope {
            rate: 100.0,
            from: 0.0,
            to: 8.0,
            largest_step: 0.05,
        };
        let said = disagreement(&slope, Some(20.0), &counted, other);
        assert_eq!(said.is_some(), seen, "{said:?}");
    }
}
