//! `components/lock.json`: every file of every component, with its hash and its size.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;

use super::catalog::{Catalog, Unpack};
use super::coordinates::Coordinates;
use super::digest::Sri;
use super::error::Error;

/// A component in one version. [`Lock::resolve`] makes it, so it is always one that the lock has.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ComponentId {
    pub(crate) name: String,
    pub(crate) version: String,
}

impl ComponentId {
    /// The component's name in `components.json`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The version.
    pub fn version(&self) -> &str {
        &self.version
    }
}

impl fmt::Display for ComponentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.version)
    }
}

/// A file of a Maven repository.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedFile {
    /// Its path below the root of the repository.
    pub path: String,
    /// Its hash.
    pub sha256: Sri,
    /// Its size in bytes.
    pub size: u64,
}

/// What an archive unpacks to.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedTree {
    /// The number of regular files.
    pub files: usize,
    /// The hash of the tree's manifest, see [`super::Manifest`].
    pub sha256: Sri,
}

/// The files of one version of a component.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pinned {
    /// The files as they are fetched, sorted by path.
    pub files: Vec<LockedFile>,
    /// What they unpack to; only for components that are archives.
    pub tree: Option<LockedTree>,
}

/// The form of `lock.json`: component, version, files.
pub(crate) type LockFile = BTreeMap<String, BTreeMap<String, Pinned>>;

/// Catalog and lock together.
#[derive(Debug, Clone)]
pub struct Lock {
    catalog: Catalog,
    pinned: LockFile,
}

impl Lock {
    /// The lock that was built into this program.
    pub fn embedded() -> Result<Self, Error> {
        Self::parse(
            include_str!("../../../../components/components.json"),
            include_str!("../../../../components/lock.json"),
        )
    }

    /// Reads `components.json` and `lock.json`, and checks that they speak of the same things.
    pub fn parse(components: &str, lock: &str) -> Result<Self, Error> {
        let catalog = Catalog::parse(components)?;
        let pinned: LockFile =
            serde_json::from_str(lock).map_err(|error| stale(error.to_string()))?;
        for (name, component) in &catalog.0 {
            for version in component.versions.keys() {
                let entry = pinned.get(name).and_then(|versions| versions.get(version));
                let entry = entry.ok_or_else(|| stale(format!("{name} {version} is not in it")))?;
                if component.unpack.is_some() != entry.tree.is_some() {
                    return Err(stale(format!(
                        "{name} {version} has a tree and no archive, or the reverse"
                    )));
                }
                if let Some(file) = entry
                    .files
                    .iter()
                    .find(|file| Coordinates::from_path(&file.path).is_none())
                {
                    return Err(stale(format!(
                        "{:?} is not a path of a Maven repository",
                        file.path
                    )));
                }
                let missing = component
                    .versions
                    .get(version)
                    .map(|source| source.coordinates(version))
                    .transpose()?;
                let missing = missing
                    .unwrap_or_default()
                    .into_iter()
                    .map(|coordinates| coordinates.path());
                if let Some(path) = missing
                    .into_iter()
                    .find(|path| !entry.files.iter().any(|file| file.path == *path))
                {
                    return Err(stale(format!("{name} {version} lacks {path}")));
                }
            }
        }
        let mut seen: BTreeMap<&str, &LockedFile> = BTreeMap::new();
        for file in pinned
            .values()
            .flat_map(BTreeMap::values)
            .flat_map(|pinned| &pinned.files)
        {
            if seen
                .insert(&file.path, file)
                .is_some_and(|other| other != file)
            {
                return Err(stale(format!(
                    "it has {} with two hashes or sizes",
                    file.path
                )));
            }
        }
        for (name, versions) in &pinned {
            for version in versions.keys() {
                if !catalog
                    .0
                    .get(name)
                    .is_some_and(|component| component.versions.contains_key(version))
                {
                    return Err(stale(format!(
                        "it has {name} {version}, which components.json does not have"
                    )));
                }
            }
        }
        Ok(Lock { catalog, pinned })
    }

    /// The component of this name for this machine, in the version given or in its default version.
    pub fn resolve(&self, name: &str, version: Option<&str>) -> Result<ComponentId, Error> {
        self.resolve_for(name, version, &this_system())
    }

    fn resolve_for(
        &self,
        name: &str,
        version: Option<&str>,
        system: &str,
    ) -> Result<ComponentId, Error> {
        let named: Vec<_> = self
            .catalog
            .0
            .iter()
            .filter(|(key, component)| *key == name || component.provides.as_deref() == Some(name))
            .collect();
        if named.is_empty() {
            let known = self
                .catalog
                .0
                .iter()
                .map(|(key, component)| component.provides.as_ref().unwrap_or(key));
            let known: std::collections::BTreeSet<&str> = known.map(String::as_str).collect();
            let known = known.into_iter().collect::<Vec<_>>().join(", ");
            return Err(Error::UnknownComponent {
                name: name.into(),
                known,
            });
        }
        let fitting = named.iter().find(|(_, component)| {
            component
                .system
                .as_deref()
                .is_none_or(|for_system| for_system == system)
        });
        let Some((key, component)) = fitting else {
            let known: Vec<_> = named
                .iter()
                .filter_map(|(_, component)| component.system.as_deref())
                .collect();
            return Err(Error::NotForThisSystem {
                component: name.into(),
                system: system.into(),
                known: known.join(", "),
            });
        };
        let version = version.unwrap_or(&component.default);
        if !component.versions.contains_key(version) {
            let known: Vec<_> = component.versions.keys().map(String::as_str).collect();
            return Err(Error::UnknownVersion {
                component: name.into(),
                version: version.into(),
                known: known.join(", "),
            });
        }
        Ok(ComponentId {
            name: (*key).clone(),
            version: version.into(),
        })
    }

    /// The versions that the lock has of a component, in the order of their names; none of one that it does not know.
    pub fn versions(&self, name: &str) -> Vec<String> {
        self.pinned
            .get(name)
            .map(|versions| versions.keys().cloned().collect())
            .unwrap_or_default()
    }

    /// Every version of every component that this machine can use, in the order of their names.
    pub fn all(&self) -> Vec<ComponentId> {
        let system = this_system();
        self.catalog
            .0
            .iter()
            .filter(|(_, component)| {
                component
                    .system
                    .as_deref()
                    .is_none_or(|for_system| for_system == system)
            })
            .flat_map(|(name, component)| {
                component.versions.keys().map(|version| ComponentId {
                    name: name.clone(),
                    version: version.clone(),
                })
            })
            .collect()
    }

    /// The files of a component.
    pub fn pinned(&self, id: &ComponentId) -> Result<&Pinned, Error> {
        // The id may stem from another lock.
        self.pinned
            .get(&id.name)
            .and_then(|versions| versions.get(&id.version))
            .ok_or_else(|| Error::UnknownVersion {
                component: id.name.clone(),
                version: id.version.clone(),
                known: self
                    .pinned
                    .get(&id.name)
                    .map(|versions| versions.keys().cloned().collect::<Vec<_>>().join(", "))
                    .unwrap_or_default(),
            })
    }

    /// The variables that may name what is installed already: component and variable.
    pub(crate) fn variables(&self) -> impl Iterator<Item = (String, String)> {
        self.catalog
            .0
            .iter()
            .filter_map(|(name, component)| Some((name.clone(), component.instead.clone()?)))
    }

    /// How the component's archive is unpacked; `None` if its files are used as they are.
    pub fn unpack(&self, id: &ComponentId) -> Option<Unpack> {
        self.catalog.0.get(&id.name)?.unpack
    }
}

/// This machine in Nix's form, such as `x86_64-linux`.
fn this_system() -> String {
    format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS)
}

fn stale(problem: String) -> Error {
    Error::BadData {
        file: "lock.json".into(),
        problem,
        remedy: "run `lab lock`",
    }
}
