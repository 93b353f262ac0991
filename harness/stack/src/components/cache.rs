//! The user's cache: what was fetched, what was unpacked, and the proof that both are still what they were.
//!
//! ```text
//! maven/<path>                                   files, in the layout of a Maven repository
//! trees/<component>-<version>-<hash>/tree        what an archive unpacked to
//! trees/<component>-<version>-<hash>/manifest    what has to be in it; its own hash stands in lock.json
//! prometheus/                                    the same for the distribution's Prometheus
//! class-data/                                    what JVMs share between starts; see `services/class_data.rs`
//! tmp/                                           whatever is not complete; emptied by the next fetch
//! lock                                           held while something is fetched
//! ```
//! Everything gets its final name by one rename, when it is complete.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

use super::archive::unpack;
use super::digest::{Sri, on_all_cores};
use super::error::{Damage, Deleted, Error, Wrong};
use super::fetch::{fetch, remove_if_there};
use super::lock::{ComponentId, Lock, LockedFile, LockedTree};
use super::manifest::Manifest;
use super::maven;
use super::progress::Progress;
use crate::runs::size;

/// The cache of one user. Several processes may use it at the same time.
#[derive(Debug, Clone)]
pub struct Cache {
    dir: PathBuf,
    lock: Lock,
    maven_dir: Option<PathBuf>,
    maven: Option<PathBuf>,
    /// Directories of components that the system has, by the component's name.
    provided: BTreeMap<String, PathBuf>,
}

/// What a fetch would have to do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// The files that are not there.
    pub files: Vec<LockedFile>,
    /// The components that are not unpacked.
    pub trees: Vec<ComponentId>,
    /// Files that were there, but wrong, and are to be fetched again.
    pub refused: Vec<Damage>,
}

impl Plan {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty() && self.trees.is_empty()
    }

    /// The bytes to fetch.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.size).sum()
    }
}

/// A component whose every byte was hashed and found right, or that the system vouches for.
#[derive(Debug, Clone)]
pub struct Installed {
    /// Which one.
    pub id: ComponentId,
    /// Where it is.
    pub content: Content,
}

/// What a component is used as.
#[derive(Debug, Clone)]
pub enum Content {
    /// Jars, sorted by their path in the repository.
    Jars(Vec<PathBuf>),
    /// An unpacked archive.
    Tree {
        /// Its directory.
        root: PathBuf,
        /// What is in it.
        manifest: Manifest,
    },
    /// The directory that a variable names instead of what the lock has. Nothing is known of its bytes.
    Provided {
        /// The directory.
        root: PathBuf,
    },
}

impl Installed {
    /// The jars; empty for an unpacked archive.
    pub fn jars(&self) -> &[PathBuf] {
        match &self.content {
            Content::Jars(jars) => jars,
            Content::Tree { .. } | Content::Provided { .. } => &[],
        }
    }

    /// The jars, joined for Java's `-cp`.
    pub fn class_path(&self) -> OsString {
        let paths: Vec<_> = self.jars().iter().map(|jar| jar.as_os_str()).collect();
        paths.join(std::ffi::OsStr::new(":"))
    }

    /// The directory of an unpacked archive. For a Debezium plugin it is what `plugin.path` names; for Postgres it holds
    /// `bin`, `lib` and `share`.
    pub fn root(&self) -> Option<&Path> {
        match &self.content {
            Content::Jars(_) => None,
            Content::Tree { root, .. } | Content::Provided { root } => Some(root),
        }
    }
}

/// A file that is to be hashed.
struct Job {
    /// Index of the component.
    owner: usize,
    path: PathBuf,
    size: u64,
    sha256: Sri,
    deletable: bool,
}

impl Cache {
    /// The cache at its usual place: `$LAB_CACHE_DIR`, else `$XDG_CACHE_HOME/kafka-connect-lab`, else
    /// `~/.cache/kafka-connect-lab`; `$LAB_MAVEN_DIR` as a further source of files; and components that the system has, by
    /// the variables that the catalog names.
    ///
    /// # Errors
    /// If none of the variables says where.
    pub fn open(lock: Lock) -> Result<Self, Error> {
        let named = |name: &str| {
            std::env::var_os(name)
                .filter(|value| !value.is_empty())
                .map(PathBuf::from)
        };
        let dir = named("LAB_CACHE_DIR")
            // The XDG specification: "All paths must be absolute. If an implementation encounters a relative path […] it
            // should consider the path invalid and ignore it."
            .or_else(|| {
                named("XDG_CACHE_HOME")
                    .filter(|dir| dir.is_absolute())
                    .map(|dir| dir.join("kafka-connect-lab"))
            })
            .or_else(|| named("HOME").map(|home| home.join(".cache/kafka-connect-lab")))
            .ok_or(Error::NoCacheDirectory)?;
        let mut cache = Self::at(usable("LAB_CACHE_DIR", dir)?, lock);
        if let Some(dir) = named("LAB_MAVEN_DIR") {
            let dir = usable("LAB_MAVEN_DIR", dir)?;
            existing("LAB_MAVEN_DIR", &dir)?;
            cache = cache.with_maven_dir(dir);
        }
        let variables: Vec<_> = cache.lock.variables().collect();
        for (component, variable) in variables {
            if let Some(dir) = named(&variable) {
                let dir = usable(&variable, dir)?;
                existing(&variable, &dir)?;
                cache.provided.insert(component, dir);
            }
        }
        Ok(cache)
    }

    /// A cache at a given place, without any further source.
    pub fn at(dir: PathBuf, lock: Lock) -> Self {
        Cache {
            dir,
            lock,
            maven_dir: None,
            maven: None,
            provided: BTreeMap::new(),
        }
    }

    /// With a directory in the layout of a Maven repository that is looked at first. Nothing is ever written there.
    #[must_use]
    pub fn with_maven_dir(mut self, dir: PathBuf) -> Self {
        self.maven_dir = Some(dir);
        self
    }

    /// With another program for `mvn` on the PATH.
    #[must_use]
    pub fn with_maven(mut self, program: PathBuf) -> Self {
        self.maven = Some(program);
        self
    }

    /// Its directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Where class data of JVMs is kept.
    pub fn class_data(&self) -> PathBuf {
        self.dir.join("class-data")
    }

    /// The lock it holds to.
    pub fn lock(&self) -> &Lock {
        &self.lock
    }

    /// What [`Cache::ensure`] would have to do. Looks at names and sizes alone, except for archives that have to be
    /// unpacked: those are hashed. Changes nothing.
    pub fn plan(&self, ids: &[ComponentId]) -> Result<Plan, Error> {
        // Two versions of a component share many files.
        let mut files = BTreeMap::new();
        let mut plan = Plan::default();
        for id in ids
            .iter()
            .filter(|id| !self.provided.contains_key(id.name()))
        {
            let pinned = self.lock.pinned(id)?;
            let tree_missing = match &pinned.tree {
                Some(tree) if self.tree_dir(id, tree).exists() => continue,
                tree => tree.is_some(),
            };
            if tree_missing && !plan.trees.contains(id) {
                plan.trees.push(id.clone());
            }
            for file in &pinned.files {
                let (path, deletable) = self.place(file);
                let Ok(metadata) = fs::metadata(&path) else {
                    files.insert(&file.path, file);
                    continue;
                };
                let wrong = if metadata.len() != file.size {
                    Some(Wrong::Size {
                        expected: file.size,
                        found: metadata.len(),
                    })
                } else if tree_missing {
                    check(&path, file.size, &file.sha256)
                } else {
                    None
                };
                if let Some(wrong) = wrong {
                    let deleted = if deletable {
                        Deleted::File
                    } else {
                        Deleted::No
                    };
                    plan.refused.push(Damage {
                        id: id.to_string(),
                        path,
                        wrong,
                        deleted,
                    });
                    files.insert(&file.path, file);
                }
            }
        }
        plan.files = files.into_values().cloned().collect();
        Ok(plan)
    }

    /// Fetches what is missing and unpacks what is not unpacked. What is there already is not hashed: that is
    /// [`Cache::verify_all`]'s part, just before a start.
    ///
    /// # Errors
    /// Java or Maven missing, no network, a file that has another hash than the lock says, or a full disk. What had
    /// arrived until then is kept.
    pub fn ensure(&self, ids: &[ComponentId], progress: &dyn Progress) -> Result<(), Error> {
        if self.plan(ids)?.is_empty() {
            return Ok(());
        }
        let held = self.hold(progress)?;
        // Another process may have fetched everything while this one waited.
        let plan = self.plan(ids)?;
        for damage in &plan.refused {
            if damage.deleted == Deleted::No {
                return Err(Error::Refused {
                    damages: vec![damage.clone()],
                });
            }
            remove_if_there(&damage.path)?;
            progress.note(&damage.to_string());
        }
        if !plan.files.is_empty() {
            let maven = match &self.maven {
                Some(maven) => maven.clone(),
                None => {
                    super::java::locate()?;
                    maven::locate()?
                }
            };
            let scratch = held.scratch()?;
            let store = self.dir.join("maven");
            fetch(&maven, &plan.files, &store, scratch.path(), progress)?;
        }
        for id in &plan.trees {
            progress.note(&format!("unpacking {id}"));
        }
        on_all_cores(&plan.trees, |id| self.unpack(id, &held))
            .into_iter()
            .collect()
    }

    /// What `lab fetch` does: hashes everything that is there, deletes what is wrong, then fetches what is missing. Gives
    /// what was refused.
    ///
    /// # Errors
    /// As [`Cache::ensure`]; a wrong file that cannot be deleted, such as one in `LAB_MAVEN_DIR`, is an error too.
    pub fn fetch(
        &self,
        ids: &[ComponentId],
        progress: &dyn Progress,
    ) -> Result<Vec<Damage>, Error> {
        let mut refused = Vec::new();
        for id in ids {
            match self.verify(id) {
                Ok(_) | Err(Error::NotFetched { .. }) => {}
                // What is still there would be taken for whole: it has the right size.
                Err(Error::Refused { damages })
                    if damages
                        .iter()
                        .all(|damage| matches!(damage.deleted, Deleted::File | Deleted::Tree)) =>
                {
                    damages
                        .iter()
                        .for_each(|damage| progress.note(&damage.to_string()));
                    refused.extend(damages);
                }
                Err(error) => return Err(error),
            }
        }
        self.ensure(ids, progress)?;
        Ok(refused)
    }

    /// Hashes everything that belongs to a component. See [`Cache::verify_all`].
    pub fn verify(&self, id: &ComponentId) -> Result<Installed, Error> {
        // One in, one out.
        self.verify_all(std::slice::from_ref(id))?
            .pop()
            .ok_or_else(|| Error::NotFetched {
                id: id.clone(),
                count: 0,
                first: String::new(),
            })
    }

    /// Hashes everything that belongs to the components, on all cores, and gives them in the same order.
    ///
    /// # Errors
    /// [`Error::Refused`] names every file that is not as the lock says; they are deleted (of an unpacked tree: all of it),
    /// unless they lie in `LAB_MAVEN_DIR`. [`Error::NotFetched`] if files are missing.
    pub fn verify_all(&self, ids: &[ComponentId]) -> Result<Vec<Installed>, Error> {
        let mut installed = Vec::new();
        let mut jobs = Vec::new();
        let mut damages = Vec::new();
        let mut not_fetched = None;
        for (owner, id) in ids.iter().enumerate() {
            let pinned = self.lock.pinned(id)?;
            if let Some(root) = self.provided.get(id.name()) {
                let (id, root) = (id.clone(), root.clone());
                let content = Content::Provided { root };
                installed.push(Installed { id, content });
                continue;
            }
            let mut missing = Vec::new();
            let content = match &pinned.tree {
                None => {
                    let mut jars = Vec::new();
                    for file in &pinned.files {
                        let (path, deletable) = self.place(file);
                        if !path.exists() {
                            missing.push(file.path.clone());
                        }
                        let (size, sha256) = (file.size, file.sha256);
                        jobs.push(Job {
                            owner,
                            path: path.clone(),
                            size,
                            sha256,
                            deletable,
                        });
                        jars.push(path);
                    }
                    Content::Jars(jars)
                }
                Some(tree) => {
                    let dir = self.tree_dir(id, tree);
                    let root = dir.join("tree");
                    let manifest = if dir.exists() {
                        let manifest_path = dir.join("manifest");
                        read_manifest(&manifest_path, Some(tree.sha256)).unwrap_or_else(|wrong| {
                            damages.push((owner, manifest_path, wrong, true));
                            Manifest::default()
                        })
                    } else {
                        missing.push(format!("{} (unpacked)", dir.display()));
                        Manifest::default()
                    };
                    if !manifest.0.is_empty() {
                        let mut to_hash = Vec::new();
                        for (path, wrong) in manifest.compare(&root, &mut to_hash) {
                            damages.push((owner, path, wrong, true));
                        }
                        let job = |(path, size, sha256)| Job {
                            owner,
                            path,
                            size,
                            sha256,
                            deletable: true,
                        };
                        jobs.extend(to_hash.into_iter().map(job));
                    }
                    Content::Tree { root, manifest }
                }
            };
            if let Some(first) = missing.first() {
                not_fetched.get_or_insert_with(|| Error::NotFetched {
                    id: id.clone(),
                    count: missing.len(),
                    first: first.clone(),
                });
                // They are missing, not damaged.
                jobs.retain(|job| job.owner != owner || job.path.exists());
            }
            installed.push(Installed {
                id: id.clone(),
                content,
            });
        }
        // The largest first, so that no core is left with a large one at the end.
        jobs.sort_by(|a, b| b.size.cmp(&a.size).then_with(|| a.path.cmp(&b.path)));
        let results = on_all_cores(&jobs, |job| check(&job.path, job.size, &job.sha256));
        for (job, wrong) in jobs.into_iter().zip(results) {
            if let Some(wrong) = wrong {
                damages.push((job.owner, job.path, wrong, job.deletable));
            }
        }
        if !damages.is_empty() {
            damages.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
            return Err(self.refuse(ids, damages));
        }
        not_fetched.map_or(Ok(installed), Err)
    }

    /// Deletes what is damaged, and says so.
    fn refuse(&self, ids: &[ComponentId], damages: Vec<(usize, PathBuf, Wrong, bool)>) -> Error {
        let mut trees_done = BTreeMap::new();
        let mut refused = Vec::new();
        for (owner, path, wrong, deletable) in damages {
            let Some(id) = ids.get(owner) else { continue };
            let tree = self
                .lock
                .pinned(id)
                .ok()
                .and_then(|pinned| pinned.tree.as_ref());
            let deleted = if let Some(tree) = tree {
                let delete = || self.delete_tree(&self.tree_dir(id, tree));
                trees_done
                    .entry(owner)
                    .or_insert_with(|| outcome(delete(), Deleted::Tree))
                    .clone()
            } else if deletable {
                outcome(remove_if_there(&path), Deleted::File)
            } else {
                Deleted::No
            };
            refused.push(Damage {
                id: id.to_string(),
                path,
                wrong,
                deleted,
            });
        }
        Error::Refused { damages: refused }
    }

    /// Where a file is: in `LAB_MAVEN_DIR` if that has it, else in the cache, where it may be deleted.
    fn place(&self, file: &LockedFile) -> (PathBuf, bool) {
        let other = self
            .maven_dir
            .as_ref()
            .map(|dir| dir.join(&file.path))
            .filter(|path| path.exists());
        match other {
            Some(path) => (path, false),
            None => (self.dir.join("maven").join(&file.path), true),
        }
    }

    /// Where a component is unpacked.
    fn tree_dir(&self, id: &ComponentId, tree: &LockedTree) -> PathBuf {
        self.dir.join("trees").join(tree_name(id, tree.sha256))
    }

    fn unpack(&self, id: &ComponentId, held: &Held<'_>) -> Result<(), Error> {
        let pinned = self.lock.pinned(id)?;
        let (Some(kind), Some(tree), [file]) =
            (self.lock.unpack(id), &pinned.tree, pinned.files.as_slice())
        else {
            return Ok(());
        };
        let (archive, deletable) = self.place(file);
        let scratch = held.scratch()?;
        let manifest = unpack(kind, &archive, &scratch.path().join("tree"))?;
        if manifest.sha256() != tree.sha256 {
            // The archive's own hash was right a moment ago: the lock contradicts itself, or this program unpacks
            // differently from the one that wrote the lock.
            let wrong = Wrong::Hash {
                expected: tree.sha256,
                found: manifest.sha256(),
            };
            let deleted = if deletable {
                outcome(remove_if_there(&archive), Deleted::File)
            } else {
                Deleted::No
            };
            return Err(Error::Refused {
                damages: vec![Damage {
                    id: format!("{id}, unpacked"),
                    path: archive,
                    wrong,
                    deleted,
                }],
            });
        }
        install(scratch, &manifest, &self.tree_dir(id, tree))
    }

    /// Takes a tree out of use in one step, then deletes it.
    pub(crate) fn delete_tree(&self, dir: &Path) -> Result<(), Error> {
        loop {
            let grave = self.scratch()?;
            match fs::rename(dir, grave.path().join("tree")) {
                // Another process was faster, or it emptied `tmp` in this moment and took the grave away.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    if !dir.exists() {
                        return Ok(());
                    }
                }
                Err(error) => return Err(Error::io("remove", dir, error)),
                // Out of use is what matters. What cannot be removed now, the next fetch removes.
                Ok(()) => {
                    drop(grave);
                    return Ok(());
                }
            }
        }
    }

    /// A new directory for what is not complete.
    fn scratch(&self) -> Result<TempDir, Error> {
        let tmp = self.dir.join("tmp");
        fs::create_dir_all(&tmp).map_err(|source| Error::io("create", &tmp, source))?;
        tempfile::Builder::new()
            .prefix("lab-")
            .tempdir_in(&tmp)
            .map_err(|source| Error::io("create a directory in", &tmp, source))
    }

    /// What killed processes left in `tmp`, and how many bytes that is; none where nothing is there.
    pub fn leftovers(&self) -> Option<(PathBuf, u64)> {
        let tmp = self.dir.join("tmp");
        let mut entries = fs::read_dir(&tmp).ok()?;
        entries.next()?.ok()?;
        let bytes = size(&tmp);
        Some((tmp, bytes))
    }

    /// Removes them, unless another process fetches just now: then they may be its own. Gives whether it did.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn remove_leftovers(&self) -> Result<bool, Error> {
        let (file, path) = self.lock_file()?;
        match file.try_lock() {
            Ok(()) => self.empty_tmp().map(|()| true),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(source)) => Err(Error::io("lock", &path, source)),
        }
    }

    /// The file whose lock is the right to write into the cache.
    fn lock_file(&self) -> Result<(File, PathBuf), Error> {
        let unusable = |source| Error::UnusableCache {
            dir: self.dir.clone(),
            source,
        };
        fs::create_dir_all(&self.dir).map_err(unusable)?;
        let path = self.dir.join("lock");
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(unusable)?;
        Ok((file, path))
    }

    /// Waits until no other process fetches into this cache, then removes what killed ones left.
    pub(crate) fn hold(&self, progress: &dyn Progress) -> Result<Held<'_>, Error> {
        let (file, path) = self.lock_file()?;
        let mut told = false;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) => {
                    if !told {
                        progress.note(&format!(
                            "another process fetches into {}: waiting until it is done",
                            self.dir.display()
                        ));
                        told = true;
                    }
                    if progress.cancelled() {
                        return Err(Error::Cancelled);
                    }
                    std::thread::sleep(Duration::from_millis(100));
                }
                Err(TryLockError::Error(source)) => return Err(Error::io("lock", &path, source)),
            }
        }
        self.empty_tmp()?;
        Ok(Held {
            cache: self,
            _file: file,
        })
    }

    /// Removes what killed processes left. The kernel gives their lock free before their Maven is gone: for that moment
    /// files may still appear.
    fn empty_tmp(&self) -> Result<(), Error> {
        const ATTEMPTS: usize = 50;
        let tmp = self.dir.join("tmp");
        let mut last = io::Error::from(io::ErrorKind::DirectoryNotEmpty);
        for _ in 0..ATTEMPTS {
            match fs::remove_dir_all(&tmp) {
                Ok(()) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::NotFound && !tmp.exists() => {
                    return Ok(());
                }
                Err(error)
                    if [io::ErrorKind::DirectoryNotEmpty, io::ErrorKind::NotFound]
                        .contains(&error.kind()) =>
                {
                    last = error;
                    std::thread::sleep(Duration::from_millis(20));
                }
                Err(error) => return Err(Error::io("empty", &tmp, error)),
            }
        }
        Err(Error::io("empty", &tmp, last))
    }
}

/// The directory of an unpacked component. The hash of its manifest is part of the name: another lock means another directory.
pub(crate) fn tree_name(id: &ComponentId, manifest: Sri) -> String {
    format!("{}-{}-{}", id.name(), id.version(), manifest.short_hex())
}

/// A directory in absolute form, whose files Java can be told of.
fn usable(variable: &str, dir: PathBuf) -> Result<PathBuf, Error> {
    // They separate the entries of a class path and of Connect's plugin.path.
    if dir
        .as_os_str()
        .as_encoded_bytes()
        .iter()
        .any(|byte| b":,".contains(byte))
    {
        return Err(Error::UnusableDirectory {
            variable: variable.to_owned(),
            dir,
            problem: "has a colon or a comma in it, where Java would end the name; set it to another directory",
        });
    }
    std::path::absolute(&dir).map_err(|source| Error::io("find", &dir, source))
}

fn existing(variable: &str, dir: &Path) -> Result<(), Error> {
    if dir.is_dir() {
        return Ok(());
    }
    Err(Error::UnusableDirectory {
        variable: variable.to_owned(),
        dir: dir.to_owned(),
        problem: "is not a directory; correct it or unset it",
    })
}

/// The right to write into the cache. The kernel takes it back when the process ends, however it ends.
pub(crate) struct Held<'a> {
    cache: &'a Cache,
    _file: File,
}

impl Held<'_> {
    /// A new directory for what is not complete, on the file system of the cache. Removed when dropped.
    pub(crate) fn scratch(&self) -> Result<TempDir, Error> {
        self.cache.scratch()
    }
}

/// Gives the unpacked `tree` in `scratch` its place, together with its manifest.
pub(crate) fn install(scratch: TempDir, manifest: &Manifest, place: &Path) -> Result<(), Error> {
    let written = scratch.path().join("manifest");
    fs::write(&written, manifest.to_text())
        .map_err(|source| Error::io("write", &written, source))?;
    if let Some(parent) = place.parent() {
        fs::create_dir_all(parent).map_err(|source| Error::io("create", parent, source))?;
    }
    fs::rename(scratch.path(), place).map_err(|source| Error::io("create", place, source))?;
    // It has moved: there is nothing to remove.
    let _ = scratch.keep();
    Ok(())
}

/// Reads a manifest, and says what is wrong with it. `sha256`: what it must have.
pub(crate) fn read_manifest(path: &Path, sha256: Option<Sri>) -> Result<Manifest, Wrong> {
    let bytes = fs::read(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Wrong::Missing,
        _ => Wrong::Unreadable(error.to_string()),
    })?;
    let found = Sri::of(&bytes);
    if let Some(expected) = sha256.filter(|expected| *expected != found) {
        return Err(Wrong::Hash { expected, found });
    }
    std::str::from_utf8(&bytes)
        .ok()
        .and_then(Manifest::parse)
        .ok_or_else(|| Wrong::Unreadable("it is not a manifest".into()))
}

/// What is wrong with the content of a file.
pub(crate) fn check(path: &Path, size: u64, sha256: &Sri) -> Option<Wrong> {
    // Opening a named pipe would wait for ever.
    if fs::metadata(path).is_ok_and(|found| !found.is_file()) {
        return Some(Wrong::Kind);
    }
    match Sri::of_file(path) {
        Ok((found, _)) if found == *sha256 => None,
        Ok((_, found)) if found != size => Some(Wrong::Size {
            expected: size,
            found,
        }),
        Ok((found, _)) => Some(Wrong::Hash {
            expected: *sha256,
            found,
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Some(Wrong::Missing),
        Err(error) => Some(Wrong::Unreadable(error.to_string())),
    }
}

fn outcome(result: Result<(), Error>, done: Deleted) -> Deleted {
    match result {
        Ok(()) => done,
        Err(error) => {
            let cause = std::error::Error::source(&error)
                .map_or(String::new(), |cause| format!(": {cause}"));
            Deleted::Failed(format!("{error}{cause}"))
        }
    }
}
