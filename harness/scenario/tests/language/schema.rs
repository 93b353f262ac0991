//! The JSON Schema accepts what the loader accepts, and refuses most of what it refuses.

use std::path::{Path, PathBuf};

use jsonschema::Validator;
use scenario::{discover, schema};
use serde_json::Value as Json;

use crate::goldens::difference;
use crate::right;
use crate::steps::registry;

fn validator() -> Validator {
    jsonschema::draft202012::new(&schema(&registry())).unwrap()
}

/// The file as an editor's TOML extension sees it; `None` when it is not TOML 1.0 at all.
fn value(file: &Path) -> Option<Json> {
    let text = std::fs::read_to_string(file).ok()?;
    let table: toml::Table = toml::from_str(&text).ok()?;
    serde_json::to_value(table).ok()
}

#[test]
fn is_a_schema_itself() {
    let schema = schema(&registry());
    if let Err(error) = jsonschema::meta::validate(&schema) {
        panic!("{error} at {}", error.instance_path());
    }
}

#[test]
fn accepts_every_right_file() {
    let validator = validator();
    for file in discover(Path::new(right::ROOT)).unwrap() {
        let value = value(&file).unwrap();
        let errors: Vec<String> = validator
            .iter_errors(&value)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{}: {errors:#?}", file.display());
    }
}

/// Names that are not defined, files that are missing and the like are beyond a schema: the list says which these are.
#[test]
fn refuses_every_wrong_file_but_those_listed() {
    let validator = validator();
    let (toml, not_toml): (Vec<PathBuf>, Vec<PathBuf>) = discover(Path::new("tests/wrong"))
        .unwrap()
        .into_iter()
        .partition(|file| value(file).is_some());
    assert!(!not_toml.is_empty());
    let accepted: Vec<&PathBuf> = toml
        .iter()
        .filter(|file| value(file).is_some_and(|value| validator.is_valid(&value)))
        .collect();
    let list: String = accepted
        .iter()
        .map(|file| format!("{}\n", file.strip_prefix("tests/wrong").unwrap().display()))
        .collect();
    let golden = Path::new("tests/wrong/accepted-by-the-schema.txt");
    if let Some(difference) = difference(golden, &list) {
        panic!("{difference}");
    }
    assert!(
        accepted.len() * 2 < toml.len(),
        "the schema refuses only {} of {}",
        toml.len() - accepted.len(),
        toml.len()
    );
}
