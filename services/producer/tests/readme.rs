//! The README's table of settings is the settings' own.
#![allow(missing_docs, clippy::unwrap_used)]

use clap::CommandFactory;
use producer::Settings;

const BEGIN: &str = "<!-- settings: made by tests/readme.rs -->\n";
const END: &str = "<!-- end of settings -->\n";

#[test]
fn the_settings_table_is_up_to_date() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
    let readme = std::fs::read_to_string(path).unwrap();
    let (before, rest) = readme.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    let table = settings::markdown_table(&Settings::command());
    let wanted = format!("{before}{BEGIN}{table}{END}{after}");
    if std::env::var_os("UPDATE_README").is_some() {
        std::fs::write(path, &wanted).unwrap();
    }
    let found = std::fs::read_to_string(path).unwrap();
    assert!(
        found == wanted,
        "UPDATE_README=1 cargo test --release -p producer settings_table writes it"
    );
}
