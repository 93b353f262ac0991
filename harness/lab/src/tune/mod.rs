//! Measures the rate of a source connector under several settings.
//!
//! The rate is the slope of Connect's `source-record-write-total` between the end of the warm-up and the end of the window,
//! from samples that Prometheus scraped. Connect's own `source-record-write-rate` is an average over a sliding window and
//! lags behind in short runs; it is shown beside. The slope of the topics' end offsets, and their sum at the end, are what it is
//! checked with.

mod analysis;
mod arguments;
mod brake;
mod cpu;
mod limits;
mod measure;
pub(crate) mod outcome;
mod preflight;
mod producer_settings;
mod rate;
mod readings;
pub(crate) mod report;
mod search;
mod session;
mod source;
#[cfg(test)]
mod testing;
mod topics;
mod warm_up;

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use async_trait::async_trait;
use serde_json::json;
use stack::components::NoProgress;
use stack::services::WorkerOverrides;

pub(crate) use analysis::{About, connector_patch, experiment, worker_patch};
pub use arguments::Tune;
pub(crate) use arguments::needs;
pub(crate) use cpu::processor_seconds;
pub(crate) use outcome::{Experiment, Sample};
pub(crate) use session::{Calibrate, Mode, Session, Told, rows};

use crate::runner::{Chart, Context, Observed, Series, Step, StepError};
use arguments::{Form, Row, shorten};
use measure::Bench;

/// How long a search may take when nobody says it.
const SEARCH: Duration = Duration::from_secs(20 * 60);
/// What counts of the measurement before the first round: it only warms the worker up.
const BURN_IN: Duration = Duration::from_secs(3);

#[async_trait]
impl Step for Tune {
    async fn attempt(&self, context: &mut Context) -> Result<Observed, StepError> {
        let session = context.tuning.clone().unwrap_or_default();
        let measured = self.run(context, &session).await;
        if let Err(error) = &measured {
            session.record().cut_short = Some(format!("{error:#}"));
        }
        let experiment = experiment(&session.record(), About::default());
        // Also of what was measured before something failed.
        context.show(chart(&experiment));
        if session.mode == Mode::Short {
            // Other scenarios come after this one, on the same worker.
            reset_worker(context)
                .await
                .map_err(|error| StepError::broken("connect", error))?;
        }
        measured.map_err(|error| StepError::broken("connect", error))?;
        // Of rows of somebody else, the file says nothing.
        if session.mode != Mode::Search && session.rows.is_none() && session.calibrate.is_none() {
            let ratios = match (session.mode, &self.short_ratios) {
                (Mode::Short, Some(ratios)) => ratios,
                _ => &self.ratios,
            };
            hold(ratios, &experiment)?;
        }
        let medians: serde_json::Map<_, _> = experiment
            .rows
            .iter()
            .map(|row| {
                let rate = row.rate.map(|rate| rate.median);
                (row.row.name.clone(), json!(rate))
            })
            .collect();
        let value = json!({ "samples": experiment.samples, "medians": medians });
        Ok(Observed {
            grid: Some(report::grid(&experiment)),
            ..Observed::value(report::summary(&experiment), value)
        })
    }
}

impl Tune {
    async fn run(&self, context: &mut Context, session: &Arc<Session>) -> Result<()> {
        let mut form = match session.mode {
            Mode::Short => self.short,
            Mode::Full | Mode::Search => self.full,
        };
        if let Some(repeats) = session.repeats {
            form.repeats = repeats;
        }
        let mut rows = session.rows.clone().unwrap_or_else(|| self.rows.clone());
        if let Some(calibrate) = &session.calibrate {
            rows = calibration(&rows, calibrate)?;
        }
        let mut space = match (session.mode, &self.search) {
            (Mode::Search, Some(space)) => Some(space.clone()),
            (Mode::Search, None) => Some(self.source.space()?),
            _ => None,
        };
        if let Some(space) = &mut space {
            rows = Vec::new();
            if context.is_attached()
                && (!space.axes.jvm.is_empty() || !space.axes.worker.is_empty())
            {
                session.line("settings of the worker and its JVM are left out of the search: endpoints give no control over it");
                space.axes.jvm.clear();
                space.axes.worker.clear();
            }
        }
        {
            let mut record = session.record();
            record.source = self.source.words(&form);
            record.form = Some(form);
            record.rows.clone_from(&rows);
            record.rounds_planned = form.repeats;
            record.versions = context.versions().clone();
        }
        let mut bench = Bench::new(context, self, &rows);
        // Debezium looks at the database when its settings are validated.
        self.source.open(bench.context).await?;
        preflight::check(&bench, &rows).await?;
        session.doing("preparing the data");
        self.source.prepare(bench.context, &form, session).await?;
        // Code that no JVM has compiled yet, and files that nobody has read, would count against the first row.
        session.doing("warming up");
        let burn_in = Form {
            window: scenario::Duration::from_millis(BURN_IN.as_millis() as u64),
            ..form
        };
        let last = rows.last().cloned().unwrap_or_else(search::defaults);
        bench.measure(&last, 0, &burn_in).await?;
        let budget = session.budget.or(self.budget.map(scenario::Duration::get));
        if let Some(space) = &space {
            let budget = budget.unwrap_or(SEARCH);
            rows = search::search(&mut bench, space, &form, budget, session).await?;
            session.record().rows.clone_from(&rows);
            form.repeats = session
                .repeats
                .map_or(usize::MAX, |repeats| repeats.max(search::ROUNDS));
            bench.restart_for(&rows);
            return rounds(&mut bench, &rows, &form, Some(budget), session).await;
        }
        let budget = match session.mode {
            Mode::Full => budget,
            _ => None,
        };
        rounds(&mut bench, &rows, &form, budget, session).await
    }
}

/// Gives the worker its usual settings back, where a row had others.
async fn reset_worker(context: &Context) -> Result<()> {
    let usual = WorkerOverrides::default();
    let control = context.control.as_deref();
    match control.and_then(|control| control.native()) {
        Some(control) if control.worker() != usual => {
            Ok(control.change_worker(usual, &NoProgress).await?)
        }
        _ => Ok(()),
    }
}

/// Whether the ratios are as the file wants them.
fn hold(ratios: &[arguments::Ratio], experiment: &Experiment) -> Result<(), StepError> {
    let Some(first) = experiment.rows.first() else {
        return Ok(());
    };
    for wanted in ratios {
        let row = experiment
            .rows
            .iter()
            .find(|row| row.row.name == wanted.row);
        let row = row.with_context(|| format!("there is no row {:?}", wanted.row))?;
        let expected = |what: &str| {
            format!(
                "row {} to be {what} times row {}",
                shorten(&wanted.row),
                first.row.short_name()
            )
        };
        let Some((rate, base)) = row.rate.zip(first.rate) else {
            let reason = row.no_rate.clone().or_else(|| first.no_rate.clone());
            return Err(StepError::mismatch(
                "connect",
                expected(&wanted.times.to_string()),
                reason.unwrap_or_default(),
            ));
        };
        // With rounds enough the paired estimate, else that of what there is.
        let ratio = row
            .ratio
            .map_or(rate.median / base.median, |ratio| ratio.ratio);
        let seen = format!(
            "{ratio:.2} times ({:.0} and {:.0} records/s)",
            rate.median, base.median
        );
        if !wanted.times.holds(ratio) {
            return Err(StepError::mismatch(
                "connect",
                expected(&wanted.times.to_string()),
                seen,
            ));
        }
        if let Some(interval) = &wanted.interval {
            let holds = row
                .ratio
                .is_some_and(|ratio| interval.holds(ratio.low) && interval.holds(ratio.high));
            if !holds {
                let what = format!("with its whole 95 % interval {interval}");
                let seen = match row.ratio {
                    Some(ratio) => format!("{seen}, 95 %: {:.2}–{:.2}", ratio.low, ratio.high),
                    None => format!("{seen}, and too few rounds for an interval"),
                };
                return Err(StepError::mismatch("connect", expected(&what), seen));
            }
        }
    }
    Ok(())
}

/// The same row three times: as it is, again, and slowed down.
fn calibration(rows: &[Row], calibrate: &Calibrate) -> Result<Vec<Row>> {
    let row = match &calibrate.row {
        Some(name) => rows.iter().find(|row| row.name == *name),
        None => rows.last(),
    };
    let row = row.with_context(|| {
        let names: Vec<_> = rows.iter().map(|row| row.name.as_str()).collect();
        format!(
            "there is no row {:?}; there are {}",
            calibrate.row.as_deref().unwrap_or_default(),
            names.join(", ")
        )
    })?;
    let named = |name: &str, slow_down: Option<f64>| Row {
        name: name.to_owned(),
        slow_down,
        ..row.clone()
    };
    Ok(vec![
        named(Calibrate::SAME[0], None),
        named(Calibrate::SAME[1], None),
        named(Calibrate::SLOW, Some(calibrate.slow_down)),
    ])
}

/// Goes through the rows, so often as is planned, or as the budget lets.
async fn rounds(
    bench: &mut Bench<'_>,
    rows: &[Row],
    form: &Form,
    budget: Option<Duration>,
    session: &Session,
) -> Result<()> {
    let mut each = bench.takes(form);
    let number = u32::try_from(rows.len()).unwrap_or(u32::MAX);
    let left = |each: Duration| {
        let left = budget?.saturating_sub(session.elapsed());
        let rounds = left.as_secs_f64() / (each * number).as_secs_f64();
        Some(rounds.max(0.0) as usize)
    };
    let least = if session.mode == Mode::Search {
        search::ROUNDS
    } else {
        1
    };
    let planned = form
        .repeats
        .min(left(each).map_or(usize::MAX, |rounds| rounds.max(least)));
    session.record().rounds_planned = if form.repeats == usize::MAX {
        planned
    } else {
        form.repeats
    };
    let (mut measured, mut taken, mut done) = (0_u32, Duration::ZERO, 0);
    for round in 1..=planned {
        if round > least && left(each) == Some(0) {
            break;
        }
        done = round;
        for (place, row) in rows.iter().enumerate() {
            let to_go = (planned - round) * rows.len() + rows.len() - place;
            let minutes = humantime::format_duration(Duration::from_secs(
                (each * u32::try_from(to_go).unwrap_or(u32::MAX)).as_secs(),
            ));
            let whereabouts = format!("round {round} of {planned}, row {}", row.short_name());
            session.doing(&format!("{whereabouts}; about {minutes} left"));
            let begun = Instant::now();
            let sample = bench
                .measure(row, round, form)
                .await
                .with_context(|| format!("row {:?}, round {round}", row.name))?;
            measured += 1;
            taken += begun.elapsed();
            each = taken / measured;
            let doubt = sample
                .disagreement
                .as_ref()
                .map_or_else(String::new, |doubt| {
                    format!(" – cross-checks disagree: {doubt}")
                });
            session.line(&format!(
                "{whereabouts}: {:.0} records/s, limited by {}; about {minutes} left{doubt}",
                sample.rate, sample.limit.what
            ));
            session.keep(sample);
        }
    }
    if let (true, Some(budget)) = (done < form.repeats && form.repeats < usize::MAX, budget) {
        let shown = humantime::format_duration(budget);
        session.record().cut_short = Some(match session.elapsed() > budget {
            true if done == 1 => format!(
                "the budget of {shown} was over before the first of {} rounds was, which is measured whatever it takes",
                form.repeats
            ),
            _ => format!(
                "the budget of {shown} had room for {done} of {} rounds",
                form.repeats
            ),
        });
    }
    Ok(())
}

/// Rates over time, a line a measurement.
pub(crate) fn chart(experiment: &Experiment) -> Chart {
    let series = experiment.samples.iter().map(|sample| Series {
        name: format!("row {}", sample.row),
        points: sample.over_time.clone(),
    });
    Chart {
        title: "Source records written, between samples that Prometheus scraped".to_owned(),
        x: "seconds since a connector's first record".to_owned(),
        y: "records/s".to_owned(),
        series: series.collect(),
        marks: vec![(
            experiment.warm_up[1],
            "end of the longest warm-up".to_owned(),
        )],
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::statistics::Difference;
    use arguments::Ratio;
    use rstest::rstest;
    use serde_json::Value;
    use testing::{record, row, told};

    fn wanted(row: &str, times: &Value, interval: Option<&Value>) -> Ratio {
        let expected = |value: &Value| {
            let written = toml::Value::try_from(value).unwrap().to_string();
            crate::testing::arguments(&written).unwrap()
        };
        Ratio {
            row: row.to_owned(),
            times: expected(times),
            interval: interval.map(expected),
        }
    }

    #[rstest]
    #[case::holds(&[200.0, 220.0, 230.0], json!({ "at_least": 2 }), None, None)]
    #[case::too_slow(&[190.0, 205.0, 215.0], json!({ "at_least": 2 }), None, Some("1.9"))]
    #[case::too_fast(&[400.0, 420.0, 430.0], json!({ "at_most": 2 }), None, Some("3.9"))]
    #[case::interval(&[200.0, 220.0, 230.0], json!({ "at_least": 2 }), Some(json!({ "at_least": 1.5 })), None)]
    #[case::interval_too_wide(&[150.0, 500.0, 150.0], json!({ "at_least": 2 }), Some(json!({ "at_least": 1.5 })), Some("95 %: 0"))]
    #[case::no_interval(&[200.0, 220.0], json!({ "at_least": 2 }), Some(json!({ "at_least": 1.5 })), Some("too few rounds for an interval"))]
    fn a_ratio_holds_or_says_what_it_is(
        #[case] rates: &[f64],
        #[case] times: Value,
        #[case] interval: Option<Value>,
        #[case] said: Option<&str>,
    ) {
        let rows = vec![row("a", json!({})), row("b", json!({ "linger.ms": 5 }))];
        let first = [100.0, 108.0, 112.0];
        let experiment = told(&record(rows, &[("a", &first[..rates.len()]), ("b", rates)]));
        let held = hold(&[wanted("b", &times, interval.as_ref())], &experiment);
        match said {
            None => held.unwrap(),
            Some(said) => {
                let words = held.unwrap_err().to_string();
                assert!(words.contains(said), "{words}");
            }
        }
    }

    /// Rates that cannot be trusted hold nothing.
    #[test]
    fn a_row_without_a_rate_fails() {
        let rows = vec![row("a", json!({})), row("b", json!({ "linger.ms": 5 }))];
        let mut record = record(rows, &[("a", &[1.0]), ("b", &[9.0])]);
        record.samples[1].disagreement = Some("its topics hold 4".to_owned());
        let held = hold(
            &[wanted("b", &json!({ "at_least": 2 }), None)],
            &told(&record),
        );
        assert!(held.unwrap_err().to_string().contains("its topics hold 4"));
    }

    #[test]
    fn a_calibration_is_one_row_three_times() {
        let rows = [row("a", json!({})), row("b", json!({ "linger.ms": 5 }))];
        let calibrate = |name: Option<&str>| Calibrate {
            row: name.map(str::to_owned),
            slow_down: 0.1,
        };
        let three = calibration(&rows, &calibrate(None)).unwrap();
        assert!(three.iter().all(|one| one.settings == rows[1].settings));
        let slow: Vec<_> = three.iter().map(|one| one.slow_down).collect();
        assert_eq!(slow, [None, None, Some(0.1)]);
        let words = calibration(&rows, &calibrate(Some("c")))
            .unwrap_err()
            .to_string();
        assert!(words.contains("there are a, b"), "{words}");
    }

    #[test]
    fn what_is_not_measured_is_no_difference() {
        let rows = vec![row("a", json!({})), row("b", json!({}))];
        let experiment = told(&record(rows, &[("a", &[1.0]), ("b", &[])]));
        assert_eq!(experiment.rows[1].difference, None::<Difference>);
        assert_eq!(experiment.rounds, 0);
    }
}
