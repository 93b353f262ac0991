//! Nix 2.8 reads every scenario that we read, and sees the same values.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use scenario::discover;
use serde_json::Value as Json;

use crate::right;

fn has_nix() -> bool {
    let version = Command::new("nix-instantiate")
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    let has = version.is_ok_and(|status| status.success());
    if !has {
        eprintln!("skipped: there is no `nix-instantiate` here to compare with");
    }
    has
}

/// The file as Nix reads it, or what Nix says is wrong.
fn by_nix(file: &Path) -> Result<Json, String> {
    let output = Command::new("nix-instantiate")
        .args(["--eval", "--strict", "--json", "--readonly-mode"])
        // Where root installed Nix for itself, others may evaluate, but not open the store.
        .args(["--store", "dummy://", "--expr"])
        .arg("builtins.fromTOML (builtins.readFile (builtins.getEnv \"SCENARIO\"))")
        .env("SCENARIO", file.canonicalize().unwrap())
        .output()
        .unwrap();
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())
}

/// Nix writes 1000.0 as 1000.
fn whole_numbers(value: Json) -> Json {
    match value {
        Json::Number(number) => match number.as_f64() {
            Some(float) if number.is_f64() && float.fract() == 0.0 => Json::from(float as i64),
            _ => Json::Number(number),
        },
        Json::Array(items) => items.into_iter().map(whole_numbers).collect(),
        Json::Object(object) => object
            .into_iter()
            .map(|(key, value)| (key, whole_numbers(value)))
            .collect(),
        other => other,
    }
}

#[test]
fn reads_every_right_file_as_we_do() {
    if !has_nix() {
        return;
    }
    for file in discover(Path::new(right::ROOT)).unwrap() {
        let table: toml::Table = toml::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
        let ours = serde_json::to_value(table).unwrap();
        let nix = by_nix(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        assert_eq!(
            whole_numbers(nix),
            whole_numbers(ours),
            "{}",
            file.display()
        );
    }
}

#[test]
fn refuses_what_we_refuse_for_its_sake() {
    if !has_nix() {
        return;
    }
    for name in ["date", "escapes", "inline_table_over_lines"] {
        let file = PathBuf::from(format!("tests/wrong/syntax/{name}.toml"));
        let Err(error) = by_nix(&file) else {
            panic!("Nix reads {}", file.display());
        };
        // Not for a reason of its own.
        assert!(error.contains("TOML"), "{}: {error}", file.display());
    }
}
