//! Every file in `tests/wrong` is wrong, and says so exactly as the `.stderr` beside it does.

use std::path::Path;

use crate::goldens::difference;
use crate::steps::{inputs, registry};
use scenario::{discover, load};

const ROOT: &str = "tests/wrong";

#[test]
fn every_wrong_file_says_what_is_wrong() {
    let (registry, inputs) = (registry(), inputs(ROOT));
    let files = discover(Path::new(ROOT)).unwrap();
    assert!(files.len() >= 40, "only {} files", files.len());
    let mut differences = Vec::new();
    for file in &files {
        match load(file, &registry, &inputs) {
            Ok(_) => differences.push(format!("{}: nothing is wrong with it", file.display())),
            Err(problems) => {
                let text = format!("{problems}\n");
                differences.extend(difference(&file.with_extension("stderr"), &text));
            }
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n\n"));
}

#[test]
fn every_golden_has_its_file() {
    let golden_without_file = |path: &Path| {
        path.extension()
            .is_some_and(|extension| extension == "stderr")
            && !path.with_extension("toml").exists()
    };
    for area in std::fs::read_dir(ROOT).unwrap() {
        let Ok(entries) = std::fs::read_dir(area.unwrap().path()) else {
            continue;
        };
        for entry in entries {
            let path = entry.unwrap().path();
            assert!(
                !golden_without_file(&path),
                "{} describes nothing",
                path.display()
            );
        }
    }
}

#[test]
fn every_problem_points_into_a_line_and_says_more() {
    let (registry, inputs) = (registry(), inputs(ROOT));
    for file in discover(Path::new(ROOT)).unwrap() {
        let Err(problems) = load(&file, &registry, &inputs) else {
            continue;
        };
        for problem in problems.iter() {
            let shown = problem.render(false);
            let place = format!(
                "{}:{}:{}: ",
                problem.file.display(),
                problem.line,
                problem.column
            );
            assert!(shown.starts_with(&place), "{shown}");
            let is_empty = std::fs::read(&problem.file).unwrap().is_empty();
            assert!(is_empty || shown.contains('^'), "no caret:\n{shown}");
            let says_more = !problem.help.is_empty() || problem.near_miss.is_some();
            assert!(says_more, "does not say what was expected:\n{shown}");
        }
    }
}
