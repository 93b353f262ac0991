//! Finds better settings within a time budget.
//!
//! Successive halving: all candidates get little measuring time, the best third of them three times as much, the best third of
//! those as much again, so that time goes where it tells good ones apart (Zohar Karnin, Tomer Koren and Oren Somekh, *Almost
//! Optimal Exploration in Multi-Armed Bandits*, ICML 2013; Kevin Jamieson and Ameet Talwalkar, *Non-stochastic Best Arm
//! Identification and Hyperparameter Optimization*, AISTATS 2016; thirds as in Lisha Li et al., *Hyperband*, JMLR 2018). Candidates are drawn at random from all
//! combinations, since what producer, connector and JVM do depends on each other. The gain is measured afterwards and anew: that
//! of the figures by which the winner was chosen would be too good.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom as _, SliceRandom as _};
use serde::Serialize;

use super::arguments::{Axes, Form, Row, Settings, Space, plain};
use super::measure::Bench;
use super::preflight;
use super::session::Session;

/// One of so many candidates stays.
const THIRDS: usize = 3;
/// Passes of a rung, at the most. A candidate is judged by what all rungs have measured of it, and the winner's gain is measured
/// anew.
const MOST_PASSES: usize = 3;
/// Candidates at the beginning, at the most.
const MOST: usize = 81;
/// Of the budget, what goes into the search; the rest measures the gain.
const SEARCHING: f64 = 0.6;
/// Rounds of the measurement of the gain, at the least: fewer have no interval.
pub(super) const ROUNDS: usize = 3;
/// Passes of a rung are measured in so many blocks at the most. Within one, candidates of the same worker follow each other, so
/// that it is not restarted for each; the defaults are measured in every block, since a machine changes.
const BLOCKS: usize = 2;
/// How often a combination is drawn that Connect refuses, or that was drawn before.
const TRIES: usize = 20;
/// What no settings at all are called.
pub(super) const DEFAULTS: &str = "defaults";
/// What the winner is called.
pub(super) const BEST: &str = "best";

/// What a search has found, and how.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Found {
    /// The method.
    pub method: &'static str,
    /// The seed of the draw.
    pub seed: u64,
    /// Seconds that it had.
    pub budget: f64,
    /// Each setting with its values.
    pub space: Vec<(String, Vec<String>)>,
    /// How many combinations these have.
    pub combinations: u64,
    /// The path.
    pub rungs: Vec<Rung>,
    /// The winner; none until the search is over.
    pub winner: Option<Row>,
}

/// Candidates that got as much measuring time as each other.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Rung {
    /// Measurements of each.
    pub passes: usize,
    /// The candidates, the best first.
    pub tried: Vec<Tried>,
}

/// A candidate in a rung.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Tried {
    /// Its settings.
    pub settings: Settings,
    /// Rates, in records a second.
    pub rates: Vec<f64>,
    /// The geometric mean of the ratios to the defaults of the same block, in this rung and those before.
    pub ratio: Option<f64>,
    /// Whether it went on.
    pub kept: bool,
    /// Why it could not be measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
}

/// What a search costs, in seconds.
#[derive(Debug, Clone, Copy)]
struct Cost {
    /// A measurement.
    each: f64,
    /// Another worker.
    restart: f64,
    /// Workers that the space has.
    workers: usize,
}

impl Cost {
    fn of(self, rungs: &[(usize, usize)]) -> f64 {
        rungs
            .iter()
            .map(|(number, passes)| {
                // The defaults are measured in each pass, and in each block every worker comes up once.
                let measurements = (number + 1) * passes;
                let restarts = (number + 1).min(self.workers) * blocks(*passes);
                measurements as f64 * self.each + restarts as f64 * self.restart
            })
            .sum()
    }
}

/// In how many blocks passes are measured.
fn blocks(passes: usize) -> usize {
    passes.min(BLOCKS)
}

/// A combination, and the logarithms of its ratios to the defaults.
struct Candidate {
    settings: Settings,
    logs: Vec<f64>,
}

impl From<Settings> for Candidate {
    fn from(settings: Settings) -> Self {
        let logs = Vec::new();
        Self { settings, logs }
    }
}

/// How many candidates, and so on, fit into so many seconds: numbers of candidates and passes of each rung.
fn plan(seconds: f64, cost: Cost, combinations: u64) -> Vec<(usize, usize)> {
    let most = usize::try_from(combinations).unwrap_or(MOST).min(MOST);
    (2..=most)
        .rev()
        .map(rungs)
        .find(|rungs| cost.of(rungs) <= seconds)
        .unwrap_or_default()
}

fn rungs(first: usize) -> Vec<(usize, usize)> {
    let (mut number, mut passes, mut all) = (first, 1, Vec::new());
    while number > 1 {
        all.push((number, passes));
        number = number.div_ceil(THIRDS);
        passes = (passes * THIRDS).min(MOST_PASSES);
    }
    all
}

/// Draws a combination.
fn draw(axes: &Axes, random: &mut StdRng) -> Result<Settings> {
    let mut settings = Settings::default();
    for axis in axes.each().map_err(anyhow::Error::msg)? {
        if let Some(value) = axis.values.choose(random) {
            axis.put(value, &mut settings);
        }
    }
    Ok(settings)
}

/// Draws candidates that are no two the same, and that Connect takes.
async fn candidates(
    bench: &Bench<'_>,
    axes: &Axes,
    number: usize,
    random: &mut StdRng,
) -> Result<Vec<Settings>> {
    let mut drawn: Vec<Settings> = Vec::new();
    for _ in 0..number * TRIES {
        if drawn.len() == number {
            break;
        }
        let settings = draw(axes, random)?;
        if drawn.contains(&settings) || settings.check().is_err() {
            continue;
        }
        let row = row(&settings.words(), settings);
        if preflight::check(bench, std::slice::from_ref(&row))
            .await
            .is_ok()
        {
            drawn.push(row.settings);
        }
    }
    match drawn.len() {
        0 => bail!(
            "Connect refuses every combination of the search space that was drawn\n  what to do: see `search` of the experiment; `lab tune` without --search says what is wrong with a row"
        ),
        _ => Ok(drawn),
    }
}

/// Searches, and tells the session how far it is. Gives the rows whose gain is to be measured.
pub(super) async fn search(
    bench: &mut Bench<'_>,
    space: &Space,
    form: &Form,
    budget: Duration,
    session: &Session,
) -> Result<Vec<Row>> {
    let axes = space.axes.each().map_err(anyhow::Error::msg)?;
    let each = bench.takes(form);
    let of_worker = axes.iter().filter(|axis| axis.concerns_worker());
    let workers = match of_worker.clone().count() {
        0 => 1,
        // That of the defaults may be another one.
        _ => 1 + of_worker.map(|axis| axis.values.len()).product::<usize>(),
    };
    let cost = Cost {
        each: each.as_secs_f64(),
        restart: match workers {
            1 => 0.0,
            _ => Bench::restart_takes(form).as_secs_f64(),
        },
        workers,
    };
    // Each of these has a worker of its own in each round.
    let gain = ((2 + space.format.len()) * ROUNDS) as f64 * (cost.each + cost.restart);
    // Stack and data took of it, too.
    let all = budget.saturating_sub(session.elapsed()).as_secs_f64();
    let searching = (all * SEARCHING).min(all - gain);
    let combinations = space.axes.size().map_err(anyhow::Error::msg)?;
    let plan = plan(searching, cost, combinations);
    if plan.is_empty() {
        let least = (gain + cost.of(&rungs(2))).max(cost.of(&rungs(2)) / SEARCHING);
        // What stack and data took, they take again.
        let least = least + session.elapsed().as_secs_f64();
        bail!(
            "a search needs at least {} here, stack and data included, and has {}: a measurement takes about {} s\n  what to do: give a longer --budget, or a shorter `window`",
            humantime::format_duration(Duration::from_secs(least.ceil() as u64)),
            humantime::format_duration(budget),
            each.as_secs()
        );
    }
    session.record().search = Some(Found {
        method: "successive halving",
        seed: session.seed,
        budget: budget.as_secs_f64(),
        space: axes
            .iter()
            .map(|axis| (axis.name.clone(), axis.values.iter().map(plain).collect()))
            .collect(),
        combinations,
        rungs: Vec::new(),
        winner: None,
    });
    let mut random = StdRng::seed_from_u64(session.seed);
    let number = plan.first().map_or(0, |(number, _)| *number);
    let mut alive: Vec<Candidate> = candidates(bench, &space.axes, number, &mut random)
        .await?
        .into_iter()
        .map(Candidate::from)
        .collect();
    session.line(&format!(
        "search: {} of {combinations} combinations, {} rungs, {} measurements, about {}",
        alive.len(),
        plan.len(),
        plan.iter()
            .map(|(number, passes)| (number + 1) * passes)
            .sum::<usize>(),
        humantime::format_duration(Duration::from_secs(cost.of(&plan) as u64))
    ));
    let ends = session.elapsed() + Duration::from_secs_f64(cost.of(&plan));
    for (number, (_, passes)) in plan.iter().enumerate() {
        let tried = rung(
            bench,
            &mut alive,
            *passes,
            form,
            session,
            (number + 1, ends),
        );
        let mut tried = tried.await?;
        let stay = if number + 1 == plan.len() {
            1
        } else {
            tried.len().div_ceil(THIRDS)
        };
        for one in tried.iter_mut().take(stay) {
            one.kept = one.ratio.is_some();
        }
        alive.retain(|candidate| {
            let kept = |one: &Tried| one.kept && one.settings == candidate.settings;
            tried.iter().any(kept)
        });
        if let Some(best) = tried.first() {
            session.line(&format!(
                "rung {} of {}: {} measured, {} kept; best so far ×{:.2} of the defaults: {}",
                number + 1,
                plan.len(),
                tried.len(),
                alive.len(),
                best.ratio.unwrap_or(f64::NAN),
                best.settings.words()
            ));
        }
        keep(session, &tried);
        if alive.is_empty() {
            bail!("no combination of the search space could be measured: the report says why");
        }
    }
    let winner = alive.pop().context("the search has no winner")?;
    let best = row(BEST, winner.settings);
    if let Some(found) = &mut session.record().search {
        found.winner = Some(best.clone());
    }
    let formats = space.format.iter().map(|format| {
        let settings = best.settings.with(&format.settings);
        row(&format!("{BEST}, {}", format.name), settings)
    });
    Ok([defaults(), best.clone()]
        .into_iter()
        .chain(formats)
        .collect())
}

/// No settings at all.
pub(super) fn defaults() -> Row {
    row(DEFAULTS, Settings::default())
}

fn row(name: &str, settings: Settings) -> Row {
    Row {
        name: name.to_owned(),
        settings,
        slow_down: None,
    }
}

/// Measures candidates, and keeps in the record what was measured of each so far; the best first in what comes back.
async fn rung(
    bench: &mut Bench<'_>,
    alive: &mut [Candidate],
    passes: usize,
    form: &Form,
    session: &Session,
    (number, ends): (usize, Duration),
) -> Result<Vec<Tried>> {
    let mut tried: Vec<Tried> = alive
        .iter()
        .map(|candidate| Tried {
            settings: candidate.settings.clone(),
            rates: Vec::new(),
            ratio: None,
            kept: false,
            failed: None,
        })
        .collect();
    if let Some(found) = &mut session.record().search {
        found.rungs.push(Rung {
            passes,
            tried: Vec::new(),
        });
    }
    let number_of = alive.len();
    let blocks = blocks(passes);
    for block in 0..blocks {
        let each = passes / blocks + usize::from(block < passes % blocks);
        let mut before = Vec::new();
        for _ in 0..each {
            let rate = trusted(bench, &defaults(), block + 1, form, session).await;
            let rate = rate
                .map_err(anyhow::Error::msg)
                .context("the defaults cannot be measured")?;
            before.push(rate.ln());
        }
        let before = mean(&before);
        for (nth, place) in order(alive, session.seed, (number, block))
            .into_iter()
            .enumerate()
        {
            let (one, logs) = (&mut tried[place], &mut alive[place].logs);
            let whereabouts = format!(
                "rung {number}, block {} of {blocks}, candidate {} of {number_of}",
                block + 1,
                nth + 1,
            );
            session.doing(&whereabouts_left(&whereabouts, ends, session));
            let candidate = row(&one.settings.words(), one.settings.clone());
            for _ in 0..each {
                if one.failed.is_some() {
                    break;
                }
                match trusted(bench, &candidate, block + 1, form, session).await {
                    Ok(rate) => {
                        one.rates.push(rate);
                        logs.push(rate.ln() - before);
                    }
                    Err(reason) => one.failed = Some(reason),
                }
            }
            one.ratio = (one.failed.is_none() && !logs.is_empty()).then(|| mean(logs).exp());
            let said = match (&one.failed, one.ratio) {
                (Some(reason), _) => reason.clone(),
                (None, ratio) => format!("×{:.2} of the defaults", ratio.unwrap_or(f64::NAN)),
            };
            session.line(&format!("{whereabouts}: {said}: {}", candidate.name));
            keep(session, &tried);
        }
    }
    let rank = |one: &Tried| one.ratio.unwrap_or(f64::NEG_INFINITY);
    tried.sort_by(|one, other| rank(other).total_cmp(&rank(one)));
    Ok(tried)
}

/// What of the present rung is known.
fn keep(session: &Session, tried: &[Tried]) {
    let mut record = session.record();
    if let Some(rung) = record
        .search
        .as_mut()
        .and_then(|found| found.rungs.last_mut())
    {
        rung.tried = tried.to_vec();
    }
}

fn whereabouts_left(whereabouts: &str, ends: Duration, session: &Session) -> String {
    let left = ends.saturating_sub(session.elapsed()).as_secs();
    match left {
        0 => format!("{whereabouts}; the search takes longer than expected"),
        left => format!(
            "{whereabouts}; about {} left of the search",
            humantime::format_duration(Duration::from_secs(left))
        ),
    }
}

/// The rate of a row whose cross-checks agree. One hiccup of the machine is no reason to give a row up: it is measured once more.
///
/// # Errors
/// In words, when it cannot be measured twice.
async fn trusted(
    bench: &mut Bench<'_>,
    row: &Row,
    round: usize,
    form: &Form,
    session: &Session,
) -> Result<f64, String> {
    let mut reason = String::new();
    for _ in 0..2 {
        match bench.measure(row, round, form).await {
            Ok(sample) => {
                session.write(&sample);
                match sample.disagreement {
                    None => return Ok(sample.rate),
                    Some(disagreement) => reason = disagreement,
                }
            }
            Err(error) => reason = format!("{error:#}"),
        }
    }
    Err(reason)
}

/// Candidates in the order of a block: those with the worker of the defaults first, and then who has the same one, so that it is
/// not restarted for each. Within a worker chance decides, since one that has run for long is faster.
fn order(candidates: &[Candidate], seed: u64, place: (usize, usize)) -> Vec<usize> {
    let block = place.0 as u64 * BLOCKS as u64 + place.1 as u64;
    let mut random = StdRng::seed_from_u64(seed.wrapping_add(block));
    let mut order: Vec<usize> = (0..candidates.len()).collect();
    order.shuffle(&mut random);
    order.sort_by_key(|place| candidates[*place].settings.worker_key());
    order
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use rstest::rstest;
    use serde_json::json;

    #[rstest]
    #[case::too_few(29.0, 1, 100, &[])]
    #[case::two(30.0, 1, 100, &[(2, 1)])]
    #[case::nine(220.0, 1, 100, &[(9, 1), (3, 3)])]
    #[case::one_less(210.0, 1, 100, &[(8, 1), (3, 3)])]
    #[case::few_combinations(10_000.0, 1, 4, &[(4, 1), (2, 3)])]
    #[case::three_rungs(700.0, 1, 100, &[(27, 1), (9, 3), (3, 3)])]
    // Four workers in the first rung, four in each of two blocks of the second.
    #[case::workers(460.0, 4, 100, &[(9, 1), (3, 3)])]
    #[case::of_workers_one_less(459.0, 4, 100, &[(8, 1), (3, 3)])]
    fn a_plan_fits_its_budget(
        #[case] seconds: f64,
        #[case] workers: usize,
        #[case] combinations: u64,
        #[case] expected: &[(usize, usize)],
    ) {
        let cost = Cost {
            each: 10.0,
            restart: if workers > 1 { 20.0 } else { 0.0 },
            workers,
        };
        assert_eq!(plan(seconds, cost, combinations), expected);
    }

    #[test]
    fn candidates_with_the_worker_of_the_defaults_come_first() {
        let with = |jvm: &[&str], linger: u64| {
            let mut settings = Settings {
                jvm: jvm.iter().map(|option| (*option).to_owned()).collect(),
                ..Settings::default()
            };
            settings
                .producer
                .insert("linger.ms".to_owned(), json!(linger));
            Candidate::from(settings)
        };
        let all: Vec<Candidate> = (0..9)
            .map(|linger| {
                with(
                    [&["-Xmx2g"][..], &[], &["-Xmx1g"]][linger as usize % 3],
                    linger,
                )
            })
            .collect();
        let orders: Vec<Vec<usize>> = (0..9).map(|rung| order(&all, 1, (rung, 0))).collect();
        for order in &orders {
            let workers: Vec<_> = order
                .iter()
                .map(|place| &all[*place].settings.jvm)
                .collect();
            assert!(workers.is_sorted(), "{workers:?}");
        }
        assert!(orders.iter().any(|order| *order != orders[0]));
    }
}
