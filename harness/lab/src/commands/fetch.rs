//! `lab fetch`

use anyhow::Result;
use stack::components::{Cache, ComponentId, Lock, prometheus};

use crate::Verdict;
use crate::progress::Shown;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  lab fetch                    everything, so that nothing needs the network
  lab fetch kafka jmx-agent    only these, in their default versions
  lab fetch kafka@4.3.1        one version

What has arrived stays when a fetch is ended; the next one goes on from there.")]
pub struct Args {
    /// Components as NAME or NAME@VERSION; every version of every component for this machine when none is named.
    components: Vec<String>,
}

pub fn run(args: Args) -> Result<Verdict> {
    let shown = Shown::new();
    let lock = Lock::embedded()?;
    let wanted: Vec<ComponentId> = if args.components.is_empty() {
        lock.all()
    } else {
        let resolve = |text: &String| match text.split_once('@') {
            Some((name, version)) => lock.resolve(name, Some(version)),
            None => lock.resolve(text, None),
        };
        args.components
            .iter()
            .map(resolve)
            .collect::<Result<_, _>>()?
    };
    let cache = Cache::open(lock)?;
    // What was damaged is told as it is found, and fetched again.
    cache.fetch(&wanted, &shown)?;
    for id in &wanted {
        println!("{id}");
    }
    if args.components.is_empty() {
        println!("prometheus {}", prometheus::ensure(&cache, &shown)?.version);
    }
    Ok(Verdict::Held)
}
