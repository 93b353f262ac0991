//! `lab validate`

use anyhow::Result;

use crate::Verdict;
use crate::catalogue::Selection;
use crate::words::count;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  lab validate                  every scenario
  lab validate cdc/original     one
  lab validate my/area/x.toml --scenarios my    in a folder of one's own

Needs no component and starts nothing. Exit status: 0 all are right, 2 one is not.")]
pub struct Args {
    #[command(flatten)]
    selection: Selection,
}

/// Needs no component and starts nothing.
pub fn run(args: Args) -> Result<Verdict> {
    let loaded = args.selection.load(false)?;
    let colour = console::user_attended_stderr();
    for problems in &loaded.problems {
        eprintln!("{}", problems.render(colour));
    }
    let wrong = loaded.problems.len();
    println!("{}, {wrong} wrong", count(loaded.files, "scenario file"));
    Ok(if wrong == 0 {
        Verdict::Held
    } else {
        Verdict::Wrong
    })
}
