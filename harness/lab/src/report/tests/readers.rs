//! What others make of the reports.

use std::path::Path;
use std::process::{Command, Output};

use super::samples::suite;
use crate::report::{html, junit};

/// Runs a program over a file, if the machine has one of these.
fn reader(programs: &[&str], arguments: &[&str], file: &Path) -> Option<Output> {
    let Some(program) = programs.iter().find_map(|name| which::which(name).ok()) else {
        println!("skipped: none of {programs:?} is installed");
        return None;
    };
    let mut command = Command::new(program);
    Some(command.args(arguments).arg(file).output().unwrap())
}

#[test]
fn junit_is_valid_by_the_schema_that_ci_servers_use() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("junit.xml");
    let schema = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/reports/junit-10.xsd");
    let text = junit::document(&suite()).unwrap();
    // A schema that takes everything would prove nothing.
    for (text, valid) in [
        (text.clone(), true),
        (text.replace("<testcase name=", "<testcase nome="), false),
    ] {
        std::fs::write(&file, text).unwrap();
        let Some(output) = reader(&["xmllint"], &["--noout", "--schema", schema], &file) else {
            return;
        };
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.success(), valid, "{said}");
    }
}

/// A browser without a window, with a new profile below `folder`.
pub(crate) fn browser(folder: &Path, file: &Path, arguments: &[&str]) -> Option<Output> {
    let profile = tempfile::tempdir_in(folder).unwrap();
    let profile = format!("--user-data-dir={}", profile.path().display());
    let mut all = vec![
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        &profile,
    ];
    all.extend(arguments);
    let output = reader(&["chromium", "google-chrome"], &all, file)?;
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    Some(output)
}

#[test]
fn the_page_opens_in_a_browser_and_runs_nothing_that_it_shows() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("report.html");
    std::fs::write(&file, html::page(&suite())).unwrap();
    let Some(output) = browser(folder.path(), &file, &["--dump-dom"]) else {
        return;
    };
    let page = String::from_utf8_lossy(&output.stdout);
    let title = "<title>Kafka Connect Lab: 3 passed, 3 failed, 1 skipped in 35.5 s</title>";
    assert!(page.contains(title), "{page}");
    assert!(!page.contains("<script"), "{page}");
    for outside in ["src=", "@import", "url(", "<link"] {
        assert!(!page.contains(outside), "it asks for {outside}");
    }
    for (part, times) in [
        ("<section", 7),
        // Of those that ran steps, a row each.
        ("class=\"timeline\"", 4),
        ("class=\"row\"", 7),
        ("class=\"bar bad\"", 2),
        (" ×61", 1),
        ("<details open", 3),
        ("class=\"log\"", 1),
        ("<svg", 1),
        ("<polyline", 3),
        ("class=\"name ", 2),
    ] {
        assert_eq!(page.matches(part).count(), times, "{part} in {page}");
    }
    let place = |id: &str| page.find(&format!("<section id=\"{id}\"")).unwrap();
    assert!(
        place("exposure-mended") < place("cdc-insert"),
        "what failed is not first"
    );
}

#[test]
fn a_picture_of_the_page_is_not_blank() {
    let folder = tempfile::tempdir().unwrap();
    let picture = |name: &str, page: &str| {
        let (file, shot) = (folder.path().join(name), folder.path().join("shot.png"));
        std::fs::write(&file, page).unwrap();
        let to = format!("--screenshot={}", shot.display());
        browser(folder.path(), &file, &[&to, "--window-size=1000,1400"])?;
        Some(std::fs::read(shot).unwrap())
    };
    let Some(page) = picture("report.html", &html::page(&suite())) else {
        return;
    };
    // One colour takes next to nothing as a PNG.
    let blank = picture("blank.html", "<!DOCTYPE html><title>blank</title>").unwrap();
    assert!(blank.starts_with(b"\x89PNG") && page.starts_with(b"\x89PNG"));
    assert!(
        page.len() > 5 * blank.len(),
        "{} bytes, and {} where nothing is seen",
        page.len(),
        blank.len()
    );
}
