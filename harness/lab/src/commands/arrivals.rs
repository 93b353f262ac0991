//! `lab arrivals`

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use crate::Verdict;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  lab run scenarios/cdc --jobs 4 --report lab-report
  lab arrivals lab-report/report.json > docs/what-arrives.md
  lab arrivals lab-report/report.json --check docs/what-arrives.md")]
pub struct Args {
    /// The report of a run of all scenarios in `scenarios/cdc`.
    #[arg(value_name = "REPORT.json")]
    report: PathBuf,
    /// Print nothing; exit status 1 when this page is not what would be printed.
    #[arg(long, value_name = "PAGE.md")]
    check: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Report {
    scenarios: Vec<Scenario>,
}

#[derive(Deserialize)]
struct Scenario {
    id: String,
    summary: String,
    outcome: String,
    steps: Vec<Step>,
}

#[derive(Deserialize)]
struct Step {
    title: String,
    /// Missing in reports of earlier versions, where the title of a step without a name is its key.
    named: Option<bool>,
    key: String,
    written: String,
    grid: Option<Grid>,
}

#[derive(Deserialize)]
struct Grid {
    rows: Vec<Vec<String>>,
}

pub fn run(args: Args) -> Result<Verdict> {
    let shown = args.report.display();
    let text = std::fs::read_to_string(&args.report).with_context(|| {
        format!("cannot read {shown}: `lab run scenarios/cdc --report DIR` writes it")
    })?;
    let report = serde_json::from_str(&text)
        .with_context(|| format!("{shown} is not the report of a run"))?;
    let page = page(report)?;
    let Some(path) = args.check else {
        print!("{page}");
        return Ok(Verdict::Held);
    };
    let known = std::fs::read_to_string(&path)
        .with_context(|| format!("cannot read {}", path.display()))?;
    if known == page {
        println!("{} is what the scenarios saw", path.display());
        return Ok(Verdict::Held);
    }
    let differs = page
        .lines()
        .find(|line| !known.lines().any(|old| old == *line))
        .unwrap_or("fewer lines");
    eprintln!(
        "{} is not what the scenarios saw, first in\n  {differs}\nwrite it anew: lab arrivals {shown} > {}",
        path.display(),
        path.display()
    );
    Ok(Verdict::Failed)
}

/// The area whose scenarios are about events.
const AREA: &str = "cdc/";
/// A step that saw more than this is about numbers of records.
const MOST: usize = 6;

fn page(report: Report) -> Result<String> {
    let mut scenarios = report.scenarios;
    scenarios.retain(|one| one.id.starts_with(AREA));
    scenarios.sort_by(|a, b| a.id.cmp(&b.id));
    // Repeated runs see the same.
    scenarios.dedup_by(|a, b| a.id == b.id);
    if scenarios.is_empty() {
        bail!("the report has no scenario of {AREA}: run them all");
    }
    if let Some(one) = scenarios.iter().find(|one| one.outcome != "passed") {
        bail!(
            "{} {}: the page is made of what scenarios saw that passed",
            one.id,
            one.outcome
        );
    }
    let mut page = "# What arrives on the topic\n\n<!-- Written by `lab arrivals` from what the scenarios saw; never by hand. -->\n\nEach row is a scenario that ran on real components: what was done, and the records that it then found, as key → value. Of\nchange events `op`, `before` and `after` are shown.\n".to_owned();
    let mut of_file = "";
    for one in &scenarios {
        let rows: Vec<_> = rows(one);
        if rows.is_empty() {
            continue;
        }
        let (file, axes) = match one.id.split_once('[') {
            Some((file, axes)) => (file, axes.trim_end_matches(']')),
            None => (one.id.as_str(), ""),
        };
        if file != of_file {
            of_file = file;
            page.push_str(&format!(
                "\n## {file}\n\n{}\n\n| with | what was done | what arrived |\n|---|---|---|\n",
                one.summary
            ));
        }
        for (done, arrived) in rows {
            page.push_str(&format!(
                "| {} | {} | {} |\n",
                cell(axes),
                cell(&done),
                arrived
            ));
        }
    }
    Ok(page)
}

/// What was done before each check of records, and what that saw.
fn rows(scenario: &Scenario) -> Vec<(String, String)> {
    let mut done: Vec<String> = Vec::new();
    let mut rows = Vec::new();
    for step in &scenario.steps {
        match (step.key.as_str(), &step.grid) {
            ("records", Some(grid)) if grid.rows.len() <= MOST && is_settled(&step.written) => {
                let events: Vec<_> = grid
                    .rows
                    .iter()
                    .map(|row| format!("`{}`", escaped(&row.join(" → "))))
                    .collect();
                let arrived = if events.is_empty() {
                    "nothing".to_owned()
                } else {
                    events.join("<br>")
                };
                rows.push((std::mem::take(&mut done).join("; "), arrived));
            }
            ("sql" | "kill" | "start" | "produce" | "delete_connector", _) => {
                let named = step.named.unwrap_or(step.title != step.key);
                done.push(if named {
                    step.title.clone()
                } else {
                    written(&step.written)
                });
            }
            _ => {}
        }
    }
    rows
}

/// Whether a check sees the same in each run: not one of records in any order, nor one that looks at what has come so far.
fn is_settled(check: &str) -> bool {
    let has = |key: &str| check.contains(&format!("{key} = "));
    let only_none = has("none") && !["exactly", "sequence", "count"].into_iter().any(has);
    !has("contains") && !has("once") && !only_none
}

/// A step as it stands in the file, in one line.
fn written(step: &str) -> String {
    let lines = step.lines().map(str::trim);
    let lines = lines.filter(|line| !line.is_empty() && *line != "[[step]]");
    format!("`{}`", escaped(&lines.collect::<Vec<_>>().join(" ")))
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

/// Inside of backquotes of a table.
fn escaped(text: &str) -> String {
    cell(&text.replace('`', "'"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use rstest::rstest;
    use serde_json::json;

    use super::*;

    fn report(outcome: &str) -> Report {
        let steps = json!([
            {"title": "a table", "key": "sql", "written": "", "grid": null},
            {"title": "INSERT", "key": "sql", "written": "", "grid": null},
            {"title": "it arrives", "key": "records", "written": "", "grid": {"rows": [["{\"id\":1}", "none: a tombstone"]]}},
            {"title": "nothing more", "key": "records", "written": "", "grid": {"rows": []}},
        ]);
        let one = |id: &str| json!({"id": id, "summary": "A delete.", "outcome": outcome, "steps": steps});
        serde_json::from_value(json!({"scenarios": [one("cdc/delete[mode=b]"), one("cdc/delete[mode=a]"), one("engine/x")]})).unwrap()
    }

    #[test]
    fn a_row_says_what_was_done_and_what_arrived() {
        let page = page(report("passed")).unwrap();
        assert!(page.contains("## cdc/delete\n\nA delete.\n"), "{page}");
        let row = "| mode=a | a table; INSERT | `{\"id\":1} → none: a tombstone` |\n| mode=a |  | nothing |\n| mode=b |";
        assert!(page.contains(row), "{page}");
        assert!(!page.contains("engine/x"), "{page}");
    }

    /// A check in the midst of a snapshot saw six records or fewer, and the page had a line more than usual.
    #[rstest]
    #[case(
        r#"records = { topic = "t", exactly = [{ value = { op = "c" } }] }"#,
        true
    )]
    #[case(
        r#"records = { topic = "t", none = [{ value = { op = "c" } }], count = 2 }"#,
        true
    )]
    #[case(
        r#"records = { topic = "t", none = [{ value = { op = "c" } }] }"#,
        false
    )]
    #[case(
        r#"records = { topic = "t", contains = [{ value = { op = "c" } }] }"#,
        false
    )]
    fn what_has_come_so_far_is_not_on_the_page(#[case] check: &str, #[case] is_settled: bool) {
        assert_eq!(super::is_settled(check), is_settled);
    }

    #[test]
    fn a_run_that_did_not_hold_makes_no_page() {
        let error = page(report("failed")).unwrap_err().to_string();
        assert!(error.contains("cdc/delete[mode=a] failed"), "{error}");
    }

    #[test]
    fn every_scenario_of_the_area_is_on_the_page() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios");
        let page = include_str!("../../../../docs/what-arrives.md");
        for file in scenario::discover(&root).unwrap() {
            let name = file.strip_prefix(&root).unwrap().with_extension("");
            let name = name.display().to_string();
            let text = std::fs::read_to_string(&file).unwrap();
            if name.starts_with(AREA) && text.contains("exactly = [") && !text.contains("\"soak\"")
            {
                assert!(
                    page.contains(&format!("\n## {name}\n")),
                    "`lab arrivals` has not seen {name}"
                );
            }
        }
    }
}
