//! `lab lock`

use std::path::PathBuf;

use anyhow::Result;
use stack::components::{Cache, Lock, relock};

use crate::Verdict;
use crate::progress::Shown;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  lab lock    after a change of components/components.json")]
pub struct Args {
    /// The folder with components.json.
    #[arg(long, default_value = "components")]
    components: PathBuf,
}

pub fn run(args: Args) -> Result<Verdict> {
    let shown = Shown::new();
    let cache = Cache::open(Lock::embedded()?)?;
    let changed = relock::write(&args.components, &cache, &shown)?;
    let path = args.components.join("lock.json");
    println!(
        "{} {}",
        path.display(),
        if changed {
            "was rewritten"
        } else {
            "is current"
        }
    );
    Ok(Verdict::Held)
}
