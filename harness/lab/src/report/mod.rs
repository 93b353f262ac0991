//! What a run came to, in several forms: a file each.

mod axis;
mod chart;
mod html;
mod junit;
mod terminal;
#[cfg(test)]
pub(crate) mod tests;
mod timeline;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

pub(crate) use axis::{label, ticks};
pub(crate) use chart::figure;
pub use terminal::{Terminal, summary, table};

use crate::runner::Suite;

/// Makes the folder, and sees that files can be written into it: before anything runs, not after it.
///
/// # Errors
/// When they cannot.
pub fn prepare(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder)
        .with_context(|| format!("cannot make the folder of the report, {}", folder.display()))?;
    tempfile::tempfile_in(folder)
        .map(drop)
        .with_context(|| format!("cannot write the report into {}", folder.display()))
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
