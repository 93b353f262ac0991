//! `lab lint`: each file in `tests/lint` gets the words beside it. `LAB_TEST_WRITE=1` writes them anew.
//!
//! `good` has no finding but notes, `bad` has one, `wrong` is no connector. `NAME@VERSION.json` is for that version of Debezium.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use rstest::rstest;
use serde_json::Value;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lint")
}

/// `lab lint` in the folder of the files, so that no path of this machine is in what it says.
fn lint(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lab"));
    command.arg("lint").args(arguments).current_dir(folder());
    command.stdin(Stdio::null()).output().unwrap()
}

fn files(kind: &str) -> Vec<String> {
    let mut files: Vec<_> = std::fs::read_dir(folder().join(kind))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".json"))
        .map(|name| format!("{kind}/{name}"))
        .collect();
    files.sort();
    files
}

fn version_of(file: &str) -> Vec<&str> {
    match file.trim_end_matches(".json").split_once('@') {
        Some((_, version)) => vec!["--debezium", version],
        None => Vec::new(),
    }
}

fn said(output: &Output) -> String {
    let all = [&output.stdout[..], &output.stderr].concat();
    String::from_utf8(all).unwrap()
}

/// What differs from the golden file, if anything does.
fn difference(golden: &Path, said: &str) -> Option<String> {
    if std::env::var_os("LAB_TEST_WRITE").is_some() {
        std::fs::write(golden, said).unwrap();
        return None;
    }
    let expected = std::fs::read_to_string(golden).unwrap_or_default();
    (expected != said).then(|| {
        format!(
            "{}\n--- expected\n{expected}\n--- said\n{said}",
            golden.display()
        )
    })
}

#[rstest]
#[case::good("good", 0)]
#[case::bad("bad", 1)]
#[case::wrong("wrong", 2)]
fn each_file_gets_the_words_beside_it(#[case] kind: &str, #[case] status: i32) {
    let mut wrong = Vec::new();
    for file in files(kind) {
        let output = lint(&[&[file.as_str()][..], &version_of(&file)[..]].concat());
        let said = said(&output);
        if output.status.code() != Some(status) {
            wrong.push(format!(
                "{file} ends with {:?}, not {status}:\n{said}",
                output.status
            ));
        }
        wrong.extend(difference(
            &folder().join(file.replace(".json", ".txt")),
            &said,
        ));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn there_are_enough_files() {
    let number = files("good").len() + files("bad").len();
    assert!(number >= 25, "{number}");
}

/// The connector of the original exercise, as it stands in the scenarios.
const ORIGINAL: &str = "../../../../scenarios/cdc/pg-connector.json";

#[rstest]
#[case("3.7.0", "original.txt")]
#[case("2.7.4", "original@2.7.4.txt")]
fn the_original_connector_gets_its_words(#[case] version: &str, #[case] golden: &str) {
    let output = lint(&[ORIGINAL, "--debezium", version]);
    assert_eq!(output.status.code(), Some(1));
    let difference = difference(&folder().join(golden), &said(&output));
    assert_eq!(difference, None);
}

#[test]
fn everything_that_is_wrong_with_the_original_connector_is_named() {
    let output = lint(&[ORIGINAL, "--json"]);
    let all: Value = serde_json::from_slice(&output.stdout).unwrap();
    let findings = all["findings"].as_array().unwrap();
    let has = |key: Option<&str>, rule: &str, severity: &str| {
        findings.iter().any(|one| {
            one["key"].as_str() == key && one["rule"] == rule && one["severity"] == severity
        })
    };
    for (key, rule) in [
        ("database.server.name", "renamed"),
        ("table.whitelist", "renamed"),
        ("transforms.unwrap.drop.tombstones", "renamed"),
        ("transforms.unwrap.delete.handling.mode", "renamed"),
        ("signal.kafka.key", "signals"),
        ("signal.kafka.value", "signals"),
        ("signal.data.collection", "signals"),
        ("transforms.unwrap.type", "truncates"),
        ("database.password", "clear-secret"),
    ] {
        assert!(has(Some(key), rule, "warning"), "{key} {rule}: {all:#}");
    }
    assert!(has(None, "decoder", "warning"), "{all:#}");
    // Connect reads topic.creation.*, though no worker lists it; the switch among them is the worker's own.
    let about_topics: Vec<_> = findings
        .iter()
        .filter(|one| {
            one["key"]
                .as_str()
                .is_some_and(|key| key.starts_with("topic.creation."))
        })
        .map(|one| {
            (
                one["key"].as_str().unwrap(),
                one["severity"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(about_topics, [("topic.creation.enable", "note")]);
}

/// What can be mended is mended at once; what is left is for a human, and the exit status says so.
#[rstest]
#[case::original(ORIGINAL, true)]
#[case::of_debezium_1("bad/of-debezium-1.json", true)]
#[case::bare_client_keys("bad/bare-client-keys.json", true)]
#[case::truncates("bad/truncates.json", true)]
#[case::secrets("bad/secrets.json", true)]
#[case::misspelt("bad/misspelt.json", true)]
#[case::required("bad/required.json", false)]
fn what_fix_prints_passes(#[case] file: &str, #[case] passes: bool) {
    for fix in ["--fix", "--fix=truncates"] {
        let output = lint(&[file, fix]);
        if fix == "--fix=truncates" && output.status.code() == Some(2) {
            assert!(
                said(&output).contains("nothing to add"),
                "{}",
                said(&output)
            );
            continue;
        }
        assert_eq!(
            output.status.success(),
            passes,
            "{file} {fix}: {}",
            said(&output)
        );
        let mut command = Command::new(env!("CARGO_BIN_EXE_lab"));
        command
            .args(["lint", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(&output.stdout)
            .unwrap();
        let again = child.wait_with_output().unwrap();
        assert_eq!(
            again.status.success(),
            passes,
            "{file} {fix}: {}",
            said(&again)
        );
    }
}

/// The scenario of the mended connector runs what `--fix` prints today.
#[rstest]
#[case("--fix", "pg-connector.fixed.json")]
#[case("--fix=truncates", "pg-connector.truncates.json")]
fn the_scenario_of_the_mended_connector_runs_what_fix_prints(
    #[case] fix: &str,
    #[case] name: &str,
) {
    let output = lint(&[ORIGINAL, fix]);
    let file = folder().join("../../../../scenarios/cdc").join(name);
    // In a scenario's file `${` begins one of its own variables.
    let printed = String::from_utf8(output.stdout)
        .unwrap()
        .replace("${", "$${");
    assert_eq!(difference(&file, &printed), None);
}

#[test]
fn no_secret_is_printed() {
    let all = ["good", "bad", "wrong"].map(files).concat();
    for file in all.iter().map(String::as_str).chain([ORIGINAL]) {
        for more in [
            &[][..],
            &["--json"],
            &["--fix"],
            &["--fix", "--json"],
            &["--fix=truncates"],
        ] {
            let said = said(&lint(&[&[file][..], more].concat()));
            for secret in [
                "s3cret-pw",
                "pa55-",
                "jaa5-secret",
                "ur1-secret",
                "ssl-secret",
                "copy-secret",
                "pässwörd",
                "postgres-pw",
            ] {
                assert!(!said.contains(secret), "{file} {more:?}: {said}");
            }
        }
    }
}

#[rstest]
#[case::not_recorded(&["good/sink.json", "--debezium", "3.0.0"], "3.0.0 is not recorded: there are 3.7.0.Final and 2.7.4.Final")]
#[case::no_file(&["nothing.json"], "cannot read nothing.json")]
#[case::folder(&["good"], "good is not a file")]
#[case::no_url(&["good/sink.json", "--live", "localhost:8083"], "http://localhost:8083")]
#[case::nobody_there(&["good/sink.json", "--live", "http://127.0.0.1:1"], "the worker does not answer")]
#[case::both(&["good/sink.json", "--live", "http://h", "--debezium", "2.7.4"], "cannot be used with")]
fn input_that_is_wrong_is_said(#[case] arguments: &[&str], #[case] words: &str) {
    let output = lint(arguments);
    let said = said(&output);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains(words), "{said}");
}
