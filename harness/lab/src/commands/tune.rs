//! `lab tune`

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use scenario::Jvm;

use crate::catalogue::{Selection, assignment};
use crate::failure::Interrupted;
use crate::profile::ProfileArgs;
use crate::progress::Shown;
use crate::report::{self, Terminal, table};
use crate::runner::{Outcome, Selected, Suite};
use crate::suite::{self, Options};
use crate::tune::report::{SAMPLES, confirming, details, grid, json, path, sentences, write};
use crate::tune::{self, About, Experiment, Mode, Session, Told, rows};
use crate::{Verdict, attach, stacks};

/// How long the end of a run may take after a signal: the report is written then.
const AFTER_SIGNAL: Duration = Duration::from_secs(60);
/// The key of the action.
const TUNE: &str = "tune";

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  lab tune tuning/original-table            the original's four rows, in full
  lab tune tuning/changes --budget 10m      as many rounds as ten minutes have
  lab tune tuning/defaults --search --budget 30m    look for better settings
  lab tune tuning/defaults --rows lab-tune/best.rows.json    confirm those
  lab tune tuning/file-lines --endpoints e.json     on a cluster that exists

An experiment is a scenario with a `tune` step: docs/tuning.md. `lab run` measures the same file in its short form, \
and `lab run --help` shows a file of endpoints. The report goes into a folder: tune.html, tune.md, tune.csv, \
tune.json, and samples.jsonl while the experiment goes on. Ctrl-C ends it; what was measured is reported. On a \
cluster, Prometheus has to scrape Connect's JMX agent with the rules of services/connect/jmx.json.

Exit status: 0 the ratios that the file asks for hold, 1 one does not, 2 nothing could be measured.")]
pub struct Args {
    /// The experiment: a file, or a name such as `tuning/original-table`.
    #[arg(value_name = "EXPERIMENT")]
    experiment: String,
    /// Look for better settings than the defaults, by successive halving within the budget; then measure the gain.
    #[arg(long, conflicts_with = "rows")]
    search: bool,
    /// Rows instead of those of the experiment, as JSON: an array of objects with `name`, `producer`, `connector`, `worker`, `jvm`.
    #[arg(long, value_name = "FILE")]
    rows: Option<PathBuf>,
    /// How long it may take, such as 10m; instead of the experiment's `budget`. A search takes 20m when nobody says it.
    #[arg(long, value_name = "TIME", value_parser = crate::words::length_of_time)]
    budget: Option<Duration>,
    /// Rounds, instead of the experiment's.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    repeats: Option<u16>,
    /// Seed of a search: the same one draws the same candidates.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Where the report goes.
    #[arg(long, value_name = "DIR", default_value = "lab-tune")]
    report: PathBuf,
    #[command(flatten)]
    pub(super) place: Place,
    /// Print the outcome as JSON.
    #[arg(long)]
    json: bool,
}

/// Where an experiment is found, and where it runs.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Place {
    /// Run on the cluster that this file names, on topics, connectors and slots of the run's own, which are removed.
    #[arg(long, value_name = "FILE")]
    endpoints: Option<PathBuf>,
    #[command(flatten)]
    profile: ProfileArgs,
    /// A value for a variable that the experiment declares in [vars].
    #[arg(long = "var", value_name = "NAME=VALUE", value_parser = assignment)]
    variables: Vec<(String, String)>,
    /// The folder with the areas; found from the working directory upwards when not given.
    #[arg(long, env = "LAB_SCENARIOS", value_name = "DIR")]
    scenarios: Option<PathBuf>,
}

impl Told for Arc<Shown> {
    fn line(&self, text: &str) {
        Shown::line(self, text);
    }

    fn doing(&self, text: &str) {
        Shown::doing(self, text);
    }
}

/// What came of running an experiment.
pub(super) struct Ran {
    /// Of every step; none where it was interrupted, or the stack did not come up.
    pub suite: Result<Suite>,
    /// What was measured.
    pub experiment: Experiment,
}

/// Runs the experiment of a file as the session says.
///
/// # Errors
/// When the file is not an experiment.
pub(super) async fn measure(
    name: &str,
    place: &Place,
    session: Session,
    shown: &Arc<Shown>,
    command: String,
) -> Result<Ran> {
    let selected = experiment(name, place)?;
    let session = Arc::new(session);
    let options = Options {
        profile: place.profile.profile,
        tuning: Some(Arc::clone(&session)),
        ..Options::default()
    };
    stacks::be_patient(AFTER_SIGNAL);
    let began = suite::now();
    let terminal = Terminal::new(shown, 1);
    let all = [selected.clone()];
    let suite = match &place.endpoints {
        Some(file) => {
            let place = attach::Place {
                file,
                systemd: false,
            };
            attach::run(&all, &options, place, shown, &terminal).await
        }
        None => suite::run(&all, &options, shown, &terminal)
            .await
            .map(|(suite, _)| suite),
    };
    shown.done();
    if let Err(error) = &suite {
        session.record().cut_short = Some(format!("{error:#}"));
    }
    let about = About {
        name: selected.scenario.name.clone(),
        doc: selected.scenario.doc.clone(),
        began,
        seconds: session.elapsed().as_secs_f64(),
        command,
    };
    let experiment = tune::experiment(&session.record(), about);
    Ok(Ran { suite, experiment })
}

fn experiment(name: &str, place: &Place) -> Result<Selected> {
    let selection = Selection {
        paths: vec![name.to_owned()],
        variables: place.variables.clone(),
        scenarios: place.scenarios.clone(),
        ..Selection::default()
    };
    let loaded = selection.load(true)?;
    if !loaded.problems.is_empty() {
        let words: Vec<_> = loaded.problems.iter().map(ToString::to_string).collect();
        bail!(
            "the experiment is not as it should be:\n{}",
            words.join("\n")
        );
    }
    let [mut scenario] = <[_; 1]>::try_from(loaded.scenarios).map_err(|all| {
        let names: Vec<_> = all.iter().map(|one| one.name.as_str()).collect();
        anyhow::anyhow!(
            "name one experiment, not {}: {}",
            names.len(),
            names.join(", ")
        )
    })?;
    let steps = scenario.all_steps().iter();
    match (
        steps.filter(|step| step.key == TUNE).count(),
        scenario.instances.len(),
    ) {
        (1, 1) => {}
        (0, _) => bail!(
            "{} is no experiment: it has no `tune` step\n  what to do: see docs/tuning.md; `lab list --tag tuning` names experiments",
            scenario.path.display()
        ),
        (1, _) => bail!(
            "{} has a [matrix]: an experiment is one instance, and its rows are what differs",
            scenario.path.display()
        ),
        _ => bail!(
            "{} has several `tune` steps: `lab tune` takes one, `lab run` runs them all",
            scenario.path.display()
        ),
    }
    if place.endpoints.is_some() {
        // The mode of a cluster's JVMs is what it is; that is no reason not to measure it.
        let own = Arc::get_mut(&mut scenario).context("the experiment is read by somebody else")?;
        for instance in &mut own.instances {
            instance.stack.jvm = Jvm::Quick;
        }
    }
    Ok(Selected {
        scenario,
        index: 0,
        round: 1,
    })
}

pub async fn run(args: Args) -> Result<Verdict> {
    let given = match &args.rows {
        None => None,
        Some(file) => {
            let text = std::fs::read_to_string(file)
                .with_context(|| format!("cannot read the rows in {}", file.display()))?;
            let rows =
                rows(&text).map_err(|words| anyhow::anyhow!("{}: {words}", file.display()))?;
            Some(rows)
        }
    };
    report::prepare(&args.report)?;
    let shown = Arc::new(Shown::new());
    let mode = if args.search {
        Mode::Search
    } else {
        Mode::Full
    };
    let mut session = Session::new(mode, Box::new(Arc::clone(&shown)));
    session.rows = given;
    session.budget = args.budget;
    session.repeats = args.repeats.map(usize::from);
    session.seed = args.seed;
    let samples = args.report.join(SAMPLES);
    if samples.exists() {
        // Of an experiment before this one, whose report is written over.
        std::fs::remove_file(&samples)
            .with_context(|| format!("cannot remove {}", samples.display()))?;
    }
    session.samples = Some(samples);
    let command = command(&args);
    let Ran { suite, experiment } =
        measure(&args.experiment, &args.place, session, &shown, command).await?;
    let is_worth_a_report = !experiment.samples.is_empty()
        || experiment
            .search
            .as_ref()
            .is_some_and(|found| !found.rungs.is_empty());
    if is_worth_a_report {
        let page = write(&experiment, &args.report)?;
        if args.json {
            print!("{}", json(&experiment)?);
        } else {
            print(&experiment, &args.report);
        }
        shown.line(&format!("report: {}", page.display()));
    }
    let suite = match suite {
        Err(error) if error.is::<Interrupted>() && is_worth_a_report => {
            shown.line("what was measured until then is in the report");
            return Err(error);
        }
        other => other?,
    };
    let has_run = suite
        .scenarios
        .iter()
        .any(|one| !matches!(one.outcome, Outcome::Skipped { .. }));
    match (suite.held(), has_run && is_worth_a_report) {
        (true, true) => Ok(Verdict::Held),
        (false, true) => Ok(Verdict::Failed),
        // Why, the lines above say.
        (_, false) => Ok(Verdict::Wrong),
    }
}

/// What does it again.
fn command(args: &Args) -> String {
    let mut command = format!("lab tune {}", args.experiment);
    if let Some(file) = &args.place.endpoints {
        command.push_str(&format!(" --endpoints {}", file.display()));
    }
    for (name, value) in &args.place.variables {
        let shown = match scenario::is_secret_name(name) {
            true => scenario::REDACTED,
            false => value,
        };
        command.push_str(&format!(" --var {name}={shown}"));
    }
    command
}

fn print(experiment: &Experiment, folder: &Path) {
    if let Some(path) = path(experiment) {
        println!("{}", table(&path));
    }
    if !experiment.rows.is_empty() {
        println!("{}", table(&grid(experiment)));
        println!("{}", table(&details(experiment)));
    }
    for sentence in sentences(experiment) {
        println!("- {sentence}");
    }
    if let Some(winner) = experiment
        .search
        .as_ref()
        .and_then(|found| found.winner.as_ref())
    {
        println!(
            "\ninto the connector's configuration:\n{:#}\n\ninto the worker's:\n{}",
            serde_json::Value::Object(tune::connector_patch(winner)),
            tune::worker_patch(winner)
        );
    }
    if let Some(command) = confirming(experiment, folder) {
        println!("\nconfirm it: {command}");
    }
}
