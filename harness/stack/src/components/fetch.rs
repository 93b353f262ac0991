//! Fetching locked files through Maven, and taking each over as soon as it is complete and proven.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::coordinates::Coordinates;
use super::digest::Sri;
use super::error::{Damage, Deleted, Error, Wrong};
use super::lock::LockedFile;
use super::maven::{Project, Task};
use super::progress::Progress;

/// Files are fetched in this many queues at a time.
const QUEUES: usize = 4;

/// Fetches `files` into `store`, which has the layout of a Maven repository.
///
/// `scratch` is an empty directory on the same file system. A file gets its place in `store` by a rename, after its hash
/// was found to be right: what a killed fetch leaves in `store` is complete and right.
pub(crate) fn fetch(
    maven: &Path,
    files: &[LockedFile],
    store: &Path,
    scratch: &Path,
    progress: &dyn Progress,
) -> Result<(), Error> {
    let project = Project::write(maven, scratch, &queues(files))?;
    let mut pending: Vec<Pending<'_>> = files
        .iter()
        .map(|file| Pending {
            file,
            place: project.artifact(&file.path),
            counted: 0,
            wrong: false,
        })
        .collect();
    progress.start(files.iter().map(|file| file.size).sum());
    let ended = project.run(progress, || {
        let mut still = Vec::new();
        for mut file in pending.drain(..) {
            if !file.take_over(store, scratch, progress)? {
                still.push(file);
            }
        }
        pending = still;
        Ok(())
    })?;
    // What Maven delivered and was not taken over is wrong; it goes away with the scratch directory.
    let damages: Vec<Damage> = pending.iter().filter_map(Pending::damage).collect();
    if !damages.is_empty() {
        return Err(Error::Refused { damages });
    }
    if !pending.is_empty() {
        let needed = pending.iter().map(|file| file.file.size).sum();
        if let Some(full) = full(scratch, store, needed, &ended.tail) {
            return Err(full);
        }
        return Err(Error::Maven {
            missing: pending.len(),
            wanted: files.len(),
            status: ended.status.to_string(),
            tail: ended.tail,
        });
    }
    Ok(())
}

/// Whether a full disk is why Maven failed. On one, its own log may have been cut off too.
fn full(scratch: &Path, store: &Path, needed: u64, tail: &str) -> Option<Error> {
    let free = rustix::fs::statvfs(scratch)
        .ok()
        .map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize))?;
    (free < needed || tail.contains("No space left on device")).then(|| Error::DiskFull {
        dir: store.parent().unwrap_or(store).to_owned(),
        free,
        needed,
    })
}

/// Spreads the files over the queues so that each has about the same number of bytes to fetch.
fn queues(files: &[LockedFile]) -> BTreeMap<String, Task<'static>> {
    let mut by_size: Vec<&LockedFile> = files.iter().collect();
    by_size.sort_by_key(|file| std::cmp::Reverse(file.size));
    let mut queues: Vec<(u64, Vec<Coordinates>)> = vec![(0, Vec::new()); QUEUES.min(files.len())];
    for file in by_size {
        // The lock was checked for paths that are not coordinates when it was read.
        let Some(coordinates) = Coordinates::from_path(&file.path) else {
            continue;
        };
        if let Some((bytes, queue)) = queues.iter_mut().min_by_key(|(bytes, _)| *bytes) {
            // A request takes its time even for an empty file.
            *bytes += file.size + 100_000;
            queue.push(coordinates);
        }
    }
    let tasks = queues.into_iter().enumerate();
    tasks
        .map(|(index, (_, queue))| (format!("queue-{index}"), Task::Copy(queue)))
        .collect()
}

/// A file that has not arrived yet.
struct Pending<'a> {
    file: &'a LockedFile,
    /// Where Maven will put it.
    place: PathBuf,
    /// The bytes of it that the user has been told of.
    counted: u64,
    /// It is complete, and it is not what was asked for. Nothing will change that, so it is hashed only once.
    wrong: bool,
}

impl Pending<'_> {
    /// Moves the file into `store` if it is complete and right.
    fn take_over(
        &mut self,
        store: &Path,
        scratch: &Path,
        progress: &dyn Progress,
    ) -> Result<bool, Error> {
        if !self.wrong && fs::metadata(&self.place).is_ok_and(|found| found.len() == self.file.size)
        {
            // Maven still reads its own copy, so that one stays. A link takes no space; not every file system has links.
            let mine = scratch.join("taken-over");
            remove_if_there(&mine)?;
            if fs::hard_link(&self.place, &mine).is_err() {
                fs::copy(&self.place, &mine)
                    .map_err(|source| Error::io("copy", &self.place, source))?;
            }
            let (found, _) =
                Sri::of_file(&mine).map_err(|source| Error::io("read", &mine, source))?;
            if found == self.file.sha256 {
                let target = store.join(&self.file.path);
                if let Some(parent) = target.parent() {
                    fs::create_dir_all(parent)
                        .map_err(|source| Error::io("create", parent, source))?;
                }
                fs::rename(&mine, &target)
                    .map_err(|source| Error::io("create", &target, source))?;
                progress.advance(self.file.size.saturating_sub(self.counted), &self.file.path);
                return Ok(true);
            }
            self.wrong = true;
        }
        let arrived = self.arrived().min(self.file.size);
        if arrived > self.counted {
            progress.advance(arrived - self.counted, &self.file.path);
            self.counted = arrived;
        }
        Ok(false)
    }

    /// The bytes that have arrived. While Maven fetches a file, its name goes on after the final one.
    fn arrived(&self) -> u64 {
        let (Some(parent), Some(name)) = (
            self.place.parent(),
            self.place.file_name().and_then(|name| name.to_str()),
        ) else {
            return 0;
        };
        // No directory yet, or a file that was renamed in this moment: nothing to say now.
        let entries = fs::read_dir(parent).into_iter().flatten().flatten();
        let parts = entries.filter(|entry| {
            let found = entry.file_name();
            let rest = found.to_str().and_then(|found| found.strip_prefix(name));
            rest.is_some_and(|rest| {
                rest.is_empty() || rest.ends_with(".tmp") || rest.ends_with(".part")
            })
        });
        parts
            .filter_map(|entry| entry.metadata().ok())
            .map(|metadata| metadata.len())
            .max()
            .unwrap_or(0)
    }

    /// What is wrong with the file that Maven delivered; `None` if it delivered none.
    fn damage(&self) -> Option<Damage> {
        let wrong = match Sri::of_file(&self.place) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => Wrong::Unreadable(error.to_string()),
            Ok((found, _)) => Wrong::Hash {
                expected: self.file.sha256,
                found,
            },
        };
        // The name in the lock says more than the path in a directory that is about to go.
        Some(Damage {
            id: "as Maven delivered it".into(),
            path: PathBuf::from(&self.file.path),
            wrong,
            deleted: Deleted::File,
        })
    }
}

/// Removes a file, and is content if there is none.
pub(crate) fn remove_if_there(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Error::io("remove", path, error))
        }
        _ => Ok(()),
    }
}
