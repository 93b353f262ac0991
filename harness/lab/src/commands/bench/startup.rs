//! `lab bench startup`

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result};
use comfy_table::{Table, presets};
use serde::Serialize;
use stack::ServiceName;
use stack::native::{Native, Quiet, StackSpec, StartOrder};
use stack::services::JvmMode;

use crate::progress::Shown;
use crate::statistics::median;
use crate::{Verdict, stacks};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Starts of each kind, interleaved.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    repeat: u32,
    /// Where the raw samples go, as JSON.
    #[arg(long)]
    output: Option<PathBuf>,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

/// Seconds from the start of the command's work, verification included, until everything is ready.
#[derive(Debug, Default, Serialize)]
struct Samples {
    lab_seconds: Vec<f64>,
    one_by_one_seconds: Vec<f64>,
}

pub async fn run(args: Args) -> Result<Verdict> {
    let shown = Shown::new();
    let lab = StackSpec::of(ServiceName::ALL);
    let one_by_one = StackSpec {
        jvm: JvmMode::Server,
        order: StartOrder::OneByOne,
        ..StackSpec::of(ServiceName::ALL)
    };
    let mut samples = Samples::default();
    for round in 1..=args.repeat {
        samples.lab_seconds.push(measure(&lab).await?);
        samples.one_by_one_seconds.push(measure(&one_by_one).await?);
        let last = |list: &[f64]| list.last().copied().unwrap_or_default();
        shown.line(&format!(
            "round {round} of {}: lab {:.2} s, one by one {:.2} s",
            args.repeat,
            last(&samples.lab_seconds),
            last(&samples.one_by_one_seconds)
        ));
    }
    let raw = serde_json::to_value(&samples)?;
    if let Some(path) = &args.output {
        std::fs::write(path, format!("{raw:#}\n"))
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    let (ours, theirs) = (
        median(&samples.lab_seconds),
        median(&samples.one_by_one_seconds),
    );
    if args.json {
        let summary = serde_json::json!({ "lab_median": ours, "one_by_one_median": theirs, "ratio": ours / theirs });
        println!(
            "{:#}",
            serde_json::json!({ "summary": summary, "samples": raw })
        );
        return Ok(Verdict::Held);
    }
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_header(["start", "median", "least", "most"]);
    for (name, list) in [
        ("lab up", &samples.lab_seconds),
        ("one by one, defaults", &samples.one_by_one_seconds),
    ] {
        let least = list.iter().copied().fold(f64::INFINITY, f64::min);
        let most = list.iter().copied().fold(0.0, f64::max);
        table.add_row([
            name.to_owned(),
            seconds(median(list)),
            seconds(least),
            seconds(most),
        ]);
    }
    println!("{table}\nratio of the medians: {:.2}", ours / theirs);
    Ok(Verdict::Held)
}

async fn measure(spec: &StackSpec) -> Result<f64> {
    let begun = Instant::now();
    let native = stacks::interruptible(async { Ok(Native::start(spec, &Quiet).await?) }).await?;
    let took = begun.elapsed().as_secs_f64();
    native.shut_down().await?;
    Ok(took)
}

fn seconds(value: f64) -> String {
    format!("{value:.2} s")
}
