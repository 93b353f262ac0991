//! The examples in `docs/scenarios.md` are right, and its messages are what the loader says.
//!
//! What follows the language of a code block says what it is: nothing, a whole scenario; `fragment`, a part of one;
//! `wrong`, a scenario whose messages the next block of text begins; otherwise the name of a file beside the others.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

use scenario::{Problems, load, parse_str};

use crate::catalogue::inputs;
use crate::registry::registry;

struct Block {
    line: usize,
    language: String,
    what: String,
    text: String,
}

fn blocks() -> Vec<Block> {
    let reference = fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../docs/scenarios.md"
    ))
    .unwrap();
    let mut blocks: Vec<Block> = Vec::new();
    let mut open = false;
    for (line, text) in (1..).zip(reference.lines()) {
        match text.strip_prefix("```") {
            Some(_) if open => open = false,
            Some(info) => {
                open = true;
                let (language, what) = info.split_once(' ').unwrap_or((info, ""));
                blocks.push(Block {
                    line,
                    language: language.to_owned(),
                    what: what.to_owned(),
                    text: String::new(),
                });
            }
            None if open => {
                let block = blocks.last_mut().unwrap();
                block.text.push_str(text);
                block.text.push('\n');
            }
            None => {}
        }
    }
    assert!(!open, "a block does not end");
    blocks
}

#[test]
fn every_example_is_what_it_says() {
    let folder = tempfile::tempdir().unwrap();
    let area = folder.path().join("scenarios/area");
    fs::create_dir_all(area.join("include")).unwrap();
    let blocks = blocks();
    for block in blocks.iter().filter(|block| block.what.contains('.')) {
        fs::write(area.join(&block.what), &block.text).unwrap();
    }
    // The whole scenario and its file are those that run with the others.
    for (what, file) in [("", "delete.toml"), ("customers.json", "customers.json")] {
        let shown = blocks
            .iter()
            .find(|block| block.what == what && file.ends_with(&format!(".{}", block.language)));
        let real = fs::read_to_string(format!(
            concat!(env!("CARGO_MANIFEST_DIR"), "/../../scenarios/cdc/{}"),
            file
        ));
        assert_eq!(shown.unwrap().text, real.unwrap(), "{file}");
    }
    let registry = registry().unwrap();
    let inputs = inputs(&folder.path().join("scenarios")).unwrap();
    let read = |text: &str| -> Result<(), Problems> {
        let file = area.join("example.toml");
        fs::write(&file, text).unwrap();
        load(&file, &registry, &inputs).map(drop)
    };
    let mut examples = 0;
    for (block, next) in blocks
        .iter()
        .zip(blocks.iter().skip(1).map(Some).chain([None]))
    {
        let place = format!("docs/scenarios.md:{}", block.line);
        match (block.language.as_str(), block.what.as_str()) {
            ("toml", "") => {
                read(&block.text).unwrap_or_else(|problems| panic!("{place}\n{problems}"))
            }
            ("toml", "fragment") => {
                let mut text = format!("# An example.\n{}", block.text);
                if !block.text.contains("[[step]]") {
                    text.push_str("\n[[step]]\nsql = \"SELECT 1\"\n");
                }
                read(&text).unwrap_or_else(|problems| panic!("{place}\n{problems}"));
            }
            ("toml", "wrong") => {
                let file = Path::new("scenarios/area/example.toml");
                let problems = parse_str(file, &block.text, &registry, &inputs).unwrap_err();
                let shown = next.filter(|next| next.language == "text").unwrap();
                let actual = format!("{problems}\n");
                assert!(
                    actual.starts_with(&shown.text),
                    "{place}: the message is\n{actual}"
                );
            }
            ("toml", file) => {
                let text = format!("# An example.\n[[step]]\ninclude = \"{file}\"\n");
                read(&text).unwrap_or_else(|problems| panic!("{place}\n{problems}"));
            }
            _ => continue,
        }
        examples += 1;
    }
    assert!(examples > 12, "only {examples} examples were found");
}
