//! The directory that runs are in.

use std::fs::{self, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// Makes it where it is not there, in absolute form. Others may pass through, whatever the umask says: Postgres of a root run
/// is another user.
///
/// # Errors
/// When it cannot be made, when others could change what is in it, or when its path is not one that Kafka can be told of.
pub(super) fn made(state: PathBuf) -> io::Result<PathBuf> {
    let state = std::path::absolute(state)?;
    // The first two separate entries in the settings of Kafka and Connect, the others mean something to the shell that initdb
    // hands its files to.
    let is_plain = |text: &str| !text.contains([',', ':', '$', '`', '"', '\\', '\n']);
    if !state.to_str().is_some_and(is_plain) {
        let problem = "its path has one of , : $ ` \" \\ in it, a line break, or what is no UTF-8";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, problem));
    }
    passable(&state)?;
    let found = fs::metadata(&state)?;
    if let Some(problem) = problem(&found) {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, problem));
    }
    Ok(state)
}

fn passable(directory: &Path) -> io::Result<()> {
    if directory.is_dir() {
        return Ok(());
    }
    if let Some(parent) = directory.parent() {
        passable(parent)?;
    }
    match fs::create_dir(directory) {
        Ok(()) => fs::set_permissions(directory, Permissions::from_mode(0o711)),
        // Another start was faster.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && directory.is_dir() => Ok(()),
        Err(error) => Err(error),
    }
}

/// Why what is there cannot be trusted: its owner could put anything in the place of what we start.
fn problem(found: &Metadata) -> Option<String> {
    let own = nix::unistd::geteuid().as_raw();
    if ![own, 0].contains(&found.uid()) {
        return Some(format!("it belongs to user {}", found.uid()));
    }
    // Where only owners may remove what is theirs, as in /tmp, it is safe.
    let mode = found.mode();
    (mode & 0o002 != 0 && mode & 0o1000 == 0)
        .then(|| "everybody may write to it: `chmod o-w` it".to_owned())
}
