//! `lab list`

use anyhow::Result;
use comfy_table::{Table, presets};
use scenario::Scenario;
use stack::Profile;

use crate::Verdict;
use crate::catalogue::Selection;
use crate::runner::AnyStep;

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    selection: Selection,
    /// A JSON list.
    #[arg(long)]
    json: bool,
}

pub fn run(args: Args) -> Result<Verdict> {
    let loaded = args.selection.load(false)?;
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
        let mut table = Table::new();
        table
            .load_style(presets::NOTHING)
            .set_header(["scenario", "tags", "what it checks"]);
        for one in &loaded.scenarios {
            let name = match one.instances.len() {
                1 => one.name.clone(),
                number => format!("{} ({number} instances)", one.name),
            };
            table.add_row([name, one.tags.join(" "), one.summary.clone()]);
        }
        println!("{table}");
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

/// Names of the profiles that `skip` leaves.
fn profiles(scenario: &Scenario<AnyStep>) -> Vec<&'static str> {
    let all = Profile::ALL.map(Profile::as_str).into_iter();
    all.filter(|profile| !scenario.skip.contains_key(*profile))
        .collect()
}
