//! Which files of a folder are scenarios.

use std::path::{Path, PathBuf};

use crate::problem::{Problem, Problems};

/// The folder, in an area or beside the areas, whose files are step lists for `include` and not scenarios.
pub const FRAGMENTS: &str = "include";

/// Every scenario below a root, sorted: `<root>/<area>/<name>.toml`, where the area is not called `include` and neither
/// begins with a dot.
///
/// # Errors
/// When a folder cannot be read.
pub fn discover(root: &Path) -> Result<Vec<PathBuf>, Problems> {
    let mut scenarios = Vec::new();
    for area in entries(root)? {
        if !area.is_dir() || area.ends_with(FRAGMENTS) {
            continue;
        }
        scenarios.extend(entries(&area)?.into_iter().filter(|path| {
            path.is_file()
                && path
                    .extension()
                    .is_some_and(|extension| extension == "toml")
        }));
    }
    scenarios.sort();
    Ok(scenarios)
}

/// What is in a folder, without hidden files.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, Problems> {
    let unreadable = |error: std::io::Error| {
        Problems::from(Problem::of_file(
            folder,
            format!("cannot read the folder: {error}"),
        ))
    };
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        if !entry.file_name().to_string_lossy().starts_with('.') {
            paths.push(entry.path());
        }
    }
    Ok(paths)
}
