//! Each form is as its file in `tests/reports` says. After a change that is meant: `INSTA_UPDATE=always cargo test --release
//! -p lab report`, and look at what git says of it.

#![allow(clippy::unwrap_used)]

use super::super::testing::everything;
use super::*;
use crate::report::tests::readers::browser;

fn assert_golden(name: &str, report: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/reports"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, report));
}

#[test]
fn markdown_is_as_it_was() {
    assert_golden("tune-markdown", &markdown::document(&everything()));
}

#[test]
fn csv_is_as_it_was() {
    assert_golden("tune-csv", &csv::document(&everything()).unwrap());
}

#[test]
fn json_is_as_it_was() {
    assert_golden("tune-json", &json(&everything()).unwrap());
}

#[test]
fn the_page_is_as_it_was() {
    let page = html::page(&everything());
    let (_, body) = page.split_once("<body>").unwrap();
    assert_golden("tune-html", &body.replace("><", ">\n<"));
}

#[test]
fn a_search_leaves_what_its_winner_is_confirmed_with() {
    let folder = tempfile::tempdir().unwrap();
    let experiment = everything();
    write(&experiment, folder.path()).unwrap();
    let text = std::fs::read_to_string(folder.path().join(BEST)).unwrap();
    let rows = super::super::rows(&text).unwrap();
    assert_eq!(rows[0].settings.words(), "defaults");
    let winner = experiment.search.as_ref().unwrap().winner.as_ref().unwrap();
    assert_eq!(rows[1].settings, winner.settings);
}

#[test]
fn the_page_opens_in_a_browser_and_runs_nothing_that_it_shows() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tune.html");
    std::fs::write(&file, html::page(&everything())).unwrap();
    let Some(output) = browser(folder.path(), &file, &["--dump-dom"]) else {
        return;
    };
    let page = String::from_utf8_lossy(&output.stdout);
    assert!(
        page.contains("<title>Kafka Connect Lab: tuning/example</title>"),
        "{page}"
    );
    assert!(
        !page.contains("<script") && !page.contains("<b></td>"),
        "{page}"
    );
    for outside in ["src=", "@import", "url(", "<link"] {
        assert!(!page.contains(outside), "it asks for {outside}");
    }
    for (part, times) in [
        // Rates over time, and boxes.
        ("<svg", 2),
        ("<polyline", 20),
        ("class=\"box colour", 5),
        ("<circle", 20),
        // A row each, with a part for each process.
        ("class=\"used\"", 5),
        ("<table", 4),
    ] {
        assert_eq!(page.matches(part).count(), times, "{part} in {page}");
    }
}

/// Rows of one name differ by what is not their colour: dashes, markers, words.
#[test]
fn nothing_is_told_by_colour_alone() {
    let page = html::page(&everything());
    for row in ["row 1", "row 2", "row 3"] {
        assert!(
            page.contains(&format!(">{row}</text>")),
            "{row} has no name in the chart"
        );
    }
    let dashes: std::collections::BTreeSet<&str> = page
        .split("stroke-dasharray=\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .collect();
    assert_eq!(dashes.len(), 5, "{dashes:?}");
    for process in [
        ">connect</span>",
        ">kafka</span>",
        "title=\"postgres: 0.20 processors\"",
    ] {
        assert!(page.contains(process), "{process}");
    }
}

#[test]
fn a_picture_of_the_page_is_not_blank() {
    let folder = tempfile::tempdir().unwrap();
    let (file, shot) = (
        folder.path().join("tune.html"),
        folder.path().join("shot.png"),
    );
    std::fs::write(&file, html::page(&everything())).unwrap();
    let to = format!("--screenshot={}", shot.display());
    if browser(folder.path(), &file, &[&to, "--window-size=1000,1800"]).is_none() {
        return;
    }
    let picture = std::fs::read(shot).unwrap();
    assert!(
        picture.starts_with(b"\x89PNG") && picture.len() > 30_000,
        "{}",
        picture.len()
    );
}
