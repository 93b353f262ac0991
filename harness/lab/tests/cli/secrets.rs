//! Passwords and private keys of a secure stack stand in their files, and nowhere that anybody else looks.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;

use rustix::process::Signal;

use crate::support::{Lab, signal};

/// Scenarios that use every password: of clients, of connectors, of Postgres, and wrong ones.
const SCENARIOS: [&str; 4] = [
    "exposure/values",
    "cdc/original",
    "cdc/snapshot-by-signal",
    "security/wrong-password",
];

/// The passwords, and the lines of the private keys, each with its file.
fn secrets(security: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(security).unwrap().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.ends_with(".password") && !name.ends_with(".key") {
            continue;
        }
        let text = fs::read_to_string(entry.path()).unwrap();
        let lines = text.lines().filter(|line| !line.starts_with("-----"));
        // The last line of a key may be a few characters that stand anywhere.
        let lines = lines.filter(|line| line.len() >= 16);
        found.extend(lines.map(|line| (name.clone(), line.to_owned())));
    }
    found
}

/// Texts below a folder, each with its place.
fn texts(folder: &Path) -> Vec<(String, String)> {
    let files = walkdir::WalkDir::new(folder).into_iter().flatten();
    files
        .filter(|entry| entry.file_type().is_file())
        .map(|entry| {
            let text = fs::read(entry.path()).unwrap_or_default();
            let text = String::from_utf8_lossy(&text).into_owned();
            (entry.path().display().to_string(), text)
        })
        .collect()
}

/// Arguments of every process of this machine, whoever started it.
fn arguments() -> Vec<(String, String)> {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    processes
        .filter_map(|entry| {
            let text = fs::read(entry.path().join("cmdline")).ok()?;
            let place = entry.path().join("cmdline").display().to_string();
            Some((place, String::from_utf8_lossy(&text).into_owned()))
        })
        .collect()
}

#[test]
fn no_password_and_no_private_key_is_shown_anywhere() {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report");
    let lab = Lab::new();
    let mut arguments_of_run = vec!["run", "--secure", "--keep", "--json", "--report"];
    let shown = report.display().to_string();
    arguments_of_run.push(&shown);
    arguments_of_run.extend(SCENARIOS);
    let mut run = lab.start(&arguments_of_run);

    let mut said = String::new();
    let mut lines = BufReader::new(run.stderr.take().unwrap()).lines();
    for line in lines.by_ref() {
        let line = line.unwrap();
        said.push_str(&line);
        said.push('\n');
        if line.contains("the stack stays up") {
            break;
        }
    }
    let status = lab.run(&["status", "--json"]).stdout;
    let about: serde_json::Value = serde_json::from_str(&status).unwrap();
    let log = about["services"][0]["log"].as_str().unwrap();
    let logs = Path::new(log).parent().unwrap();
    let directory = logs.parent().unwrap();
    let secrets = secrets(&directory.join("security"));

    let mut places = vec![
        ("lab status --json".to_owned(), status),
        ("lab status".to_owned(), lab.run(&["status"]).stdout),
    ];
    // Whoever has its addresses alone would be refused, for reasons that they could not see.
    let endpoints = lab.run(&["status", "--endpoints"]);
    endpoints.assert_says(2, &["is secure", "lab run --secure", "docs/security.md"]);
    places.push(("lab status --endpoints".to_owned(), endpoints.stderr));
    places.extend(arguments());
    let processes = lab.processes().len();
    signal(run.id(), Signal::INT);
    let mut printed = String::new();
    run.stdout
        .take()
        .unwrap()
        .read_to_string(&mut printed)
        .unwrap();
    lines
        .map_while(Result::ok)
        .for_each(|line| said.push_str(&line));
    run.wait().unwrap();
    places.extend([
        ("standard output".to_owned(), printed),
        ("standard error".to_owned(), said.clone()),
    ]);
    places.extend(texts(&report));
    places.extend(texts(logs));
    places.extend(texts(&logs.with_file_name("about.json")));

    // There was something to look for and something to look through.
    assert!(said.contains("PASS") && !said.contains("FAIL"), "{said}");
    assert!(
        secrets.len() > 20 && processes > 6,
        "{} {processes}",
        secrets.len()
    );
    assert!(places.len() > 20, "{}", places.len());
    let leaks: Vec<_> = places
        .iter()
        .flat_map(|(place, text)| {
            let leaked = secrets.iter().filter(|(_, secret)| text.contains(secret));
            leaked.map(move |(name, _)| format!("{name} stands in {place}"))
        })
        .collect();
    assert!(leaks.is_empty(), "{}", leaks.join("\n"));
    lab.assert_nothing_left(&[], "after a secure run");
}
