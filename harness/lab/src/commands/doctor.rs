//! `lab doctor`

use anyhow::Result;

use crate::{Verdict, machine};

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  lab doctor           what is missing, and the line that mends it
  lab doctor --json    for programs

Exit status: 0 nothing is missing that a usual stack wants, 2 something is. What only other versions want is a note.")]
pub struct Args {
    /// A JSON list of findings.
    #[arg(long)]
    json: bool,
}

/// Exit status 2 when something is missing that a usual stack wants: the machine is wrong.
pub fn run(args: Args) -> Result<Verdict> {
    let findings = machine::examine();
    if args.json {
        println!("{:#}", serde_json::to_value(&findings)?);
    } else {
        for finding in &findings {
            println!(
                "{:<4} {:<11} {}",
                match (finding.good, finding.note) {
                    (true, false) => "ok",
                    (true, true) => "note",
                    (false, _) => "MISS",
                },
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
