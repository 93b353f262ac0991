//! Files for their owner alone, and directories of our own.

use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{
    DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _,
};
use std::path::Path;

/// Writes a file that nobody else may read, from the first byte on.
pub(crate) fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.create(true).write(true).truncate(true).mode(0o600);
    let mut file = options.open(path)?;
    // One that was there keeps its permissions.
    file.set_permissions(Permissions::from_mode(0o600))?;
    file.write_all(content)
}

/// A directory of ours with these permissions, whatever the umask says; made where it is not there.
///
/// # Errors
/// When it cannot be made, or is somebody else's.
pub(crate) fn directory(path: &Path, mode: u32) -> io::Result<()> {
    match DirBuilder::new().mode(mode).create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        result => result?,
    }
    let own = nix::unistd::geteuid().as_raw();
    let found = fs::metadata(path)?;
    // A link of somebody else could lead to another place tomorrow.
    let is_own = found.uid() == own && fs::symlink_metadata(path)?.uid() == own;
    if !found.is_dir() || !is_own {
        let problem = format!("{} is no directory of yours", path.display());
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, problem));
    }
    if found.mode() & 0o777 != mode {
        fs::set_permissions(path, Permissions::from_mode(mode))?;
    }
    Ok(())
}
