//! A copy of an unpacked tree that another user can use.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use super::cache::{Content, Installed};
use super::digest::{Sri, copy_hashed, on_all_cores};
use super::error::{Damage, Deleted, Error, Wrong};
use super::manifest::{Entry, file_mode};

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

fn make_dir(path: &Path) -> Result<(), Error> {
    fs::create_dir(path)
        .and_then(|()| fs::set_permissions(path, fs::Permissions::from_mode(0o755)))
        .map_err(|source| Error::io("create", path, source))
}
