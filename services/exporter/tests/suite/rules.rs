//! The rule files hold, and speak of metrics that exist.
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use crate::support::exporter::Exporter;

#[test]
fn promtool_agrees_with_the_expected_alerts() {
    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules");
    match Command::new("promtool")
        .args(["test", "rules", "tests.yml"])
        .current_dir(rules)
        .output()
    {
        Ok(output) => assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        ),
        Err(error) => println!("skipped: promtool: {error}"),
    }
}

#[test]
fn every_metric_in_the_rules_is_one_that_the_exporter_has() {
    let exporter = Exporter::start(&[], &["--demo"]);
    // These two come last, in either order: on a busy machine the lag was there before a record was.
    let samples = exporter.until("a lag and a record", |samples| {
        ["exporter_consumer_lag", "exporter_last_message_timestamp"]
            .iter()
            .all(|last| samples.keys().any(|name| name.starts_with(last)))
    });
    let known: BTreeSet<&str> = samples
        .keys()
        .map(|name| name.split('{').next().unwrap())
        .collect();
    for rules in [
        include_str!("../../rules/alerts.yml"),
        include_str!("../../rules/recording.yml"),
    ] {
        let expressions = rules.lines().filter(|line| !line.contains("record:"));
        let words = expressions.flat_map(|line| {
            line.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':'))
        });
        for word in words.filter(|word| word.starts_with("exporter_")) {
            assert!(known.contains(word), "{word} is no metric of the exporter");
        }
    }
}

/// A rule that nobody tests is one that nobody has seen fire.
#[test]
fn every_rule_has_a_test() {
    let tests = include_str!("../../rules/tests.yml");
    let rules = [
        include_str!("../../rules/alerts.yml"),
        include_str!("../../rules/recording.yml"),
    ];
    let names = rules.iter().flat_map(|rules| {
        rules.lines().filter_map(|line| {
            let line = line.trim().trim_start_matches("- ");
            line.strip_prefix("alert: ")
                .map(|name| format!("alertname: {name}"))
                .or_else(|| {
                    line.strip_prefix("record: ")
                        .map(|name| format!("expr: {name}"))
                })
        })
    });
    for name in names {
        assert!(tests.contains(&name), "no test with {name:?}");
    }
}
