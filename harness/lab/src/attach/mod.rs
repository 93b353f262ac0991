//! Runs scenarios on a cluster that exists: endpoints and no control. What scenarios make there bears the mark of the run, and
//! is removed.

mod address;
mod file;
mod needs;
mod reach;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use stack::Endpoints;
use stack::guard::{GuardError, GuardHandle};
use stack::runs::{RunDir, state_dir};

pub use file::read;
pub use reach::reach;

use crate::leftovers::{Cluster, Databases};
use crate::progress::Shown;
use crate::runner::{Selected, Suite, Surroundings};
use crate::stacks;
use crate::suite::{self, Options, Reporter};
use crate::words::without_password;

/// How long removing may take after a signal.
const AFTER_SIGNAL: Duration = Duration::from_secs(90);

/// Runs everything that can run there.
///
/// # Errors
/// When the file is wrong, something does not answer, or something could not be removed.
pub async fn run(
    selected: &[Selected],
    options: &Options,
    path: &Path,
    shown: &Shown,
    reporter: &dyn Reporter,
) -> Result<Suite> {
    let begun = Instant::now();
    let endpoints = file::read(path)?;
    let all = suite::in_order(selected, options, shown);
    let mut suite = Suite {
        began: suite::now(),
        seed: options.shuffle,
        // What runs there is not what is pinned here.
        versions: [("lab".to_owned(), env!("CARGO_PKG_VERSION").to_owned())].into(),
        endpoints: endpoints
            .iter()
            .map(|(service, key, address)| (format!("{service} {key}"), without_password(address)))
            .collect(),
        ..Suite::default()
    };
    let mut runnable = Vec::new();
    for one in all {
        match needs::unmet(&one, &endpoints, path) {
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
        reach(&services, &endpoints, path).await?;
        // What was not asked for is not touched either.
        let mut used = Endpoints::default();
        for (service, key, address) in endpoints.iter() {
            if service == "metrics" || services.iter().any(|(name, _)| name.as_str() == service) {
                used.set(service, key, address);
            }
        }
        on_cluster(used, runnable, options, path, shown, reporter, &mut suite).await?;
    }
    suite.seconds = begun.elapsed().as_secs_f64();
    Ok(suite)
}

async fn on_cluster(
    endpoints: Endpoints,
    selected: Vec<Selected>,
    options: &Options,
    path: &Path,
    shown: &Shown,
    reporter: &dyn Reporter,
    suite: &mut Suite,
) -> Result<()> {
    let cluster = Cluster::new(&endpoints)?;
    let run = RunDir::create().with_context(|| {
        format!(
            "cannot make a directory for the run below {}: set LAB_STATE_DIR to a place that can be written",
            state_dir().display()
        )
    })?;
    run.id().clone_into(&mut suite.run);
    // The scenarios' own processes; there are no services.
    let handle = tokio::task::block_in_place(|| GuardHandle::launch(run))?;
    stacks::be_patient(AFTER_SIGNAL);
    let surroundings = Surroundings {
        endpoints,
        guard: handle.guard().clone(),
        versions: BTreeMap::new(),
        control: None,
        tuning: options.tuning.clone(),
    };
    let batch: Vec<_> = selected.iter().collect();
    let work = async {
        let runs = suite::side_by_side(batch, options.jobs, &surroundings, options, reporter);
        tokio::select! {
            outcomes = runs => Ok(outcomes),
            lost = handle.lost() => Err(lost.into()),
        }
    };
    let outcomes = stacks::interruptible(work).await;
    // Processes first: who reads or writes holds on to groups and topics. A guard that is lost has ended them.
    let guard = handle.guard().clone();
    let ended = tokio::task::spawn_blocking(move || guard.shut_down())
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
