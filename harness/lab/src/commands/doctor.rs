//! `lab doctor`

use anyhow::Result;

use crate::{Verdict, machine};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// A JSON list of findings.
    #[arg(long)]
    json: bool,
}

/// Exit status 2 when something is missing: the machine is wrong.
pub fn run(args: Args) -> Result<Verdict> {
    let findings = machine::examine();
    if args.json {
        println!("{:#}", serde_json::to_value(&findings)?);
    } else {
        for finding in &findings {
            println!(
                "{:<4} {:<11} {}",
                if finding.good { "ok" } else { "MISS" },
                finding.what,
                finding.seen
            );
            if let Some(mend) = &finding.mend {
                println!("     {:<11} → {mend}", "");
            }
        }
    }
    Ok(if findings.iter().all(|finding| finding.good) {
        Verdict::Held
    } else {
        Verdict::Wrong
    })
}
