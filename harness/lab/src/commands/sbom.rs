//! `lab sbom`

use anyhow::{Context as _, Result};
use stack::components::{Cache, Lock};

use crate::progress::Shown;
use crate::{Verdict, sbom};

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  lab sbom > sbom.json    for a scanner of your own

Components that are not there yet are fetched first.")]
pub struct Args {}

pub fn run(_: Args) -> Result<Verdict> {
    let lock = Lock::embedded()?;
    let wanted = lock.all();
    let cache = Cache::open(lock)?;
    cache.fetch(&wanted, &Shown::new())?;
    let document = sbom::document(&cache)?;
    let text = serde_json::to_string_pretty(&document).context("cannot write it as JSON")?;
    println!("{text}");
    Ok(Verdict::Held)
}
