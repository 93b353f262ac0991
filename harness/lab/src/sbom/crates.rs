//! The crates that the lab is built from, of tests and benches included: what `Cargo.lock` has.

use anyhow::{Context as _, Result};
use serde::Deserialize;

use super::document::{Bill, Component, Kind};

#[derive(Deserialize)]
struct CargoLock {
    package: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    /// None of the workspace's own.
    source: Option<String>,
    /// SHA-256 in hexadecimal.
    checksum: Option<String>,
    #[serde(default)]
    dependencies: Vec<String>,
}

impl Package {
    fn component(&self) -> Component {
        let Self { name, version, .. } = self;
        let component = Component::new(Kind::Library, name).version(version);
        let component = match &self.source {
            Some(_) => component.purl(format!("pkg:cargo/{name}@{version}")),
            None => component,
        };
        match &self.checksum {
            Some(checksum) => component.sha256(checksum.clone()),
            None => component,
        }
    }

    /// Whether a line of `dependencies` means this one: `name`, or where several versions are there, `name version`.
    fn is(&self, line: &str) -> bool {
        let mut words = line.split(' ');
        words.next() == Some(&self.name)
            && words.next().is_none_or(|version| version == self.version)
    }
}

/// Adds them, and gives those of the workspace.
pub(super) fn add(bill: &mut Bill) -> Result<Vec<String>> {
    let text = include_str!("../../../../Cargo.lock");
    let lock: CargoLock = toml::from_str(text).context("cannot read Cargo.lock")?;
    let reference = |package: &Package| {
        let component = package.component();
        component.reference().to_owned()
    };
    let mut own = Vec::new();
    for package in &lock.package {
        let needs = package.dependencies.iter().map(|line| {
            let needed = lock.package.iter().find(|other| other.is(line));
            needed
                .map(reference)
                .with_context(|| format!("Cargo.lock lacks {line}, which {} needs", package.name))
        });
        let needs = needs.collect::<Result<_>>()?;
        let added = bill.add(package.component(), needs);
        if package.source.is_none() {
            own.push(added);
        }
    }
    Ok(own)
}
