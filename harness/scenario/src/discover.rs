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

#[cfg(test)]
mod tests {
    use super::discover;
    use std::fs;

    #[test]
    fn finds_scenarios_in_areas_and_nothing_else() {
        let root = tempfile::tempdir().unwrap();
        let files = [
            "cdc/truncate.toml",
            "cdc/delete.toml",
            "cdc/connector.json",
            "cdc/.hidden.toml",
            "cdc/include/steps.toml",
            "include/steps.toml",
            ".git/config.toml",
            "expose/gauge.toml",
            "not-in-an-area.toml",
        ];
        for file in files {
            let path = root.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let found = discover(root.path()).unwrap();
        let found: Vec<_> = found
            .iter()
            .map(|path| path.strip_prefix(root.path()).unwrap().to_str().unwrap())
            .collect();
        assert_eq!(
            found,
            ["cdc/delete.toml", "cdc/truncate.toml", "expose/gauge.toml"]
        );
    }

    #[test]
    fn names_a_folder_that_is_not_there() {
        let problems = discover("no/such/folder".as_ref()).unwrap_err();
        let text = problems.to_string();
        assert!(
            text.starts_with("no/such/folder:1:1: cannot read the folder"),
            "{text}"
        );
    }
}
