//! Runs scenarios on a cluster that exists: endpoints, and control where its services are units of this machine. What scenarios
//! make there bears the mark of the run, and is removed.

mod address;
mod file;
mod needs;
mod reach;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use scenario::Jvm;
use stack::guard::{Guard, GuardError, GuardHandle};
use stack::runs::{About, RunDir, state_dir};
use stack::{Control, Endpoints, systemd};

pub use file::read;
pub use reach::reach;

use crate::groups;
use crate::leftovers::{Cluster, Databases};
use crate::progress::Shown;
use crate::runner::{ScenarioOutcome, Selected, Suite, Surroundings};
use crate::stacks;
use crate::suite::{self, Options, Reporter};
use crate::whole::settled;
use crate::words::without_password;

/// How long removing may take after a signal.
const AFTER_SIGNAL: Duration = Duration::from_secs(90);

/// What the NixOS module of the lab writes.
pub const OF_THIS_MACHINE: &str = "/etc/kafka-connect-lab/endpoints.json";

/// What a file of endpoints has beside addresses.
const NO_ADDRESSES: [&str; 2] = ["units", "versions"];

/// Where to run.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The file of endpoints.
    pub file: &'a Path,
    /// Whether the services are units of this machine.
    pub systemd: bool,
}

/// Runs everything that can run there.
///
/// # Errors
/// When the file is wrong, something does not answer, or something could not be removed.
pub async fn run(
    selected: &[Selected],
    options: &Options,
    place: Place<'_>,
    shown: &Shown,
    reporter: &dyn Reporter,
) -> Result<Suite> {
    let begun = Instant::now();
    let path = place.file;
    let endpoints = file::read(path)?;
    let all = suite::in_order(selected, options, shown);
    let mut suite = Suite {
        began: suite::now(),
        seed: options.shuffle,
        versions: [("lab".to_owned(), env!("CARGO_PKG_VERSION").to_owned())].into(),
        endpoints: endpoints
            .iter()
            .filter(|(service, _, _)| !NO_ADDRESSES.contains(service))
            .map(|(service, key, address)| (format!("{service} {key}"), without_password(address)))
            .collect(),
        ..Suite::default()
    };
    // What runs there is not what is pinned here.
    suite.versions.extend(endpoints.of("versions"));
    let mut runnable = Vec::new();
    for one in all {
        match needs::unmet(&one, &endpoints, path, place.systemd, options.profile)? {
            Some(reason) => {
                let outcome = one.skipped(reason);
                reporter.ended(&outcome);
                suite.scenarios.push(outcome);
            }
            None => runnable.push(one),
        }
    }
    if !runnable.is_empty() {
        let services = needs::services(&runnable);
        let control = if place.systemd {
            let names: Vec<_> = services.iter().map(|(service, _)| *service).collect();
            let work = async {
                let control =
                    systemd::Control::new(endpoints.clone(), options.ready_within).await?;
                // A machine that has just been booted is on its way.
                control.wait_ready(&names).await?;
                Ok(Arc::new(control) as Arc<dyn Control>)
            };
            Some(stacks::interruptible(work).await?)
        } else {
            stacks::interruptible(reach(&services, &endpoints, path)).await?;
            None
        };
        // What was not asked for is not touched either.
        let mut used = Endpoints::default();
        for (service, key, address) in endpoints.iter() {
            if service == "metrics" || services.iter().any(|(name, _)| name.as_str() == service) {
                used.set(service, key, address);
            }
        }
        let surroundings = move |guard| Surroundings {
            versions: endpoints.of("versions"),
            endpoints: used,
            guard,
            control,
            own: false,
            tuning: options.tuning.clone(),
        };
        on_cluster(
            surroundings,
            runnable,
            options,
            path,
            shown,
            reporter,
            &mut suite,
        )
        .await?;
    }
    suite.seconds = begun.elapsed().as_secs_f64();
    Ok(suite)
}

async fn on_cluster(
    surroundings: impl FnOnce(Guard) -> Surroundings,
    selected: Vec<Selected>,
    options: &Options,
    path: &Path,
    shown: &Shown,
    reporter: &dyn Reporter,
    suite: &mut Suite,
) -> Result<()> {
    let run = RunDir::create(&About::this_process()).with_context(|| {
        format!(
            "cannot make a directory for the run below {}: set LAB_STATE_DIR to a place that can be written",
            state_dir().display()
        )
    })?;
    run.id().clone_into(&mut suite.run);
    // The scenarios' own processes; there are no services.
    let handle = tokio::task::block_in_place(|| GuardHandle::launch(run))?;
    stacks::be_patient(AFTER_SIGNAL);
    let surroundings = surroundings(handle.guard().clone());
    let cluster = Cluster::new(&surroundings.endpoints)?;
    let work = async {
        let runs = sharing_first(&selected, &surroundings, options, reporter);
        tokio::select! {
            outcomes = runs => Ok(outcomes),
            lost = handle.lost() => Err(lost.into()),
        }
    };
    let outcomes = stacks::interruptible(work).await;
    if let Some(control) = &surroundings.control
        && let Err(error) = control.restore().await
    {
        shown.line(&format!(
            "a service was left as a scenario left it: {error}"
        ));
        suite.left = Some(error.to_string());
    }
    // Processes first: who reads or writes holds on to groups and topics.
    let ended = tokio::task::spawn_blocking(move || {
        let ended = handle.guard().shut_down();
        // What a guard that was killed has left ends when its handle goes.
        drop(handle);
        ended
    })
    .await
    .map_err(|error| GuardError::Refused(error.to_string()));
    if let Err(error) = ended.and_then(|ended| ended) {
        shown.line(&format!("the run did not end as it should: {error}"));
    }
    let remove = format!("`lab clean --endpoints {}`", path.display());
    if options.keep {
        shown.line(&format!(
            "what the scenarios made is left: {remove} removes it"
        ));
    } else {
        // A scenario removes what it made when it ends; one that was interrupted has not come to that.
        settled().await;
        let id = suite.run.clone();
        let swept = cluster
            .sweep(&|mark| mark.run() == id, &Databases::All)
            .await;
        if let Err(error) = swept {
            shown.line(&format!(
                "something of run {id} is left: {error:#}\n  {remove} removes it once it can be reached"
            ));
            suite.left = Some(format!("{error:#}"));
        }
    }
    suite.scenarios.extend(outcomes?);
    Ok(())
}

/// Side by side those that leave the services alone; then, one after the other, those that hurt them or measure their throughput.
async fn sharing_first(
    selected: &[Selected],
    surroundings: &Surroundings,
    options: &Options,
    reporter: &dyn Reporter,
) -> Vec<ScenarioOutcome> {
    let is_alone =
        |one: &&Selected| groups::wants_own_stack(one) || one.instance().stack.jvm == Jvm::Server;
    let (alone, sharing): (Vec<_>, Vec<_>) = selected.iter().partition(is_alone);
    let mut outcomes =
        suite::side_by_side(sharing, options.jobs, surroundings, options, reporter).await;
    if outcomes.iter().any(suite::has_failed) && options.fail_fast {
        outcomes.extend(suite::left_out(alone, reporter));
    } else {
        outcomes.extend(suite::side_by_side(alone, 1, surroundings, options, reporter).await);
    }
    outcomes
}
