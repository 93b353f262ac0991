//! Every file in `tests/right` is right; the `.snap` beside it shows what was read.

use std::fmt::Write;
use std::path::Path;

use scenario::{Instance, Scenario, discover, load};
use serde_json::json;

use crate::steps::{Step, inputs, registry};

pub const ROOT: &str = "tests/right";

#[test]
fn every_right_file_is_read_as_its_snapshot_says() {
    let (registry, inputs) = (registry(), inputs(ROOT));
    let files = discover(Path::new(ROOT)).unwrap();
    assert!(files.len() >= 8, "only {} files", files.len());
    for file in files {
        let scenario = load(&file, &registry, &inputs)
            .unwrap_or_else(|problems| panic!("should be right:\n{problems}"));
        let folder = file.parent().unwrap().canonicalize().unwrap();
        let settings = {
            let mut settings = insta::Settings::clone_current();
            settings.set_snapshot_path(folder);
            settings.set_prepend_module_to_snapshot(false);
            settings.set_omit_expression(true);
            settings
        };
        let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
        settings.bind(|| insta::assert_snapshot!(name, read(&scenario)));
    }
}

/// What was read, with values for what only a run knows.
fn read(scenario: &Scenario<Step>) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: &dyn std::fmt::Debug| {
        writeln!(text, "{name}: {value:?}").unwrap();
    };
    line("path", &scenario.path);
    line("name", &scenario.name);
    line("summary", &scenario.summary);
    line("doc", &scenario.doc);
    line("tags", &scenario.tags);
    line("exclusive", &scenario.exclusive);
    line("skip", &scenario.skip);
    line("declares", &scenario.declares);
    for (need, position) in &scenario.needs {
        line("needs", &format!("{need}, at {position}"));
    }
    for axis in &scenario.matrix {
        line("axis", axis);
    }
    for instance in &scenario.instances {
        text.push_str(&format!("\n{}", run(scenario, instance)));
    }
    let root = Path::new(ROOT).canonicalize().unwrap();
    text.replace(root.to_str().unwrap(), "<root>")
}

fn run(scenario: &Scenario<Step>, instance: &Instance) -> String {
    let mut text = format!("{}\n", instance.id);
    writeln!(text, "  {:?}", instance.stack).unwrap();
    if let Some(expected) = &instance.expect_failure {
        writeln!(text, "  {expected:?}").unwrap();
    }
    let mut vars = instance.vars();
    vars.set("run.prefix", "t1");
    vars.set("run.id", "0042");
    for step in scenario.steps(instance) {
        let bound = step
            .bind(&vars)
            .unwrap_or_else(|problems| panic!("should be bound:\n{problems}"));
        let from: Vec<String> = step.included_from.iter().map(ToString::to_string).collect();
        let role = format!("{:?}", step.role).to_lowercase();
        writeln!(
            text,
            "  {}. {role} {} at {} {from:?}",
            step.number, step.key, step.position
        )
        .unwrap();
        writeln!(
            text,
            "     {:?} within {:?} for {} poll {}",
            bound.title,
            bound.within.map(|within| within.to_string()),
            bound.hold,
            bound.poll
        )
        .unwrap();
        for (name, path) in &bound.captures {
            writeln!(text, "     capture {name} = {path}").unwrap();
            vars.set(name, json!(7));
        }
        writeln!(text, "     {:?}", bound.step).unwrap();
    }
    text
}
