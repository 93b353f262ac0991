//! Unpacking an archive, with nothing outside of the place meant for it.

use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _, symlink};
use std::path::{Component, Path};

use super::catalog::Unpack;
use super::digest::copy_hashed;
use super::error::Error;
use super::manifest::{Entry, Manifest, file_mode, plain_path};

/// Unpacks `archive` into the new directory `root`, and says what is there now. Each file is hashed as it is written.
///
/// Only directories, regular files and symbolic links are unpacked, and no path or link may lead out of `root`: an archive
/// with anything else is refused as a whole. Modes become 0755 or 0644 whatever the umask, so that the result is the same
/// everywhere.
pub(crate) fn unpack(kind: Unpack, archive: &Path, root: &Path) -> Result<Manifest, Error> {
    let file = File::open(archive).map_err(|source| Error::io("open", archive, source))?;
    match kind {
        Unpack::TarGz => unpack_tar(
            flate2::read::MultiGzDecoder::new(BufReader::new(file)),
            archive,
            root,
        ),
        Unpack::JarTxz => {
            let broken =
                |error: zip::result::ZipError| unpack_error(archive, io::Error::other(error));
            let mut jar = zip::ZipArchive::new(BufReader::new(file)).map_err(broken)?;
            let names: Result<Vec<_>, _> = jar
                .file_names()
                .map(|name| name.map(|name| name.into_owned()))
                .collect();
            let names: Vec<String> = names
                .map_err(broken)?
                .into_iter()
                .filter(|name| name.ends_with(".txz"))
                .collect();
            let [name] = names.as_slice() else {
                let error = io::Error::other(format!(
                    "it holds {} files that end in .txz instead of one",
                    names.len()
                ));
                return Err(unpack_error(archive, error));
            };
            let inner = jar.by_name(name).map_err(broken)?;
            unpack_tar(
                liblzma::read::XzDecoder::new_multi_decoder(BufReader::new(inner)),
                archive,
                root,
            )
        }
    }
}

fn unpack_tar(reader: impl Read, archive: &Path, root: &Path) -> Result<Manifest, Error> {
    let broken = |source| unpack_error(archive, source);
    fs::create_dir(root).map_err(|source| Error::io("create", root, source))?;
    let mut manifest = Manifest::default();
    let mut tar = tar::Archive::new(reader);
    for entry in tar.entries().map_err(broken)? {
        let mut entry = entry.map_err(broken)?;
        let name = entry.path().map_err(broken)?.into_owned();
        let refuse = |problem: &str| Error::BadArchive {
            archive: archive.display().to_string(),
            entry: name.display().to_string(),
            problem: problem.into(),
        };
        let kind = entry.header().entry_type();
        if kind.is_dir()
            && name
                .components()
                .all(|component| component == Component::CurDir)
        {
            continue;
        }
        let path =
            plain_path(&name).ok_or_else(|| refuse("has a path that leads out of the archive"))?;
        make_parents(root, &path, &mut manifest, &refuse)?;
        let place = root.join(&path);
        let written = |source| Error::io("write", &place, source);
        let unpacked = if kind.is_dir() {
            if manifest.0.get(&path) == Some(&Entry::Dir) {
                continue;
            }
            make_dir(&place)?;
            Entry::Dir
        } else if kind.is_file() {
            let executable = entry.header().mode().map_err(broken)? & 0o100 != 0;
            if manifest.0.contains_key(&path) {
                return Err(refuse("is there twice"));
            }
            let mut options = fs::OpenOptions::new();
            let mut out = options
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&place)
                .map_err(written)?;
            let (sha256, size) = copy_hashed(&mut entry, &mut out).map_err(broken)?;
            out.set_permissions(fs::Permissions::from_mode(file_mode(executable)))
                .map_err(written)?;
            Entry::File {
                executable,
                size,
                sha256,
            }
        } else if kind.is_symlink() {
            let target = entry
                .link_name()
                .map_err(broken)?
                .ok_or_else(|| refuse("is a link that leads nowhere"))?;
            if manifest.0.contains_key(&path) {
                return Err(refuse("is there twice"));
            }
            if !stays_inside(&path, &target) {
                return Err(refuse("is a link that leads out of the archive"));
            }
            let text = target
                .to_str()
                .filter(|target| !target.contains(char::is_control));
            let text = text
                .ok_or_else(|| refuse("is a link whose target is not plain text"))?
                .to_owned();
            symlink(&target, &place).map_err(written)?;
            Entry::Link { target: text }
        } else {
            return Err(refuse(
                "is neither a directory nor a regular file nor a symbolic link",
            ));
        };
        manifest.0.insert(path, unpacked);
    }
    Ok(manifest)
}

/// Makes the directories that lead to `path`. One of them may be a link that the archive itself made: writing through it
/// could end anywhere, so that is refused.
fn make_parents(
    root: &Path,
    path: &str,
    manifest: &mut Manifest,
    refuse: &dyn Fn(&str) -> Error,
) -> Result<(), Error> {
    for (end, _) in path.match_indices('/') {
        let parent = path.get(..end).unwrap_or_default();
        match manifest.0.get(parent) {
            Some(Entry::Dir) => {}
            Some(_) => return Err(refuse("lies below something that is not a directory")),
            None => {
                make_dir(&root.join(parent))?;
                manifest.0.insert(parent.into(), Entry::Dir);
            }
        }
    }
    Ok(())
}

/// A new directory for everybody to read.
pub(super) fn make_dir(path: &Path) -> Result<(), Error> {
    fs::create_dir(path)
        .and_then(|()| fs::set_permissions(path, fs::Permissions::from_mode(0o755)))
        .map_err(|source| Error::io("create", path, source))
}

/// Whether a link at `path` that leads to `target` ends inside of the tree, by its text alone.
///
/// `..` counts only at the beginning, where it climbs directories that are known to be real. After a name it could climb
/// from wherever another link leads: `a -> ..` and then `b -> a/..` would be outside, each harmless alone.
fn stays_inside(path: &str, target: &Path) -> bool {
    let mut depth = path.matches('/').count();
    let mut named = false;
    for component in target.components() {
        match component {
            Component::Normal(_) => named = true,
            Component::CurDir => {}
            Component::ParentDir if named => return false,
            Component::ParentDir => match depth.checked_sub(1) {
                Some(less) => depth = less,
                None => return false,
            },
            Component::RootDir | Component::Prefix(_) => return false,
        }
    }
    true
}

fn unpack_error(archive: &Path, source: io::Error) -> Error {
    Error::Unpack {
        archive: archive.display().to_string(),
        source,
    }
}
