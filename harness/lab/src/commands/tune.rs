//! `lab tune`

use std::io::ErrorKind;
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
use crate::tune::report::{BEST, SAMPLES, details, grid, json, path, sentences, write};
use crate::tune::{self, About, Experiment, Mode, Session, Told, rows};
use crate::{Verdict, attach, stacks};

/// How long the end of a run may take after a signal: the report is written then.
const AFTER_SIGNAL: Duration = Duration::from_secs(60);
/// The key of the action.
const TUNE: &str = "tune";
/// The folder of the report, when nobody says it.
const REPORT: &str = "lab-tune";

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  lab tune tuning/original-table            the original's four rows, in full
  lab tune tuning/changes --budget 10m      as many rounds as ten minutes have
  lab tune tuning/defaults --search --budget 30m    look for better settings
  lab tune tuning/defaults --rows lab-tune/best.rows.json --report again
  lab tune tuning/file-lines --endpoints e.json     on a cluster that exists

An experiment is a scenario with a `tune` step: docs/tuning.md. `lab run` measures the same file in its short form, \
and `lab run --help` shows a file of endpoints. The report goes into a folder: tune.html, tune.md, tune.csv, \
tune.json, and samples.jsonl while the experiment goes on. Ctrl-C ends it; what was measured is reported. On a \
cluster, Prometheus has to scrape Connect's JMX agent with the rules of services/connect/jmx.json.

Exit status: 0 the ratios that the file asks for hold, 1 one does not, 2 nothing could be measured. Of rows from --rows, and of a \
search, the file asks for nothing.")]
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
    #[arg(long, value_name = "DIR", default_value = REPORT)]
    report: PathBuf,
    /// Run on the cluster that this file names, on topics, connectors and slots of the run's own, which are removed.
    #[arg(long, value_name = "FILE")]
    endpoints: Option<PathBuf>,
    #[command(flatten)]
    place: Place,
    /// Print the outcome as JSON.
    #[arg(long)]
    json: bool,
}

/// Where an experiment is found, and on which stack it runs.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Place {
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

/// Runs an experiment as the session says, on a stack of its own or a cluster that exists.
///
/// # Errors
/// When nobody could have begun it.
pub(super) async fn measure(
    selected: Selected,
    (place, endpoints): (&Place, Option<&Path>),
    session: Session,
    shown: &Arc<Shown>,
    command: String,
) -> Result<Ran> {
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
    let suite = match endpoints {
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

/// The experiment of this name.
///
/// # Errors
/// When there is none, or it is not as it should be.
pub(super) fn experiment(name: &str, place: &Place, endpoints: Option<&Path>) -> Result<Selected> {
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
    if endpoints.is_some() {
        // The mode of a cluster's JVMs is what it is; that is no reason not to measure it.
        let own = Arc::get_mut(&mut scenario).context("the experiment is read by somebody else")?;
        for instance in &mut own.instances {
            instance.stack.jvm = Jvm::Quick;
        }
    } else if scenario
        .instances
        .iter()
        .any(|one| one.stack.jvm == Jvm::Quick)
    {
        bail!(
            "{} wants JVMs that are quick to start: they compile little, and what they reach says nothing\n  what to do: write into it\n    [stack]\n    jvm = \"server\"",
            scenario.path.display()
        );
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
    if args.budget.is_some_and(|budget| budget.is_zero()) {
        bail!("nothing is measured in no time: give --budget some minutes");
    }
    let endpoints = args.endpoints.as_deref();
    let selected = experiment(&args.experiment, &args.place, endpoints)?;
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
    // Of an experiment before this one, whose report is written over.
    if let Err(error) = std::fs::remove_file(&samples)
        && error.kind() != ErrorKind::NotFound
    {
        return Err(error).with_context(|| format!("cannot remove {}", samples.display()));
    }
    session.samples = Some(samples);
    let command = command(&args);
    let Ran { suite, experiment } =
        measure(selected, (&args.place, endpoints), session, &shown, command).await?;
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
            print(&experiment, &args);
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
    let mut words = vec!["lab tune".to_owned(), args.experiment.clone()];
    if args.search {
        words.push(format!("--search --seed {}", args.seed));
    }
    if let Some(file) = &args.rows {
        words.push(format!("--rows {}", file.display()));
    }
    if let Some(budget) = args.budget {
        let budget = humantime::format_duration(budget).to_string();
        words.push(format!("--budget {}", budget.replace(' ', "")));
    }
    if let Some(repeats) = args.repeats {
        words.push(format!("--repeats {repeats}"));
    }
    if args.report != Path::new(REPORT) {
        words.push(format!("--report {}", args.report.display()));
    }
    words.extend(args.whereabouts());
    words.join(" ")
}

impl Args {
    /// What says where the experiment is and runs.
    fn whereabouts(&self) -> Vec<String> {
        let mut words = Vec::new();
        if let Some(file) = &self.endpoints {
            words.push(format!("--endpoints {}", file.display()));
        }
        if self.place.profile.profile != stack::Profile::Zookeeper {
            words.push(format!("--profile {}", self.place.profile.profile));
        }
        if let Some(folder) = &self.place.scenarios {
            words.push(format!("--scenarios {}", folder.display()));
        }
        for (name, value) in &self.place.variables {
            let shown = match scenario::is_secret_name(name) {
                true => scenario::REDACTED,
                false => value,
            };
            words.push(format!("--var {name}={shown}"));
        }
        words
    }

    /// What measures what a search has found once more, into a report of its own.
    fn confirming(&self) -> String {
        let folder = self.report.display();
        let mut words = vec![
            "lab tune".to_owned(),
            self.experiment.clone(),
            format!("--rows {folder}/{BEST} --report {folder}-confirmed"),
        ];
        words.extend(self.whereabouts());
        words.join(" ")
    }
}

fn print(experiment: &Experiment, args: &Args) {
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
        println!("\nconfirm it: {}", args.confirming());
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use clap::Parser as _;
    use rstest::rstest;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        args: super::Args,
    }

    #[rstest]
    #[case::as_it_is("a", "lab tune a")]
    #[case::search(
        "a --search --budget 90m --seed 3 --report out",
        "lab tune a --search --seed 3 --budget 1h30m --report out"
    )]
    #[case::elsewhere(
        "a --endpoints e.json --rows r.json --repeats 4",
        "lab tune a --rows r.json --repeats 4 --endpoints e.json"
    )]
    #[case::otherwise(
        "a --profile kraft --var n=1 --var password=x",
        "lab tune a --profile kraft --var n=1 --var password=[redacted]"
    )]
    fn the_command_does_it_again(#[case] written: &str, #[case] again: &str) {
        let words = std::iter::once("tune").chain(written.split(' '));
        let line = Line::try_parse_from(words).unwrap();
        assert_eq!(super::command(&line.args), again);
    }

    #[test]
    fn what_a_search_has_found_is_confirmed_into_a_report_of_its_own() {
        let words = [
            "tune",
            "a",
            "--search",
            "--report",
            "out",
            "--profile",
            "kraft",
        ];
        let line = Line::try_parse_from(words).unwrap();
        assert_eq!(
            line.args.confirming(),
            "lab tune a --rows out/best.rows.json --report out-confirmed --profile kraft"
        );
    }
}
