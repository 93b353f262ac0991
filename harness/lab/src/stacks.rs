//! Finding the runs of this machine, and watching the one that we own.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use stack::guard::{Guard, GuardError, JobState};
use stack::native::{Native, StackError};
use stack::runs::RunDir;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use crate::failure::{Interrupted, after};

/// What is said when no run is alive.
pub const NOTHING: &str = "nothing runs: start a stack with `lab up`";

/// That runs can be found. One that cannot be read is not one that is not there.
pub fn can_be_found() -> Result<()> {
    RunDir::can_be_found().with_context(|| {
        format!(
            "cannot look for runs in {}: LAB_STATE_DIR names the directory, which has to be yours",
            stack::runs::state_dir().display()
        )
    })
}

/// The living run of this id, or the only one.
pub fn living(id: Option<&str>) -> Result<Guard> {
    let runs = RunDir::living();
    match (id, runs.as_slice()) {
        (Some(id), _) => match runs.iter().find(|run| run.id() == id) {
            Some(run) => Ok(Guard::of(run.clone())),
            None if RunDir::ended().iter().any(|run| run.id() == id) => {
                bail!("run {id} has ended; `lab logs --run {id}` has its logs")
            }
            None if runs.is_empty() => bail!("no run {id} is alive, nor any other"),
            None => bail!("no run {id} is alive; those that are:{}", list(&runs)),
        },
        (None, []) => bail!(NOTHING),
        (None, [only]) => Ok(Guard::of(only.clone())),
        (None, _) => bail!("several runs are alive: name one with --run{}", list(&runs)),
    }
}

/// Runs, one a line, each with what it is.
pub fn list(runs: &[RunDir]) -> String {
    runs.iter()
        .map(|run| format!("\n  {}  {}", run.id(), what(run)))
        .collect()
}

/// What a run is: the command that began it, and where.
pub fn what(run: &RunDir) -> String {
    run.about().map_or_else(String::new, |about| {
        format!("{} (in {})", about.command_line(), about.folder.display())
    })
}

/// Does the work unless a signal comes or has come, the guard goes, or a service dies.
///
/// Whoever drops the stack then ends everything that belongs to it.
pub async fn guarded<T>(native: &Native, work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::select! {
        biased;
        signal = interrupted() => Err(signal),
        lost = native.lost() => Err(lost.into()),
        result = work => result,
    }
}

/// Does the work unless a signal comes or has come.
pub async fn interruptible<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::select! {
        biased;
        signal = interrupted() => Err(signal),
        result = work => result,
    }
}

/// How long an end in order may take after a signal, in milliseconds. What is hashing a gigabyte does not hear it; the guard
/// then ends everything by itself when this process is gone.
static IN_ORDER: AtomicU64 = AtomicU64::new(3_000);

/// The first signal that has come. It is kept, for it may come while nobody waits for it.
static SIGNAL: LazyLock<watch::Sender<Option<&'static str>>> =
    LazyLock::new(|| watch::Sender::new(None));

/// The signal that has asked this process to end, if one has: for what looks from time to time, and is not awaited.
pub fn signalled() -> Option<&'static str> {
    *SIGNAL.borrow()
}

/// From now on an end in order takes longer: there is something to remove that no guard removes.
pub fn be_patient(limit: Duration) {
    let millis = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
    IN_ORDER.store(millis, Ordering::Relaxed);
}

/// The signals that ask this process to end. From its making on they do not end it at once.
pub struct Signals([(Signal, &'static str); 3]);

impl Signals {
    /// # Errors
    /// When the system refuses, or there is no runtime.
    pub fn new() -> std::io::Result<Self> {
        Ok(Self([
            (signal(SignalKind::interrupt())?, "SIGINT"),
            (signal(SignalKind::terminate())?, "SIGTERM"),
            (signal(SignalKind::hangup())?, "SIGHUP"),
        ]))
    }

    /// The next one.
    async fn next(&mut self) -> &'static str {
        let waits = self.0.each_mut().map(|(signals, name)| {
            Box::pin(async {
                signals.recv().await;
                *name
            })
        });
        futures::future::select_all(waits).await.0
    }

    /// Lets all know of the first one; ends the process some time after it, if it still runs, and at once after a second.
    pub async fn follow(mut self) {
        let first = self.next().await;
        SIGNAL.send_replace(Some(first));
        let begun = Instant::now();
        let in_order = async {
            // What has to be removed may begin after the signal.
            while begun.elapsed() < Duration::from_millis(IN_ORDER.load(Ordering::Relaxed)) {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::select! {
            () = in_order => {}
            _ = self.next() => {}
        }
        eprintln!("interrupted by {first}: the rest ends by itself within seconds");
        std::process::exit(after(first).into());
    }
}

async fn interrupted() -> anyhow::Error {
    let mut signals = SIGNAL.subscribe();
    match signals.wait_for(Option::is_some).await.as_deref() {
        Ok(Some(name)) => Interrupted(name).into(),
        // Its sender lives as long as the process.
        _ => std::future::pending().await,
    }
}

/// Resolves with the error when a service that should run has ended.
pub async fn first_death(native: &Native) -> Result<std::convert::Infallible> {
    loop {
        let status = native
            .control()
            .guard()
            .status()
            .map_err(StackError::from)?;
        if let Some(dead) = status
            .services
            .into_iter()
            .find(|job| job.state == JobState::Failed && !job.hidden)
        {
            return Err(native.control().death(dead).into());
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Keeps a stack up until the user has seen enough.
pub async fn hold(native: Native, shown: &crate::progress::Shown) -> Result<()> {
    shown.done();
    let run = native.control().guard().run();
    run.stay().context("cannot write down that the run stays")?;
    crate::commands::status::print(&[native.control().guard().clone()], false)?;
    shown.line("\nthe stack stays up: Ctrl-C ends it; `lab status` and `lab logs SERVICE` work from another terminal");
    let watched = guarded(&native, std::future::pending::<Result<()>>()).await;
    native.shut_down().await?;
    let is_how_it_ends = |error: &anyhow::Error| {
        let is_down = matches!(
            error.downcast_ref(),
            Some(StackError::Guard(GuardError::Ended { .. }))
        );
        is_down || error.is::<Interrupted>()
    };
    match watched {
        Err(error) if !is_how_it_ends(&error) => Err(error),
        _ => Ok(()),
    }
}
