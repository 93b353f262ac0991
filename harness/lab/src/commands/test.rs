//! `lab test`

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use rustix::process::Signal;
use stack::components::{Cache, Lock, NoProgress, profiles, prometheus};
use stack::guard::{Guard, JobState, SpawnSpec, StopPhase, StopSpec};
use stack::native::{Native, StackSpec};
use stack::{Flavour, Profile, ServiceName};

use crate::catalogue::{LONG, Selection};
use crate::profile::ProfileArgs;
use crate::progress::Shown;
use crate::report::{self, Terminal, summary};
use crate::suite::{self, Options};
use crate::{Verdict, stacks};

/// Tests that want a broker find it here.
const BOOTSTRAP: &str = "LAB_BOOTSTRAP";
/// Where Prometheus is, and the jars of Kafka.
const PROMETHEUS: &str = "LAB_PROMETHEUS";
const KAFKA_CLASS_PATH: &str = "LAB_KAFKA_CLASS_PATH";
/// Makes tests run the scenarios on a stack. This command runs them itself, once.
const ENDPOINTS: &str = "LAB_TEST_ENDPOINTS";
/// Lanes of tests that go on side by side, with the arguments of each for `cargo test --workspace`. Tests of the command line mostly wait
/// for what they start. Chosen by target: by package, features would be others, and all be built again.
const LANES: [(&str, &[&str]); 2] = [
    ("cli-tests", &["--test", "cli"]),
    (
        "other-tests",
        &["--lib", "--bins", "--test", "[!c]*", "--test", "c[!l]*"],
    ),
];
/// The one lane where the command line says what is tested.
const CHOSEN: &str = "cargo-test";

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  lab test                    everything
  lab test --profile kraft    the same beside a Kafka without ZooKeeper
  lab test -- -p scenario     tests of one crate, then the scenarios
  lab test --no-scenarios -- --test guard")]
pub struct Args {
    #[command(flatten)]
    profile: ProfileArgs,
    /// Leave the scenarios out.
    #[arg(long)]
    no_scenarios: bool,
    /// Scenarios at the same time.
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u16).range(1..=64))]
    jobs: u16,
    /// Where the report of the scenarios goes.
    #[arg(long, value_name = "DIR", default_value = "lab-report")]
    report: PathBuf,
    /// Further arguments for `cargo test`.
    #[arg(last = true)]
    cargo: Vec<String>,
}

pub async fn run(args: Args) -> Result<Verdict> {
    report::prepare(&args.report)?;
    let shown = Shown::new();
    let project = project()?;
    let tests_passed = workspace_tests(&args, &project, &shown).await?;
    if args.no_scenarios {
        return Ok(Verdict::from(tests_passed));
    }
    let selection = Selection {
        without_tags: LONG.map(str::to_owned).to_vec(),
        scenarios: Some(project.join("scenarios")),
        ..Selection::default()
    };
    let selected = selection.instances()?;
    let options = Options {
        jobs: usize::from(args.jobs),
        profile: args.profile.profile,
        ..Options::default()
    };
    let (suite, _) = suite::run(
        &selected,
        &options,
        &shown,
        &Terminal::new(&shown, options.jobs),
    )
    .await?;
    let page = report::write(&suite, &args.report)?;
    shown.done();
    println!("scenarios: {}; report: {}", summary(&suite), page.display());
    Ok(Verdict::from(tests_passed && suite.held()))
}

/// The folder of the workspace.
pub(super) fn project() -> Result<PathBuf> {
    let here = std::env::current_dir().context("there is no working directory")?;
    let is_project =
        |folder: &&Path| folder.join("Cargo.toml").is_file() && folder.join("scenarios").is_dir();
    here.ancestors()
        .find(is_project)
        .map(Path::to_owned)
        .context("this is about the project itself: run it in a checkout of it")
}

/// Adds to the environment a folder with promtool alone at the end of the PATH, and where the Prometheus is that the lab
/// uses. Its server is not on the PATH, where tests of the lab itself would take it for one of the machine.
fn with_prometheus(run: &Path, env: &mut BTreeMap<String, String>) -> Result<()> {
    let prometheus = prometheus::ensure(&Cache::open(Lock::embedded()?)?, &NoProgress)?;
    let folder = run.join("test-tools");
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("cannot make {}", folder.display()))?;
    std::os::unix::fs::symlink(&prometheus.promtool, folder.join("promtool"))
        .context("cannot link promtool")?;
    let path = env.get("PATH").cloned().unwrap_or_default();
    env.insert("PATH".to_owned(), format!("{path}:{}", folder.display()));
    env.insert(
        PROMETHEUS.to_owned(),
        prometheus.server.display().to_string(),
    );
    Ok(())
}

/// The class path of the Kafka that runs, for a test that starts one with settings of its own.
fn kafka_class_path(profile: Profile) -> Result<String> {
    let cache = Cache::open(Lock::embedded()?)?;
    let versions = profiles::versions(profile)?;
    let id = cache
        .lock()
        .resolve("kafka", versions.get("kafka").map(String::as_str))?;
    let class_path = cache.verify(&id)?.class_path();
    class_path
        .into_string()
        .map_err(|path| anyhow::anyhow!("{} is no UTF-8", path.display()))
}

/// Runs `cargo test` below a guard, so that nothing of it outlives us, beside a broker for the tests that want one.
async fn workspace_tests(args: &Args, project: &Path, shown: &Shown) -> Result<bool> {
    let cargo = which::which("cargo").context("cargo is not on the PATH")?;
    let spec = StackSpec {
        flavour: Flavour::of(args.profile.profile),
        ..StackSpec::of([ServiceName::Kafka])
    };
    let native = stacks::interruptible(async { Ok(Native::start(&spec, shown).await?) }).await?;
    let guard = native.control().guard().clone();
    let env = environment(args.profile.profile, &native, shown)?;
    let job = |name: &str, arguments: Vec<String>| {
        let base = ["test", "--release", "--locked", "--no-fail-fast"].map(str::to_owned);
        let argv = std::iter::once(cargo.display().to_string())
            .chain(base)
            .chain(arguments);
        start(&guard, name, argv.collect(), env.clone(), project)
    };
    let follow = async {
        if !args.cargo.is_empty() {
            let chosen = job(CHOSEN, args.cargo.clone())?;
            return followed(&guard, vec![chosen]).await;
        }
        let workspace = |more: &[&str]| -> Vec<String> {
            let words = std::iter::once(&"--workspace").chain(more);
            words.map(|word| (*word).to_owned()).collect()
        };
        // Lanes that built would wait for each other.
        let built = job("build", workspace(&["--no-run"]))?;
        if !followed(&guard, vec![built]).await? {
            return Ok(false);
        }
        let lanes = LANES.map(|(name, targets)| job(name, workspace(targets)));
        let lanes = lanes.into_iter().collect::<Result<Vec<_>>>()?;
        let passed = followed(&guard, lanes).await?;
        let examples = job("examples", workspace(&["--doc"]))?;
        Ok(followed(&guard, vec![examples]).await? && passed)
    };
    let passed = stacks::guarded(&native, follow).await;
    native.shut_down().await?;
    passed
}

/// What tests find in their environment.
fn environment(
    profile: Profile,
    native: &Native,
    shown: &Shown,
) -> Result<BTreeMap<String, String>> {
    let mut env: BTreeMap<String, String> = std::env::vars().collect();
    env.remove(ENDPOINTS);
    let run = native.control().guard().run().path();
    if let Err(error) = with_prometheus(run, &mut env) {
        shown.line(&format!(
            "tests that want Prometheus are skipped: {error:#}"
        ));
    }
    env.insert(KAFKA_CLASS_PATH.to_owned(), kafka_class_path(profile)?);
    env.insert(
        BOOTSTRAP.to_owned(),
        native
            .control()
            .endpoints()
            .endpoint("lab", "kafka", "bootstrap")?
            .to_owned(),
    );
    env.insert("CARGO_TERM_COLOR".to_owned(), "never".to_owned());
    Ok(env)
}

/// A job of the guard, and how much of its output has been shown.
struct Job {
    name: String,
    log: PathBuf,
    told: usize,
}

fn start(
    guard: &Guard,
    name: &str,
    argv: Vec<String>,
    env: BTreeMap<String, String>,
    project: &Path,
) -> Result<Job> {
    let log = guard.run().log(name);
    guard.spawn(SpawnSpec {
        name: name.to_owned(),
        argv,
        env,
        cwd: project.to_owned(),
        log: log.clone(),
        user: None,
        stop: StopSpec {
            phase: StopPhase::Clients,
            signal: Signal::TERM.as_raw(),
            at_end: Signal::TERM.as_raw(),
            grace_ms: 1000,
            parent_death_signal: Signal::KILL.as_raw(),
        },
        endpoints: BTreeMap::new(),
        hidden: true,
    })?;
    Ok(Job {
        name: name.to_owned(),
        log,
        told: 0,
    })
}

/// Shows what the jobs print, the first one as it comes, the others at their end, until all have ended. Gives whether all succeeded.
async fn followed(guard: &Guard, jobs: Vec<Job>) -> Result<bool> {
    let mut passed = true;
    let mut running = jobs;
    while !running.is_empty() {
        let mut left = Vec::new();
        for (place, mut job) in running.into_iter().enumerate() {
            let status = guard.job(&job.name)?;
            let has_ended = status.pid.is_none();
            if place == 0 || has_ended {
                let text = std::fs::read(&job.log)
                    .with_context(|| format!("cannot read {}", job.log.display()))?;
                // Whole lines: those of another job may follow.
                let end = if has_ended {
                    text.len()
                } else {
                    text.iter()
                        .rposition(|byte| *byte == b'\n')
                        .map_or(0, |at| at + 1)
                };
                let mut output = std::io::stdout().lock();
                output.write_all(text.get(job.told..end).unwrap_or_default())?;
                output.flush()?;
                job.told = end;
            }
            if has_ended {
                passed &= status.state == JobState::Stopped;
            } else {
                left.push(job);
            }
        }
        running = left;
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    Ok(passed)
}
