//! A copy of an unpacked tree that another user can use.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use super::archive::make_dir;
use super::cache::{Content, Installed, tree_name};
use super::digest::{Sri, copy_hashed, on_all_cores};
use super::error::{Damage, Deleted, Error, Wrong};
use super::manifest::{Entry, Manifest, file_mode};
use crate::private;

/// A copy of an unpacked tree below `parent` that everybody can read, made once: every byte of one that is there is hashed
/// again, and one that is not what the lock says is replaced. Gives where it is. It is made in `run`, on the same file system:
/// who is killed while it is leaves nothing that is not cleared with the run.
///
/// # Errors
/// Those of [`stage_tree`], and when `parent` cannot be made or read.
pub fn shared_tree(installed: &Installed, parent: &Path, run: &Path) -> Result<PathBuf, Error> {
    let manifest = match &installed.content {
        Content::Provided { root } => return Ok(root.clone()),
        Content::Tree { manifest, .. } => manifest,
        Content::Jars(_) => &Manifest::default(),
    };
    let place = parent.join(tree_name(&installed.id, manifest.sha256()));
    if Manifest::of_tree(&place).is_ok_and(|found| found == *manifest) {
        return Ok(place);
    }
    private::directory(parent, 0o711).map_err(|source| Error::io("create", parent, source))?;
    let scratch = tempfile::tempdir_in(run).map_err(|source| Error::io("write in", run, source))?;
    // Whoever still runs the old one keeps it open.
    let (old, new) = (scratch.path().join("old"), scratch.path().join("new"));
    stage_tree(installed, &new)?;
    match fs::rename(&place, &old) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(Error::io("replace", &place, error));
        }
        _ => {}
    }
    match fs::rename(&new, &place) {
        // Another start was faster: it has hashed what it wrote.
        Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => Ok(place),
        other => other
            .map(|()| place.clone())
            .map_err(|source| Error::io("create", &place, source)),
    }
}

/// Copies an unpacked tree into the new directory `dest`, for everybody to read, and executables to execute.
///
/// Meant for a Postgres that root starts: it runs as another user, who can perhaps not enter root's cache. The bytes that
/// are written are hashed on their way: what is in `dest` afterwards is what the lock says, whatever has happened to the
/// source since it was verified. What the system provides is there for everybody: a link to it is enough.
///
/// # Errors
/// `installed` consists of jars, `dest` exists, a file differs, or the disk is full. `dest` is removed again.
pub fn stage_tree(installed: &Installed, dest: &Path) -> Result<(), Error> {
    let (root, manifest) = match &installed.content {
        Content::Tree { root, manifest } => (root, manifest),
        Content::Provided { root } => {
            return symlink(root, dest).map_err(|source| Error::io("create", dest, source));
        }
        Content::Jars(_) => {
            let source = io::Error::other(format!("{} is not an unpacked archive", installed.id));
            return Err(Error::io("copy to", dest, source));
        }
    };
    make_dir(dest)?;
    let copy = || -> Result<(), Error> {
        let mut files: Vec<(PathBuf, PathBuf, bool, u64, Sri)> = Vec::new();
        for (path, entry) in &manifest.0 {
            let place = dest.join(path);
            match entry {
                // Sorted by path: a directory comes before what is in it.
                Entry::Dir => make_dir(&place)?,
                Entry::Link { target } => {
                    symlink(target, &place)
                        .map_err(|source| Error::io("create", &place, source))?;
                }
                Entry::File {
                    executable,
                    size,
                    sha256,
                } => {
                    files.push((root.join(path), place, *executable, *size, *sha256));
                }
            }
        }
        files.sort_by_key(|(.., size, _)| std::cmp::Reverse(*size));
        let copied = on_all_cores(&files, |(from, to, executable, _, expected)| {
            let mut source = File::open(from).map_err(|source| Error::io("open", from, source))?;
            let written = |source| Error::io("write", to, source);
            let mut options = fs::OpenOptions::new();
            let mut target = options
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(to)
                .map_err(written)?;
            let (found, _) = copy_hashed(&mut source, &mut target).map_err(written)?;
            if found != *expected {
                let damage = Damage {
                    id: installed.id.to_string(),
                    path: from.clone(),
                    wrong: Wrong::Hash {
                        expected: *expected,
                        found,
                    },
                    // Whoever verifies it next deletes it: here nothing but `dest` is written.
                    deleted: Deleted::Failed("it was being copied".into()),
                };
                return Err(Error::Refused {
                    damages: vec![damage],
                });
            }
            target
                .set_permissions(fs::Permissions::from_mode(file_mode(*executable)))
                .map_err(written)
        });
        copied.into_iter().collect()
    };
    let result = copy();
    if result.is_err() {
        // The first error is the one that matters.
        let _ = fs::remove_dir_all(dest);
    }
    result
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::os::unix::fs::MetadataExt as _;

    use rstest::{fixture, rstest};
    use tempfile::TempDir;

    use super::*;
    use crate::components::Lock;

    /// A tree with one program, and where copies of it go.
    #[fixture]
    fn tree() -> (Installed, TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("tree");
        fs::create_dir_all(root.join("bin")).unwrap();
        fs::write(root.join("bin/postgres"), "program").unwrap();
        let executable = fs::Permissions::from_mode(0o700);
        fs::set_permissions(root.join("bin/postgres"), executable).unwrap();
        let manifest = Manifest::of_tree(&root).unwrap();
        let id = Lock::embedded()
            .unwrap()
            .resolve("jmx-agent", None)
            .unwrap();
        let content = Content::Tree { root, manifest };
        (Installed { id, content }, folder)
    }

    #[rstest]
    fn a_shared_tree_is_for_everybody_and_made_once(tree: (Installed, TempDir)) {
        let (installed, folder) = tree;
        let parent = folder.path().join("programs");
        let place = shared_tree(&installed, &parent, folder.path()).unwrap();
        let program = place.join("bin/postgres");
        let made = fs::metadata(&program).unwrap();
        assert_eq!(made.mode() & 0o777, 0o755);

        let again = shared_tree(&installed, &parent, folder.path());
        assert_eq!(again.unwrap(), place);
        assert_eq!(fs::metadata(&program).unwrap().ino(), made.ino());
        assert_eq!(fs::read_dir(&parent).unwrap().count(), 1);
    }

    #[rstest]
    fn a_shared_tree_that_was_changed_is_replaced(tree: (Installed, TempDir)) {
        let (installed, folder) = tree;
        let parent = folder.path().join("programs");
        let program = shared_tree(&installed, &parent, folder.path())
            .unwrap()
            .join("bin/postgres");
        fs::write(&program, "PROGRAM").unwrap();
        shared_tree(&installed, &parent, folder.path()).unwrap();
        assert_eq!(fs::read_to_string(&program).unwrap(), "program");
        assert_eq!(fs::read_dir(&parent).unwrap().count(), 1);
    }
}
