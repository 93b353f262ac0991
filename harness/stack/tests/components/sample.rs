//! A repository with two components: `tool`, which is two jars, and `plugin`, which is an archive.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use stack::components::{Cache, ComponentId, Coordinates, Entry, Lock, Manifest, Sri};
use tempfile::TempDir;

/// `path`, `content`, `executable` of each file of the archive.
pub type Files<'a> = &'a [(&'a str, &'a [u8], bool)];

pub struct Sample {
    pub dir: TempDir,
    components: String,
    lock: String,
}

impl Sample {
    /// The archive holds three files.
    pub fn new() -> Self {
        Self::with_files(&[
            ("plugin/bin/run", b"#!/bin/sh\n", true),
            ("plugin/lib/a.jar", b"first", false),
            ("plugin/lib/b.jar", b"second", false),
        ])
    }

    /// The archive holds these files.
    pub fn with_files(files: Files<'_>) -> Self {
        let mut entries = BTreeMap::new();
        for (path, content, executable) in files {
            for (end, _) in path.match_indices('/') {
                entries.insert(path[..end].to_owned(), Entry::Dir);
            }
            let (size, sha256) = (content.len() as u64, Sri::of(content));
            entries.insert(
                (*path).to_owned(),
                Entry::File {
                    executable: *executable,
                    size,
                    sha256,
                },
            );
        }
        Self::with_archive(&tar_gz(files), &Manifest(entries))
    }

    /// The archive has these bytes, and the lock says that it unpacks to `manifest`.
    pub fn with_archive(archive: &[u8], manifest: &Manifest) -> Self {
        let dir = tempfile::tempdir().unwrap();
        // Other users are to read it too.
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let store = |coordinates: &str, content: &[u8]| {
            let path = Coordinates::parse(coordinates).unwrap().path();
            let place = dir.path().join("repository").join(&path);
            fs::create_dir_all(place.parent().unwrap()).unwrap();
            fs::write(place, content).unwrap();
            format!(
                r#"{{"path": "{path}", "sha256": "{}", "size": {}}}"#,
                Sri::of(content),
                content.len()
            )
        };
        let (tool, part, plugin) = (
            "org.example:tool:1",
            "org.example:part:1",
            "org.example:plugin:1:tar.gz",
        );
        let components = format!(
            r#"{{"tool": {{"about": "", "default": "1", "versions": {{"1": {{"artifacts": ["{tool}", "{part}"]}}}}}},
                "plugin": {{"about": "", "default": "1", "unpack": "tar.gz", "versions": {{"1": {{"artifacts": ["{plugin}"]}}}}}}}}"#
        );
        let lock = format!(
            r#"{{"tool": {{"1": {{"files": [{}, {}]}}}},
                "plugin": {{"1": {{"files": [{}], "tree": {{"files": {}, "sha256": "{}"}}}}}}}}"#,
            store(part, b"the part of a tool"),
            store(tool, b"the tool itself"),
            store(plugin, archive),
            manifest.files(),
            manifest.sha256()
        );
        fs::write(dir.path().join("components.json"), &components).unwrap();
        fs::write(dir.path().join("lock.json"), &lock).unwrap();
        Sample {
            dir,
            components,
            lock,
        }
    }

    pub fn lock(&self) -> Lock {
        Lock::parse(&self.components, &self.lock).unwrap()
    }

    pub fn tool(&self) -> ComponentId {
        self.lock().resolve("tool", None).unwrap()
    }

    pub fn plugin(&self) -> ComponentId {
        self.lock().resolve("plugin", None).unwrap()
    }

    pub fn both(&self) -> Vec<ComponentId> {
        vec![self.tool(), self.plugin()]
    }

    /// A directory with the same lock, in which `plugin` may be installed already, where this variable names.
    pub fn lock_with_variable(&self, variable: &str) -> PathBuf {
        let dir = self.dir.path().join("with a variable");
        fs::create_dir(&dir).unwrap();
        let unpacked = r#""unpack": "tar.gz""#;
        let instead = format!(r#"{unpacked}, "instead": "{variable}""#);
        let components = self.components.replace(unpacked, &instead);
        fs::write(dir.join("components.json"), components).unwrap();
        fs::write(dir.join("lock.json"), &self.lock).unwrap();
        dir
    }

    /// The directory in the layout of a Maven repository.
    pub fn repository(&self) -> PathBuf {
        self.dir.path().join("repository")
    }

    /// Where the cache is, whether it is there yet or not.
    pub fn cache_dir(&self) -> PathBuf {
        self.dir.path().join("cache")
    }

    /// A cache as Maven would have filled it, in which nothing is unpacked yet. It has no Maven to ask for more.
    pub fn fetched(&self) -> Cache {
        copy_tree(&self.repository(), &self.cache_dir().join("maven"));
        self.without_maven()
    }

    /// The cache as it is, with a Maven that does not exist: a test that needs one fails.
    pub fn without_maven(&self) -> Cache {
        Cache::at(self.cache_dir(), self.lock()).with_maven(self.dir.path().join("no-maven"))
    }

    /// The unpacked plugin. There must be one.
    pub fn tree(&self) -> PathBuf {
        let trees = fs::read_dir(self.cache_dir().join("trees")).unwrap();
        let mut trees = trees.map(|tree| tree.unwrap().path().join("tree"));
        trees.next().expect("the plugin is unpacked")
    }
}

/// A tar file, compressed with gzip, of regular files.
pub fn tar_gz(files: Files<'_>) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (path, content, executable) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(if *executable { 0o755 } else { 0o644 });
        tar.append_data(&mut header, path, *content).unwrap();
    }
    gzip(&tar.into_inner().unwrap())
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

/// Bytes that no compression makes smaller: Marsaglia's xorshift, always the same.
pub fn noise(length: usize) -> Vec<u8> {
    let mut state = 2_463_534_242_u32;
    let next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_be_bytes()[0]
    };
    std::iter::repeat_with(next).take(length).collect()
}

fn copy_tree(from: &Path, to: &Path) {
    for found in walkdir::WalkDir::new(from) {
        let found = found.unwrap();
        let target = to.join(found.path().strip_prefix(from).unwrap());
        if found.file_type().is_dir() {
            fs::create_dir_all(target).unwrap();
        } else {
            fs::copy(found.path(), target).unwrap();
        }
    }
}

/// An error and its causes in one line, as the lab prints them.
pub fn told(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}
