//! Which files of a folder are scenarios.

use std::path::{Path, PathBuf};

use crate::problem::{Problem, Problems};

/// The folder, in an area or beside the areas, whose files are step lists for `include` and not scenarios.
pub const FRAGMENTS: &str = "include";

/// Every scenario below a root, sorted: `<root>/<area>/<name>.toml`, where the area is not called `include` and neither
/// begins with a dot.
///
/// # Errors
/// When a folder cannot be read, or a `.toml` file stands beside the areas or in a folder of an area, where nothing would
/// ever run it.
pub fn discover(root: &Path) -> Result<Vec<PathBuf>, Problems> {
    let mut scenarios = Vec::new();
    let mut misplaced = Vec::new();
    for area in entries(root)? {
        if is_toml(&area) {
            misplaced.push(area);
        } else if area.is_dir() && !area.ends_with(FRAGMENTS) {
            for entry in entries(&area)? {
                if is_toml(&entry) {
                    scenarios.push(entry);
                } else if entry.is_dir() && !entry.ends_with(FRAGMENTS) {
                    misplaced.extend(entries(&entry)?.into_iter().filter(|path| is_toml(path)));
                }
            }
        }
    }
    let mut problems = Problems::default();
    for path in misplaced {
        let form = root.join("<area>").join("<name>.toml");
        problems.push(
            Problem::of_file(&path, "no scenario is looked for here").help(format!(
                "expected {}; a step list to include stands in a folder `{FRAGMENTS}`",
                form.display()
            )),
        );
    }
    scenarios.sort();
    problems.ok_or(scenarios)
}

fn is_toml(path: &Path) -> bool {
    path.is_file()
        && path
            .extension()
            .is_some_and(|extension| extension == "toml")
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
            "README.md",
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

    /// It would never run, and nobody would see that it does not.
    #[test]
    fn a_scenario_in_the_wrong_place_is_a_mistake() {
        let root = tempfile::tempdir().unwrap();
        for file in ["beside.toml", "cdc/right.toml", "cdc/deep/er.toml"] {
            let path = root.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let problems = discover(root.path()).unwrap_err();
        let files: Vec<_> = problems
            .iter()
            .map(|problem| problem.file.strip_prefix(root.path()).unwrap().to_owned())
            .collect();
        assert_eq!(
            files,
            ["beside.toml".as_ref(), "cdc/deep/er.toml".as_ref()] as [&std::path::Path; 2]
        );
    }
}
