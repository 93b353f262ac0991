//! `lab test`

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use rustix::process::Signal;
use stack::components::{Cache, Lock, NoProgress, profiles, prometheus};
use stack::guard::{Guard, JobState, SpawnSpec, StopPhase, StopSpec};
use stack::native::{Native, StackSpec};
use stack::{Flavour, Profile, ServiceName};

use crate::catalogue::{LONG, Selection};
use crate::profile::{ProfileArgs, SecurityArgs};
use crate::progress::Shown;
use crate::report::{self, Terminal, summary};
use crate::runner::Suite;
use crate::suite::{self, Options};
use crate::{Verdict, stacks};

/// Tests that want a broker find it here.
const BOOTSTRAP: &str = "LAB_BOOTSTRAP";
/// Where Prometheus is, and the jars of Kafka.
const PROMETHEUS: &str = "LAB_PROMETHEUS";
const KAFKA_CLASS_PATH: &str = "LAB_KAFKA_CLASS_PATH";
/// Makes tests run the scenarios on a stack. This command runs them itself, once.
const ENDPOINTS: &str = "LAB_TEST_ENDPOINTS";
/// Tests of the command line and those of the exporter's binary, which mostly wait for what they start, and all others: lanes that
/// go on side by side. Chosen by target: by package, features would be others, and all be built again.
const CLI: [&str; 2] = ["--test", "cli"];
const SUITE: [&str; 2] = ["--test", "suite"];
const OTHERS: [&str; 8] = [
    "--lib", "--bins", "--test", "[!cs]*", "--test", "c[!l]*", "--test", "s[!u]*",
];
/// What comes before the lanes.
const BUILD: &str = "build";
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
    #[command(flatten)]
    security: SecurityArgs,
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
    let (passed, suite) = all(&args, &project, &shown).await?;
    let Some(suite) = suite else {
        return Ok(Verdict::from(passed));
    };
    let page = report::write(&suite, &args.report)?;
    shown.done();
    println!("scenarios: {}; report: {}", summary(&suite), page.display());
    Ok(Verdict::from(passed && suite.held()))
}

/// The scenarios that are neither measurements nor long, unless they are left out.
async fn scenarios(args: &Args, project: &Path, shown: &Shown) -> Result<Option<Suite>> {
    if args.no_scenarios {
        return Ok(None);
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
        security: args.security.into(),
        ..Options::default()
    };
    let terminal = Terminal::new(shown, options.jobs);
    let (suite, _) = suite::run(&selected, &options, shown, &terminal).await?;
    Ok(Some(suite))
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

/// Runs `cargo test` below a guard, so that nothing of it outlives us, beside a broker for the tests that want one; and the
/// scenarios, beside the lanes that are left when the others have ended: each waits for its services much of the time. Gives
/// whether the tests passed, and what the scenarios came to.
async fn all(args: &Args, project: &Path, shown: &Shown) -> Result<(bool, Option<Suite>)> {
    let nothing = StackSpec::of([]);
    let tools = stacks::interruptible(async { Ok(Native::start(&nothing, shown).await?) }).await?;
    let cargo = Cargo {
        guard: tools.control().guard().clone(),
        program: which::which("cargo").context("cargo is not on the PATH")?,
        project,
        shown,
    };
    let work = async {
        if args.cargo.is_empty() && !build(&cargo).await? {
            return Ok((false, scenarios(args, project, shown).await?));
        }
        let spec = StackSpec {
            flavour: Flavour::of(args.profile.profile),
            ..StackSpec::of([ServiceName::Kafka])
        };
        let broker = Native::start(&spec, shown).await?;
        let result = stacks::guarded(&broker, lanes(args, &cargo, &broker)).await;
        broker.shut_down().await?;
        result
    };
    let result = stacks::guarded(&tools, work).await;
    tools.shut_down().await?;
    result
}

/// Builds, so that lanes do not wait for each other. Meanwhile what is missing is fetched: that waits for the network.
async fn build(cargo: &Cargo<'_>) -> Result<bool> {
    let env = std::env::vars().collect();
    cargo.start(BUILD, &["--workspace", "--no-run"], &env)?;
    tokio::task::block_in_place(|| {
        let lock = Lock::embedded()?;
        let wanted = lock.all();
        Cache::open(lock)?.ensure(&wanted, cargo.shown)
    })?;
    cargo.followed(BUILD, Output::Live).await
}

/// Tests and scenarios.
async fn lanes(args: &Args, cargo: &Cargo<'_>, broker: &Native) -> Result<(bool, Option<Suite>)> {
    let (project, shown) = (cargo.project, cargo.shown);
    let env = environment(args.profile.profile, broker, shown)?;
    if !args.cargo.is_empty() {
        let chosen: Vec<_> = args.cargo.iter().map(String::as_str).collect();
        let passed = cargo.test(CHOSEN, &chosen, &env, Output::Live).await?;
        return Ok((passed, scenarios(args, project, shown).await?));
    }
    let lane = async |name: &str, targets: &[&str], output| {
        let arguments = [&["--workspace"], targets].concat();
        cargo.test(name, &arguments, &env, output).await
    };
    let others = async {
        let passed = lane("other-tests", &OTHERS, Output::Live).await?;
        let examples = lane("examples", &["--doc"], Output::Live).await?;
        Ok::<_, anyhow::Error>((passed && examples, scenarios(args, project, shown).await?))
    };
    let (cli, exporter, others) = tokio::join!(
        lane("cli-tests", &CLI, Output::AtEnd),
        lane("exporter-tests", &SUITE, Output::AtEnd),
        others
    );
    let (passed, suite) = others?;
    Ok((cli? && exporter? && passed, suite))
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

/// `cargo test` as jobs of a guard.
struct Cargo<'a> {
    guard: Guard,
    program: PathBuf,
    project: &'a Path,
    shown: &'a Shown,
}

impl Cargo<'_> {
    /// Runs it to its end. Gives whether it succeeded.
    async fn test(
        &self,
        name: &str,
        arguments: &[&str],
        env: &BTreeMap<String, String>,
        output: Output,
    ) -> Result<bool> {
        self.start(name, arguments, env)?;
        self.followed(name, output).await
    }

    fn start(&self, name: &str, arguments: &[&str], env: &BTreeMap<String, String>) -> Result<()> {
        let program = self.program.display().to_string();
        let base = ["test", "--release", "--locked", "--no-fail-fast"];
        let arguments = base.iter().chain(arguments).map(|one| (*one).to_owned());
        self.guard.spawn(SpawnSpec {
            name: name.to_owned(),
            argv: std::iter::once(program).chain(arguments).collect(),
            env: env.clone(),
            cwd: self.project.to_owned(),
            log: self.guard.run().log(name),
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
        Ok(())
    }

    /// Shows what a job prints until it has ended. Gives whether it succeeded.
    async fn followed(&self, job: &str, output: Output) -> Result<bool> {
        let path = self.guard.run().log(job);
        let read = || format!("cannot read {}", path.display());
        let mut log = File::open(&path).with_context(read)?;
        let mut text = Vec::new();
        loop {
            let status = self.guard.job(job)?;
            let has_ended = status.pid.is_none();
            log.read_to_end(&mut text).with_context(read)?;
            let whole = match text.iter().rposition(|byte| *byte == b'\n') {
                _ if has_ended => text.len(),
                _ if output == Output::AtEnd => 0,
                last => last.map_or(0, |at| at + 1),
            };
            if whole > 0 {
                self.shown.output(&text[..whole])?;
                text.drain(..whole);
            }
            if has_ended {
                return Ok(status.state == JobState::Stopped);
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

/// When the output of a job is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Output {
    /// As it comes, in whole lines.
    Live,
    /// At its end: another one has the terminal.
    AtEnd,
}
