//! `components/components.json`: what the lab is made of, written by hand.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::coordinates::Coordinates;
use super::error::Error;

/// The components by name.
#[derive(Debug, Clone)]
pub struct Catalog(pub BTreeMap<String, Component>);

/// One component.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Component {
    /// What it is, for the reader.
    pub about: String,
    /// The name it goes by where several components are the same thing for several systems.
    pub provides: Option<String>,
    /// The system it is for, in Nix's form such as `x86_64-linux`. Absent: every system.
    pub system: Option<String>,
    /// The variable that may name the directory of one that is installed already, in a version of the system's choice.
    pub instead: Option<String>,
    /// The version that is meant when none is named.
    pub default: String,
    /// What its one file is, if it has to be unpacked.
    pub unpack: Option<Unpack>,
    /// The versions.
    pub versions: BTreeMap<String, Source>,
}

/// Where the files of a version come from. `{version}` stands for the version itself.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "lowercase")]
pub enum Source {
    /// These artifacts and everything they need at run time.
    Closure(Vec<String>),
    /// These artifacts alone.
    Artifacts(Vec<String>),
}

/// The kind of an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Unpack {
    /// A tar file, compressed with gzip.
    #[serde(rename = "tar.gz")]
    TarGz,
    /// A jar that holds one tar file, compressed with xz.
    #[serde(rename = "jar-txz")]
    JarTxz,
}

impl Catalog {
    /// The catalog that was built into this program.
    pub fn embedded() -> Result<Self, Error> {
        Self::parse(include_str!("../../../../components/components.json"))
    }

    /// Reads and checks `components.json`.
    pub fn parse(json: &str) -> Result<Self, Error> {
        let catalog = Catalog(serde_json::from_str(json).map_err(|error| bad(error.to_string()))?);
        for (name, component) in &catalog.0 {
            if !component.versions.contains_key(&component.default) {
                return Err(bad(format!(
                    "the default of {name}, {}, is none of its versions",
                    component.default
                )));
            }
            for (version, source) in &component.versions {
                let coordinates = source.coordinates(version)?;
                if component.unpack.is_some()
                    && (coordinates.len() != 1 || matches!(source, Source::Closure(_)))
                {
                    return Err(bad(format!(
                        "{name} {version} is unpacked, so it must be one artifact"
                    )));
                }
            }
        }
        Ok(catalog)
    }
}

impl Source {
    /// The coordinates that are named.
    pub fn coordinates(&self, version: &str) -> Result<Vec<Coordinates>, Error> {
        let (Source::Closure(list) | Source::Artifacts(list)) = self;
        list.iter()
            .map(|text| Coordinates::parse(&text.replace("{version}", version)))
            .collect()
    }
}

fn bad(problem: String) -> Error {
    Error::BadData {
        file: "components.json".into(),
        problem,
        remedy: "correct it, then run `lab lock`",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_embedded_catalog_is_sound() {
        Catalog::embedded().unwrap();
    }

    #[rstest::rstest]
    #[case::default_is_no_version(
        r#"{"a": {"about": "", "default": "2", "versions": {"1": {"artifacts": ["g:a:1"]}}}}"#,
        "none of its versions"
    )]
    #[case::unknown_key(r#"{"a": {"about": "", "default": "1", "colour": "red", "versions": {"1": {"artifacts": ["g:a:1"]}}}}"#, "colour")]
    #[case::bad_coordinates(
        r#"{"a": {"about": "", "default": "1", "versions": {"1": {"artifacts": ["g"]}}}}"#,
        "group:artifact:version"
    )]
    #[case::archive_of_two(r#"{"a": {"about": "", "default": "1", "unpack": "tar.gz", "versions": {"1": {"artifacts": ["g:a:1", "g:b:1"]}}}}"#, "one artifact")]
    #[case::unknown_archive(r#"{"a": {"about": "", "default": "1", "unpack": "rar", "versions": {"1": {"artifacts": ["g:a:1"]}}}}"#, "rar")]
    fn mistakes_are_named(#[case] json: &str, #[case] problem: &str) {
        let error = Catalog::parse(json).unwrap_err().to_string();
        assert!(error.contains(problem), "{error}");
    }
}
