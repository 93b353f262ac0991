//! What a run came to, in several forms: a file each.

mod axis;
mod box_plot;
mod chart;
mod html;
mod junit;
mod page;
mod terminal;
#[cfg(test)]
pub(crate) mod tests;
mod timeline;

use std::fs::Permissions;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

pub(crate) use axis::{label, ticks};
pub(crate) use box_plot::box_plot;
pub(crate) use chart::figure;
pub(crate) use page::{document, grid_table};
pub use terminal::{Terminal, summary, table};

use crate::runner::Suite;

/// Makes the folder, and sees that files can be written into it: before anything runs, not after it.
///
/// # Errors
/// When they cannot.
pub fn prepare(folder: &Path) -> Result<()> {
    let shown = folder.display();
    if folder.exists() && !folder.is_dir() {
        bail!("{shown} is no folder: --report wants one, to write the files of the report into");
    }
    std::fs::create_dir_all(folder).with_context(|| {
        format!("cannot make the folder of the report, {shown}: name another one with --report")
    })?;
    tempfile::tempfile_in(folder).map(drop).with_context(|| {
        format!("cannot write the report into {shown}: name another folder with --report")
    })
}

/// Takes the folder away again when there is nothing to report: one that has anything in it stays.
pub fn give_up(folder: &Path) {
    // Not empty, or not ours to remove: then it stays.
    let _ = std::fs::remove_dir(folder);
}

/// Writes every report into a folder, and says where the readable one is.
///
/// # Errors
/// When a file cannot be written.
pub fn write(suite: &Suite, folder: &Path) -> Result<PathBuf> {
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let json = format!("{:#}\n", serde_json::to_value(suite)?);
    put(folder, "report.json", &json)?;
    put(folder, "junit.xml", &junit::document(suite)?)?;
    put(folder, "report.html", &html::page(suite))
}

/// Writes a file of a report, in the place of what has its name: a link is not followed. Gives its path.
///
/// # Errors
/// When it cannot be written. What was there before is there still.
pub(crate) fn put(folder: &Path, name: &str, text: &str) -> Result<PathBuf> {
    let path = folder.join(name);
    let written = || {
        let mut file = tempfile::Builder::new()
            // But for what the user's mask takes away.
            .permissions(Permissions::from_mode(0o666))
            .tempfile_in(folder)?;
        file.write_all(text.as_bytes())?;
        file.persist(&path)?;
        Ok::<_, std::io::Error>(())
    };
    written().with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}
