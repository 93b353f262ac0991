//! Files for their owner alone.

use std::fs::{OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
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
