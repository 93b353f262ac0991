//! The directory that runs are in.

use std::fs::{self, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// Makes it where it is not there, in absolute form. Below root others may pass through, whatever the umask says: Postgres is
/// another user then.
///
/// # Errors
/// When it cannot be made, when others could change what is in it, or when its path is not one that Kafka can be told of.
pub(super) fn made(state: PathBuf) -> io::Result<PathBuf> {
    let state = std::path::absolute(state)?;
    check(&state)?;
    passable(&state)?;
    // Somebody else may have been faster.
    check(&state)?;
    Ok(state)
}

/// Looks whether a directory will do, whether it is there or not.
///
/// # Errors
/// Why not.
pub fn check(state: &Path) -> io::Result<()> {
    // The first two separate entries in the settings of Kafka and Connect, the others mean something to the shell that initdb
    // hands its files to.
    let is_plain = |text: &str| !text.contains([',', ':', '$', '`', '"', '\\', '\n']);
    if !state.to_str().is_some_and(is_plain) {
        let problem = "its path has one of , : $ ` \" \\ in it, a line break, or what is no UTF-8";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, problem));
    }
    match fs::metadata(state).ok().as_ref().and_then(problem) {
        Some(problem) => Err(io::Error::new(io::ErrorKind::PermissionDenied, problem)),
        None => Ok(()),
    }
}

fn passable(directory: &Path) -> io::Result<()> {
    if directory.is_dir() {
        return Ok(());
    }
    if let Some(parent) = directory.parent() {
        passable(parent)?;
    }
    match fs::create_dir(directory) {
        // Only below root others have to pass.
        Ok(()) if nix::unistd::geteuid().is_root() => {
            fs::set_permissions(directory, Permissions::from_mode(0o711))
        }
        Ok(()) => Ok(()),
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
    (found.mode() & 0o002 != 0)
        .then(|| "everybody may write to it: name a directory of your own".to_owned())
}
