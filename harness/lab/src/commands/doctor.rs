//! `lab doctor`

use anyhow::Result;

use crate::{Verdict, machine};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// A JSON list of findings.
    #[arg(long)]
    json: bool,
}

/// Exit status 1 when something is missing.
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
    Ok(Verdict::from(findings.iter().all(|finding| finding.good)))
}
