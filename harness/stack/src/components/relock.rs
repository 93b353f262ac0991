//! Making `lock.json` anew from `components.json`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::archive::unpack;
use super::cache::Cache;
use super::catalog::{Catalog, Source};
use super::coordinates::Coordinates;
use super::digest::{Sri, on_all_cores};
use super::error::Error;
use super::lock::{LockFile, LockedFile, LockedTree, Pinned};
use super::maven::{self, Project, Task};
use super::progress::Progress;

/// Resolves everything that `components_json` names, and gives the text of the `lock.json` that belongs to it. The same
/// input always gives the same bytes.
///
/// Files come from Maven, not from the cache: the lock must not confirm itself. `cache` lends a place to work in.
///
/// # Errors
/// `components_json` has a mistake, or Maven could not fetch everything.
pub fn regenerate(
    cache: &Cache,
    components_json: &str,
    progress: &dyn Progress,
) -> Result<String, Error> {
    let catalog = Catalog::parse(components_json)?;
    super::java::locate()?;
    let maven = maven::locate()?;
    let held = cache.hold(progress)?;
    let scratch = held.scratch()?;

    let mut wanted = Vec::new();
    for (name, component) in &catalog.0 {
        for (version, source) in &component.versions {
            let module = format!("{name}-{version}");
            wanted.push((
                name,
                version,
                module,
                component.unpack,
                source,
                source.coordinates(version)?,
            ));
        }
    }
    let tasks = wanted.iter().map(|(_, _, module, _, source, coordinates)| {
        let task = match source {
            Source::Closure(_) => Task::Closure(coordinates),
            Source::Artifacts(_) => Task::Copy(coordinates.clone()),
        };
        (module.clone(), task)
    });
    let project = Project::write(&maven, scratch.path(), &tasks.collect())?;
    progress.note("resolving every component with Maven");
    let ended = project.run(progress, || Ok(()))?;
    if !ended.status.success() {
        let (missing, wanted) = (wanted.len(), wanted.len());
        return Err(Error::Maven {
            missing,
            wanted,
            status: ended.status.to_string(),
            tail: ended.tail,
        });
    }

    progress.note("hashing");
    let mut lock = LockFile::new();
    for (name, version, module, kind, source, coordinates) in wanted {
        let files = match source {
            Source::Closure(_) => jars_below(&project.out(&module))?,
            Source::Artifacts(_) => {
                let mut paths: Vec<String> = coordinates.iter().map(Coordinates::path).collect();
                paths.sort();
                paths
                    .into_iter()
                    .map(|path| (project.artifact(&path), path))
                    .collect()
            }
        };
        let tree = match (kind, files.as_slice()) {
            (Some(kind), [(archive, _)]) => {
                let manifest = unpack(
                    kind,
                    archive,
                    &scratch.path().join(format!("{module}-tree")),
                )?;
                Some(LockedTree {
                    files: manifest.files(),
                    sha256: manifest.sha256(),
                })
            }
            _ => None,
        };
        let files = on_all_cores(&files, |(place, path)| {
            let (sha256, size) =
                Sri::of_file(place).map_err(|source| Error::io("read", place, source))?;
            Ok(LockedFile {
                path: path.clone(),
                sha256,
                size,
            })
        });
        let files = files.into_iter().collect::<Result<_, Error>>()?;
        lock.entry(name.clone())
            .or_default()
            .insert(version.clone(), Pinned { files, tree });
    }
    Ok(to_text(&lock))
}

/// The jars below a directory, with their paths below it, sorted by them. Maven leaves its own notes beside them.
fn jars_below(dir: &Path) -> Result<Vec<(PathBuf, String)>, Error> {
    let mut files = BTreeMap::new();
    for found in walkdir::WalkDir::new(dir) {
        let found = found.map_err(|error| Error::io("read", dir, error.into()))?;
        let path = found.path();
        let inner = path
            .strip_prefix(dir)
            .ok()
            .and_then(super::manifest::plain_path);
        if let Some(inner) = inner.filter(|inner| inner.ends_with(".jar")) {
            files.insert(inner, path.to_owned());
        }
    }
    Ok(files
        .into_iter()
        .map(|(inner, path)| (path, inner))
        .collect())
}

/// One line a file: a change of the lock is a change of the lines that it is about.
fn to_text(lock: &LockFile) -> String {
    // None of the strings needs escaping: names, versions and paths hold only letters, digits and `._-+/`.
    let components = lock.iter().map(|(name, versions)| {
        let versions = versions.iter().map(|(version, pinned)| {
            let files = pinned.files.iter().map(|LockedFile { path, sha256, size }| {
                format!("        {{ \"path\": \"{path}\", \"sha256\": \"{sha256}\", \"size\": {size} }}")
            });
            let files = files.collect::<Vec<_>>().join(",\n");
            let tree = pinned.tree.as_ref().map_or(String::new(), |LockedTree { files, sha256 }| {
                format!(",\n      \"tree\": {{ \"files\": {files}, \"sha256\": \"{sha256}\" }}")
            });
            format!("    \"{version}\": {{\n      \"files\": [\n{files}\n      ]{tree}\n    }}")
        });
        format!("  \"{name}\": {{\n{}\n  }}", versions.collect::<Vec<_>>().join(",\n"))
    });
    format!("{{\n{}\n}}\n", components.collect::<Vec<_>>().join(",\n"))
}

/// Writes `lock.json` beside the `components.json` of a checkout. Says whether it has changed.
///
/// # Errors
/// As [`regenerate`], or `dir` has no `components.json`.
pub fn write(dir: &Path, cache: &Cache, progress: &dyn Progress) -> Result<bool, Error> {
    let components = dir.join("components.json");
    let json =
        fs::read_to_string(&components).map_err(|source| Error::io("read", &components, source))?;
    let text = regenerate(cache, &json, progress)?;
    let path = dir.join("lock.json");
    let changed = fs::read_to_string(&path).ok().as_deref() != Some(&text);
    let new = dir.join(".lock.json.new");
    fs::write(&new, &text).map_err(|source| Error::io("write", &new, source))?;
    fs::rename(&new, &path).map_err(|source| Error::io("write", &path, source))?;
    Ok(changed)
}
