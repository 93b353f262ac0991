//! `lab list`

use anyhow::Result;
use console::{Alignment, Term, measure_text_width, pad_str, truncate_str};
use scenario::Scenario;
use stack::Profile;

use crate::Verdict;
use crate::catalogue::Selection;
use crate::runner::AnyStep;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  lab list                  every scenario
  lab list scenarios/cdc    those of an area
  lab list --tag tuning     by tag
  lab list --json           with steps' needs and instances, for programs")]
pub struct Args {
    #[command(flatten)]
    selection: Selection,
    /// A JSON list.
    #[arg(long)]
    json: bool,
}

pub fn run(args: Args) -> Result<Verdict> {
    let loaded = args.selection.load(false)?;
    args.selection.selects_something(&loaded)?;
    if args.json {
        let list: Vec<_> = loaded
            .scenarios
            .iter()
            .map(|one| {
                let instances: Vec<_> = one.instances.iter().map(|instance| &instance.id).collect();
                serde_json::json!({
                    "name": one.name,
                    "path": one.path,
                    "summary": one.summary,
                    "tags": one.tags,
                    "exclusive": one.exclusive,
                    "profiles": profiles(one),
                    "skip": one.skip,
                    "needs": one.needs.keys().collect::<Vec<_>>(),
                    "instances": instances,
                })
            })
            .collect();
        println!("{:#}", serde_json::Value::from(list));
    } else {
        let rows: Vec<[String; 3]> = loaded
            .scenarios
            .iter()
            .map(|one| {
                let name = match one.instances.len() {
                    1 => one.name.clone(),
                    number => format!("{} ({number} instances)", one.name),
                };
                [name, one.tags.join(" "), one.summary.clone()]
            })
            .collect();
        let terminal = Term::stdout();
        let width = terminal.is_term().then(|| usize::from(terminal.size().1));
        for line in lines(&rows, width) {
            println!("{line}");
        }
    }
    for problems in &loaded.problems {
        eprintln!("{problems}");
    }
    Ok(if loaded.problems.is_empty() {
        Verdict::Held
    } else {
        Verdict::Wrong
    })
}

/// A line a scenario. On a terminal what it checks is cut to what is left of the width; a name never is: it is what one types.
fn lines(rows: &[[String; 3]], width: Option<usize>) -> Vec<String> {
    let header = ["scenario", "tags", "what it checks"].map(str::to_owned);
    let all: Vec<&[String; 3]> = std::iter::once(&header).chain(rows).collect();
    let widest = |column: usize| {
        let cells = all.iter().map(|row| measure_text_width(&row[column]));
        cells.max().unwrap_or_default()
    };
    let (names, tags) = (widest(0), widest(1));
    all.iter()
        .map(|[name, of_tags, summary]| {
            let pad = |text, width| pad_str(text, width, Alignment::Left, None);
            let begin = format!("{}  {}  ", pad(name, names), pad(of_tags, tags));
            let left = width.map_or(usize::MAX, |width| width.saturating_sub(names + tags + 4));
            let line = format!("{begin}{}", truncate_str(summary, left, "…"));
            line.trim_end().to_owned()
        })
        .collect()
}

/// Names of the profiles that `skip` leaves.
fn profiles(scenario: &Scenario<AnyStep>) -> Vec<&'static str> {
    let all = Profile::ALL.map(Profile::as_str).into_iter();
    all.filter(|profile| !scenario.skip.contains_key(*profile))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::lines;

    #[test]
    fn a_narrow_terminal_cuts_what_is_checked_and_no_name() {
        let rows = [
            [
                "cdc/a-long-name (4 instances)",
                "cdc",
                "A delete arrives as an event.",
            ],
            ["engine/x", "", "Short."],
        ]
        .map(|row| row.map(str::to_owned));
        assert_eq!(
            lines(&rows, Some(50)),
            [
                "scenario                       tags  what it chec…",
                "cdc/a-long-name (4 instances)  cdc   A delete arr…",
                "engine/x                             Short.",
            ]
        );
        let whole = lines(&rows, None);
        assert!(whole[1].ends_with("A delete arrives as an event."));
        let none = lines(&rows, Some(10));
        assert!(none[1].starts_with("cdc/a-long-name (4 instances)"));
    }
}
