//! Finding the runs of this machine, and watching the one that we own.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use stack::guard::{Guard, GuardError, JobState};
use stack::native::{Native, StackError};
use stack::runs::RunDir;
use tokio::signal::unix::{SignalKind, signal};

use crate::failure::Interrupted;

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

/// Does the work unless a signal comes, the guard goes, or a service dies.
///
/// Whoever drops the stack then ends everything that belongs to it.
pub async fn guarded<T>(native: &Native, work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::select! {
        result = work => result,
        lost = native.lost() => Err(lost.into()),
        signal = interrupted() => Err(signal),
    }
}

/// Does the work unless a signal comes.
pub async fn interruptible<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::select! {
        result = work => result,
        signal = interrupted() => Err(signal),
    }
}

/// How long an end in order may take after a signal, in milliseconds. What is hashing a gigabyte does not hear it; the guard
/// then ends everything by itself when this process is gone.
static IN_ORDER: AtomicU64 = AtomicU64::new(3_000);

/// The first signal that has come: what looks from time to time, and is not awaited, ends then.
static SIGNAL: OnceLock<&'static str> = OnceLock::new();

/// The signal that has asked this process to end, if one has.
pub fn signalled() -> Option<&'static str> {
    SIGNAL.get().copied()
}

/// From now on an end in order takes longer: there is something to remove that no guard removes.
pub fn be_patient(limit: Duration) {
    let millis = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
    IN_ORDER.store(millis, Ordering::Relaxed);
}

/// Ends the process some time after a signal, if it still runs, and at once after a second signal.
pub async fn end_after_signal() {
    let signal = interrupted().await;
    let limit = Duration::from_millis(IN_ORDER.load(Ordering::Relaxed));
    tokio::select! {
        () = tokio::time::sleep(limit) => {}
        _ = interrupted() => {}
    }
    let status = if signal.to_string().contains("SIGINT") {
        130
    } else {
        143
    };
    eprintln!("{signal}: the rest ends by itself within seconds");
    std::process::exit(status);
}

async fn interrupted() -> anyhow::Error {
    let kinds = [
        (SignalKind::interrupt(), "SIGINT"),
        (SignalKind::terminate(), "SIGTERM"),
        (SignalKind::hangup(), "SIGHUP"),
    ];
    let waits = kinds.map(|(kind, name)| {
        Box::pin(async move {
            match signal(kind) {
                Ok(mut signals) => {
                    signals.recv().await;
                    name
                }
                Err(_) => std::future::pending().await,
            }
        })
    });
    let (name, _, _) = futures::future::select_all(waits).await;
    // The first one counts, whoever waits for it.
    let _ = SIGNAL.set(name);
    Interrupted(name).into()
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
