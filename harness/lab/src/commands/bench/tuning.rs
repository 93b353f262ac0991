//! `lab bench tuning`

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::index::sample;
use serde::{Deserialize, Serialize};

use crate::Verdict;
use crate::commands::tune::{Place, experiment, measure};
use crate::progress::Shown;
use crate::statistics::{Difference, Ratio, ratio};
use crate::tune::{Calibrate, Mode, Sample, Session};

/// Of 40 experiments without a difference, at most this share may show one: a test at 95 % errs once in twenty, and four or
/// fewer of 40 are then seen with a probability of 95 %.
const FALSE: f64 = 0.1;
/// Of experiments with the slow-down, this share has to find it.
const FOUND: f64 = 0.9;
/// Experiments that the rounds have to be enough for, each with its own.
const LEAST: usize = 4;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  lab bench tuning --rounds 12 --measure 60 --output calibration.json    60 rounds, 40 experiments drawn from them: 75 minutes
  lab bench tuning --output calibration.json                             40 experiments of 6 rounds each: five hours
  lab bench tuning --from calibration.json --rounds 12                   the verdicts of recorded rounds, without measuring

One row of an experiment is measured as A, again as A, and with everything standing still for a share of the time. Rounds follow \
each other as in `lab tune`; each experiment is so many of them. Where fewer rounds are measured than the experiments take, those \
that have no rounds of their own are drawn from all that there are, and the result says how many these are. Rounds for four \
experiments are the least.")]
pub struct Args {
    /// The experiment whose source and row are measured.
    #[arg(value_name = "EXPERIMENT", default_value = "tuning/original-table")]
    experiment: String,
    /// Which row; its last one when not given.
    #[arg(long, value_name = "NAME")]
    row: Option<String>,
    /// Experiments of each kind.
    #[arg(long, value_name = "N", default_value_t = 40, value_parser = clap::value_parser!(u16).range(1..))]
    experiments: u16,
    /// Rounds of an experiment.
    #[arg(long, value_name = "N", default_value_t = 6, value_parser = clap::value_parser!(u16).range(3..))]
    rounds: u16,
    /// Rounds to measure; as many as all experiments take when not given.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(3..))]
    measure: Option<u16>,
    /// How long measuring may take.
    #[arg(long, value_name = "TIME", value_parser = crate::words::length_of_time)]
    budget: Option<Duration>,
    /// The slow-down, in percent of the time.
    #[arg(long, value_name = "PERCENT", default_value_t = 10, value_parser = clap::value_parser!(u8).range(1..=80))]
    slow: u8,
    /// Rounds that were recorded by --output, instead of measuring.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["measure", "budget", "row", "slow"])]
    from: Option<PathBuf>,
    /// Seed of what is drawn.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Where rounds and verdicts go, as JSON.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    place: Place,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

/// Rates of one round, in records a second.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Round {
    a: f64,
    again: f64,
    slowed: f64,
}

/// What a calibration came to.
#[derive(Debug, Serialize, Deserialize)]
struct Calibration {
    experiment: String,
    began: String,
    /// Percent of the time.
    slow: u8,
    rounds_of_an_experiment: usize,
    /// Experiments whose rounds are their own, in the order in which they were measured.
    own: usize,
    /// Experiments whose rounds were drawn from all.
    drawn: usize,
    /// Differences between A and A.
    false_differences: usize,
    /// Slow-downs that were found, of as many experiments.
    found: usize,
    /// The ratio that all rounds have between the slowed and A: what the slow-down came to.
    slow_down: Option<Ratio>,
    same: Vec<Option<Ratio>>,
    slowed: Vec<Option<Ratio>>,
    /// Rounds in which cross-checks disagreed, which are left out.
    left_out: usize,
    rounds: Vec<Round>,
}

impl Calibration {
    fn holds(&self) -> bool {
        let all = (self.own + self.drawn) as f64;
        self.false_differences as f64 <= FALSE * all && self.found as f64 >= FOUND * all
    }
}

pub async fn run(args: Args) -> Result<Verdict> {
    if let Some(file) = &args.output {
        // Before hours of measuring, not after them.
        let folder = file
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        tempfile::tempfile_in(folder.unwrap_or(Path::new(".")))
            .with_context(|| format!("cannot write {}", file.display()))?;
    }
    if let Some(rounds) = args.measure {
        enough(usize::from(rounds), usize::from(args.rounds))?;
    }
    let shown = Arc::new(Shown::new());
    let (experiment, began, slow, rounds, left_out) = match &args.from {
        Some(file) => {
            let text = std::fs::read_to_string(file)
                .with_context(|| format!("cannot read {}", file.display()))?;
            let recorded: Calibration = serde_json::from_str(&text)
                .with_context(|| format!("{} is no calibration", file.display()))?;
            (
                recorded.experiment,
                recorded.began,
                recorded.slow,
                recorded.rounds,
                recorded.left_out,
            )
        }
        None => {
            let mut session = Session::new(Mode::Full, Box::new(Arc::clone(&shown)));
            session.calibrate = Some(Calibrate {
                row: args.row.clone(),
                slow_down: f64::from(args.slow) / 100.0,
            });
            let all = usize::from(args.experiments) * usize::from(args.rounds);
            session.repeats = Some(args.measure.map_or(all, usize::from));
            // That of the file is for its own rounds.
            session.budget = Some(args.budget.unwrap_or(Duration::from_secs(7 * 24 * 3600)));
            let command = "lab bench tuning".to_owned();
            let selected = experiment(&args.experiment, &args.place, None)?;
            let ran = measure(selected, (&args.place, None), session, &shown, command).await?;
            let (rounds, left_out) = rounds_of(&ran.experiment.samples);
            if let Err(few) = enough(rounds.len(), usize::from(args.rounds)) {
                ran.suite?;
                return Err(few);
            }
            if let Err(error) = ran.suite {
                shown.line(&format!(
                    "ended early, with {} rounds: {error:#}",
                    rounds.len()
                ));
            }
            (
                ran.experiment.name,
                ran.experiment.began,
                args.slow,
                rounds,
                left_out,
            )
        }
    };
    let calibration = Calibration {
        experiment,
        began,
        slow,
        left_out,
        ..calibrate(
            rounds,
            usize::from(args.rounds),
            usize::from(args.experiments),
            args.seed,
        )?
    };
    let text = format!("{:#}\n", serde_json::to_value(&calibration)?);
    if let Some(file) = &args.output {
        std::fs::write(file, &text).with_context(|| format!("cannot write {}", file.display()))?;
    }
    if args.json {
        print!("{text}");
    } else {
        tell(&calibration);
    }
    Ok(Verdict::from(calibration.holds()))
}

/// Rounds that have all three, and whose figures can be trusted.
fn rounds_of(samples: &[Sample]) -> (Vec<Round>, usize) {
    let last = samples.iter().map(|sample| sample.round).max().unwrap_or(0);
    let mut left_out = 0;
    let rounds = (1..=last).filter_map(|round| {
        let of = |row: &str| {
            samples
                .iter()
                .find(|one| one.round == round && one.row == row)
        };
        let all = [
            of(Calibrate::SAME[0])?,
            of(Calibrate::SAME[1])?,
            of(Calibrate::SLOW)?,
        ];
        if all.iter().any(|one| one.disagreement.is_some()) {
            left_out += 1;
            return None;
        }
        let [a, again, slowed] = all.map(|one| one.rate);
        Some(Round { a, again, slowed })
    });
    let rounds = rounds.collect();
    (rounds, left_out)
}

/// Experiments that are drawn from few rounds are all the same one.
fn enough(rounds: usize, size: usize) -> Result<()> {
    if rounds < LEAST * size {
        bail!(
            "{rounds} rounds are too few for experiments of {size}: {} are the least",
            LEAST * size
        );
    }
    Ok(())
}

fn calibrate(
    rounds: Vec<Round>,
    size: usize,
    experiments: usize,
    seed: u64,
) -> Result<Calibration> {
    enough(rounds.len(), size)?;
    let mut random = StdRng::seed_from_u64(seed);
    let own = (rounds.len() / size).min(experiments);
    let blocks = rounds.chunks_exact(size).take(own).map(<[Round]>::to_vec);
    let drawn: Vec<Vec<Round>> = (own..experiments)
        .map(|_| {
            let places = sample(&mut random, rounds.len(), size);
            places.into_iter().map(|place| rounds[place]).collect()
        })
        .collect();
    let all: Vec<Vec<Round>> = blocks.chain(drawn).collect();
    let of = |rounds: &[Round], which: fn(&Round) -> f64| {
        let pairs: Vec<_> = rounds.iter().map(|round| (which(round), round.a)).collect();
        ratio(&pairs)
    };
    let same: Vec<_> = all
        .iter()
        .map(|rounds| of(rounds, |round| round.again))
        .collect();
    let slowed: Vec<_> = all
        .iter()
        .map(|rounds| of(rounds, |round| round.slowed))
        .collect();
    let count = |ratios: &[Option<Ratio>], wanted: &[Difference]| {
        let differences = ratios.iter().flatten().map(Ratio::difference);
        differences.filter(|one| wanted.contains(one)).count()
    };
    Ok(Calibration {
        experiment: String::new(),
        began: String::new(),
        slow: 0,
        left_out: 0,
        rounds_of_an_experiment: size,
        own,
        drawn: experiments - own,
        false_differences: count(&same, &[Difference::Faster, Difference::Slower]),
        found: count(&slowed, &[Difference::Slower]),
        slow_down: of(&rounds, |round| round.slowed),
        same,
        slowed,
        rounds,
    })
}

fn tell(calibration: &Calibration) {
    let all = calibration.own + calibration.drawn;
    println!(
        "{all} experiments of {} rounds from {} measured rounds of {}: {} with rounds of their own, {} drawn from all rounds",
        calibration.rounds_of_an_experiment,
        calibration.rounds.len(),
        calibration.experiment,
        calibration.own,
        calibration.drawn
    );
    if calibration.left_out > 0 {
        println!(
            "{} rounds were left out: their cross-checks disagreed",
            calibration.left_out
        );
    }
    println!(
        "A against A: {} of {all} show a difference (at most {:.0} may)",
        calibration.false_differences,
        FALSE * all as f64
    );
    println!(
        "slowed down by {} %: {} of {all} find it (at least {:.0} have to)",
        calibration.slow,
        calibration.found,
        (FOUND * all as f64).ceil()
    );
    if let Some(ratio) = calibration.slow_down {
        println!(
            "the slow-down came to ×{:.3} (95 %: {:.3}–{:.3})",
            ratio.ratio, ratio.low, ratio.high
        );
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn rounds(number: usize, slowed: f64) -> Vec<Round> {
        (0..number)
            .map(|round| {
                let machine = 1000.0 + 100.0 * (round % 7) as f64;
                let noise = |salt: usize| 1.0 + 0.01 * ((round * 7 + salt * 3) % 5) as f64;
                Round {
                    a: machine * noise(1),
                    again: machine * noise(2),
                    slowed: slowed * machine * noise(3),
                }
            })
            .collect()
    }

    #[test]
    fn experiments_have_rounds_of_their_own_as_long_as_there_are_some() {
        let calibration = calibrate(rounds(17, 0.9), 4, 40, 1).unwrap();
        assert_eq!((calibration.own, calibration.drawn), (4, 36));
        assert_eq!((calibration.same.len(), calibration.slowed.len()), (40, 40));
        assert!(calibration.found >= 36, "{}", calibration.found);
    }

    #[test]
    fn a_slow_down_that_is_none_is_not_found() {
        let calibration = calibrate(rounds(240, 1.0), 6, 40, 1).unwrap();
        assert_eq!((calibration.own, calibration.drawn), (40, 0));
        assert!(!calibration.holds(), "{}", calibration.found);
    }

    #[test]
    fn too_few_rounds_are_no_calibration() {
        assert!(calibrate(rounds(15, 0.9), 4, 40, 1).is_err());
    }
}
