//! `lab bench startup`

use std::path::PathBuf;
use std::time::Instant;

use anyhow::Result;
use stack::Profile;
use stack::components::NoProgress;
use stack::native::{Native, StackSpec, StartOrder};
use stack::services::JvmMode;

use super::samples::{Samples, keep};
use crate::progress::Shown;
use crate::{Verdict, stacks};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Starts of each kind, interleaved.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    repeat: u32,
    /// Where the raw samples go, as JSON.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

pub async fn run(args: Args) -> Result<Verdict> {
    let shown = Shown::new();
    let services = Profile::default().services();
    let lab = StackSpec::of(services.clone());
    let one_by_one = StackSpec {
        jvm: JvmMode::Server,
        order: StartOrder::OneByOne,
        ..StackSpec::of(services)
    };
    // From the start of the command's work, verification included, until everything is ready.
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 1..=args.repeat {
        let (fast, slow) = (measure(&lab).await?, measure(&one_by_one).await?);
        ours.push(fast);
        theirs.push(slow);
        shown.line(&format!(
            "round {round} of {}: lab {fast:.2} s, one by one {slow:.2} s",
            args.repeat
        ));
    }
    let samples = Samples {
        unit: "s",
        kinds: vec![("lab up", ours), ("one by one, defaults", theirs)],
    };
    keep(args.output.as_deref(), &samples)?;
    samples.print(args.json);
    Ok(Verdict::Held)
}

async fn measure(spec: &StackSpec) -> Result<f64> {
    let begun = Instant::now();
    let native =
        stacks::interruptible(async { Ok(Native::start(spec, &NoProgress).await?) }).await?;
    let took = begun.elapsed().as_secs_f64();
    native.shut_down().await?;
    Ok(took)
}
