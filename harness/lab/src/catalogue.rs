//! Finding and reading scenario files.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use scenario::{Inputs, Problems, Scenario, discover, load};
use stack::components::Lock;
use stack::{Flavour, Profile};

use crate::groups::{DEBEZIUM, JDBC};
use crate::registry::registry;
use crate::runner::{AnyStep, Selected, VARIABLES};

/// What scenarios below a root can refer to: the runner's variables, and what a stack can be made of.
///
/// # Errors
/// When the lock cannot be read.
pub fn inputs(root: &Path) -> Result<Inputs> {
    let lock = Lock::embedded()?;
    let mut inputs = Inputs::at(root).with_builtins(VARIABLES);
    for profile in Profile::ALL {
        let kafka = Flavour::of(profile).resolve(&lock, "kafka")?;
        inputs.profiles.push(scenario::Profile {
            name: profile.to_string(),
            kafka: kafka.version().to_owned(),
        });
    }
    for (key, component) in [("debezium", DEBEZIUM), ("jdbc", JDBC)] {
        let versions = lock.versions(component);
        inputs.versions.insert(key.to_owned(), versions);
    }
    Ok(inputs)
}

/// Scenarios with one of these tags measure or take long: `lab test` leaves them out.
pub const LONG: [&str; 2] = ["tuning", "soak"];
/// Scenarios with this tag hurt services. They and the long ones are all that is not functional.
pub const FAULTS: &str = "faults";

/// The checkout whose script started this program.
const PROJECT: &str = "LAB_PROJECT";

/// Which scenarios.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Selection {
    /// Files, folders, or names such as `cdc/original`; all scenarios when none is given.
    #[arg(value_name = "PATH")]
    pub paths: Vec<String>,
    /// Only scenarios with this tag; with several, those that have one of them.
    #[arg(long = "tag", value_name = "TAG")]
    pub tags: Vec<String>,
    /// Leave out scenarios with this tag.
    #[arg(long = "without-tag", value_name = "TAG")]
    pub without_tags: Vec<String>,
    /// A value for a variable that scenarios declare in [vars].
    #[arg(long = "var", value_name = "NAME=VALUE", value_parser = assignment)]
    pub variables: Vec<(String, String)>,
    /// The folder with the areas; found from the working directory upwards when not given.
    #[arg(long, env = "LAB_SCENARIOS", value_name = "DIR")]
    pub scenarios: Option<PathBuf>,
}

pub(crate) fn assignment(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// What could not be read, and what could.
#[derive(Debug, Default)]
pub struct Loaded {
    /// Scenarios in the order of their paths.
    pub scenarios: Vec<Arc<Scenario<AnyStep>>>,
    /// Everything that is wrong in the others.
    pub problems: Vec<Problems>,
    /// How many files were read.
    pub files: usize,
}

impl Selection {
    /// Reads what is selected. `environment`: whether `${env.NAME}` has to be set.
    ///
    /// # Errors
    /// When a path or name leads to nothing.
    pub fn load(&self, environment: bool) -> Result<Loaded> {
        let root = self.root()?;
        let registry = registry()?;
        let mut inputs = inputs(&root)?;
        if environment {
            inputs = inputs.with_process_environment();
        }
        for (name, value) in &self.variables {
            inputs = inputs.with_variable(name, value);
        }
        let mut loaded = Loaded::default();
        for path in self.files(&root)? {
            loaded.files += 1;
            match load(&path, &registry, &inputs) {
                Ok(scenario) if self.has_tag(&scenario) => {
                    loaded.scenarios.push(Arc::new(scenario))
                }
                Ok(_) => {}
                Err(problems) => loaded.problems.push(problems),
            }
        }
        for (name, _) in &self.variables {
            if !loaded.scenarios.is_empty()
                && !loaded
                    .scenarios
                    .iter()
                    .any(|one| one.declares.contains(name))
            {
                bail!("no selected scenario declares a variable `{name}` in [vars]");
            }
        }
        Ok(loaded)
    }

    /// The instances to run.
    ///
    /// # Errors
    /// When something in a file is wrong, or nothing is selected.
    pub fn instances(&self) -> Result<Vec<Selected>> {
        let loaded = self.load(true)?;
        if !loaded.problems.is_empty() {
            let words: Vec<_> = loaded.problems.iter().map(ToString::to_string).collect();
            bail!("scenarios are not as they should be:\n{}", words.join("\n"));
        }
        let instances: Vec<_> = loaded
            .scenarios
            .into_iter()
            .flat_map(|scenario| {
                (0..scenario.instances.len()).map(move |index| Selected {
                    scenario: Arc::clone(&scenario),
                    index,
                })
            })
            .collect();
        if instances.is_empty() {
            bail!("no scenario is selected: `lab list` shows them with their tags");
        }
        Ok(instances)
    }

    fn has_tag(&self, scenario: &Scenario<AnyStep>) -> bool {
        let tagged = |tags: &[String]| scenario.tags.iter().any(|tag| tags.contains(tag));
        (self.tags.is_empty() || tagged(&self.tags)) && !tagged(&self.without_tags)
    }

    fn root(&self) -> Result<PathBuf> {
        if let Some(root) = &self.scenarios {
            return Ok(root.clone());
        }
        let here = std::env::current_dir().context("there is no working directory")?;
        for folder in here.ancestors() {
            let root = folder.join("scenarios");
            if root.is_dir() {
                // Shown in messages: short where it can be.
                return Ok(root.strip_prefix(&here).map(Path::to_owned).unwrap_or(root));
            }
        }
        let given = self
            .paths
            .iter()
            .map(Path::new)
            .filter(|path| path.exists());
        let above = given.filter_map(|path| {
            let path = path.canonicalize().ok()?;
            let mut above = path.ancestors();
            Some(
                above
                    .find(|folder| folder.ends_with("scenarios"))?
                    .to_owned(),
            )
        });
        // `./lab` says where it stands, for those who call it from elsewhere.
        let beside =
            std::env::var_os(PROJECT).map(|project| PathBuf::from(project).join("scenarios"));
        above
            .chain(beside)
            .find(|root| root.is_dir())
            .context("there is no folder `scenarios` here or above: name it with --scenarios")
    }

    fn files(&self, root: &Path) -> Result<Vec<PathBuf>> {
        let all = || discover(root).map_err(anyhow::Error::from);
        if self.paths.is_empty() {
            return all();
        }
        let mut files = Vec::new();
        for path in &self.paths {
            let given = Path::new(path);
            let found = if given.is_file() {
                vec![given.to_owned()]
            } else {
                let by_name = |file: &PathBuf| {
                    let name = file.strip_prefix(root).unwrap_or(file).with_extension("");
                    name == given || name.starts_with(given) || is_below(file, given)
                };
                all()?.into_iter().filter(by_name).collect()
            };
            if found.is_empty() {
                let names: Vec<_> = all()?
                    .iter()
                    .map(|file| {
                        file.strip_prefix(root)
                            .unwrap_or(file)
                            .with_extension("")
                            .display()
                            .to_string()
                    })
                    .collect();
                bail!("no scenario `{path}`; there are {}", names.join(", "));
            }
            files.extend(found);
        }
        files.sort();
        files.dedup();
        Ok(files)
    }
}

fn is_below(file: &Path, folder: &Path) -> bool {
    match (file.canonicalize(), folder.canonicalize()) {
        (Ok(file), Ok(folder)) => file.starts_with(folder),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::VARIABLES;

    #[test]
    fn the_page_on_the_language_names_every_variable_of_the_runner() {
        let page = include_str!("../../../docs/scenarios.md");
        for variable in VARIABLES {
            assert!(page.contains(&format!("`${{{variable}}}`")), "{variable}");
        }
    }
}
