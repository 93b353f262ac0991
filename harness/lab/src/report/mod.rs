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
    let put = |name: &str, text: String| {
        let path = folder.join(name);
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        Ok::<_, anyhow::Error>(path)
    };
    put(
        "report.json",
        format!("{:#}\n", serde_json::to_value(suite)?),
    )?;
    put("junit.xml", junit::document(suite)?)?;
    put("report.html", html::page(suite))
}
