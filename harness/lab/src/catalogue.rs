//! Finding and reading scenario files.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow, bail};
use scenario::{FRAGMENTS, Inputs, Problem, Problems, Scenario, discover, load, near_miss};
use stack::components::Lock;
use stack::{Flavour, Profile};

use crate::groups::{DEBEZIUM, JDBC, impossible};
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

/// The scenario, unless its own `[stack]` lacks what its steps want.
fn possible(scenario: Scenario<AnyStep>) -> Result<Scenario<AnyStep>, Problems> {
    let Some((place, why)) = impossible(&scenario) else {
        return Ok(scenario);
    };
    let text = std::fs::read_to_string(&place.file).unwrap_or_default();
    let before = text.split_inclusive('\n').take(place.line - 1);
    let start = before.map(str::len).sum();
    let line = text[start..].lines().next().unwrap_or_default();
    let (message, help) = why.split_once('\n').unwrap_or((&why, ""));
    let problem = Problem::at(&place.file, &text, start..start + line.len(), message);
    Err(problem.help(help).into())
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
    /// Tags of all that could be read, selected or not.
    pub tags: BTreeSet<String>,
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
            let read = load(&path, &registry, &inputs);
            match read.and_then(possible) {
                Ok(scenario) => {
                    loaded.tags.extend(scenario.tags.iter().cloned());
                    if self.has_tag(&scenario) {
                        loaded.scenarios.push(Arc::new(scenario));
                    }
                }
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
        self.selects_something(&loaded)?;
        let instances: Vec<_> = loaded
            .scenarios
            .into_iter()
            .flat_map(|scenario| {
                (0..scenario.instances.len()).map(move |index| Selected {
                    scenario: Arc::clone(&scenario),
                    index,
                    round: 1,
                })
            })
            .collect();
        Ok(instances)
    }

    /// What to tell who has chosen everything, of those that measure or take long.
    pub fn long_ones(&self, selected: &[Selected]) -> Option<String> {
        let chosen = [&self.paths, &self.tags, &self.without_tags];
        let is_long = |one: &&Selected| {
            LONG.iter()
                .any(|tag| one.scenario.tags.iter().any(|own| own == tag))
        };
        let long = selected.iter().filter(is_long).count();
        (long > 0 && chosen.iter().all(|words| words.is_empty())).then(|| {
            format!(
                "{long} of these {} measure throughput or hurt services for minutes: {} leaves them out",
                selected.len(),
                LONG.map(|tag| format!("--without-tag {tag}")).join(" ")
            )
        })
    }

    /// That tags have left a scenario.
    ///
    /// # Errors
    /// When they have not, with the tag that was probably meant.
    pub fn selects_something(&self, loaded: &Loaded) -> Result<()> {
        if !loaded.scenarios.is_empty() || !loaded.problems.is_empty() {
            return Ok(());
        }
        let known = || loaded.tags.iter().map(String::as_str);
        let unknown = self.tags.iter().find(|tag| !loaded.tags.contains(*tag));
        match unknown.map(|tag| (tag, near_miss(tag, known()))) {
            Some((tag, Some(meant))) => {
                bail!(
                    "no scenario is selected: none of those asked for has the tag `{tag}`; did you mean `{meant}`?"
                )
            }
            Some((tag, None)) => bail!(
                "no scenario is selected: none of those asked for has the tag `{tag}`; `lab list` shows them with their tags"
            ),
            None => bail!("no scenario is selected: `lab list` shows them with their tags"),
        }
    }

    fn has_tag(&self, scenario: &Scenario<AnyStep>) -> bool {
        let tagged = |tags: &[String]| scenario.tags.iter().any(|tag| tags.contains(tag));
        (self.tags.is_empty() || tagged(&self.tags)) && !tagged(&self.without_tags)
    }

    fn root(&self) -> Result<PathBuf> {
        if let Some(root) = &self.scenarios {
            if !root.is_dir() {
                bail!(
                    "there is no folder {}, which --scenarios or LAB_SCENARIOS names",
                    root.display()
                );
            }
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
            if path.trim().is_empty() {
                bail!(
                    "an empty PATH names nothing: give a file, a folder or a name such as `cdc/original`, or none for all"
                );
            }
            if given.is_file() {
                is_scenario(given)?;
                files.push(given.to_owned());
                continue;
            }
            let by_name = |file: &PathBuf| {
                let name = name(file, root);
                name == given || name.starts_with(given) || is_below(file, given)
            };
            let all = all()?;
            let found: Vec<PathBuf> = all.iter().filter(|file| by_name(file)).cloned().collect();
            if found.is_empty() {
                return Err(nothing_at(given, root, &all));
            }
            files.extend(found);
        }
        files.sort();
        files.dedup();
        Ok(files)
    }
}

/// `area/name` of a file below the root.
fn name(file: &Path, root: &Path) -> PathBuf {
    file.strip_prefix(root).unwrap_or(file).with_extension("")
}

/// That a file which is named on the command line can be a scenario.
fn is_scenario(file: &Path) -> Result<()> {
    let shown = file.display();
    let extension = file.extension().and_then(|extension| extension.to_str());
    match extension {
        Some("toml") => {}
        Some("json") => bail!(
            "{shown} is a JSON file, and a scenario is a TOML file: `lab lint {shown}` looks at a connector's configuration"
        ),
        _ => bail!("{shown} is no scenario: those are files that end in .toml"),
    }
    if file
        .parent()
        .is_some_and(|folder| folder.ends_with(FRAGMENTS))
    {
        bail!(
            "{shown} has steps to include, and is no scenario: name one that includes it, and it is read with that"
        );
    }
    Ok(())
}

/// That nothing is where a path or name leads, with what was probably meant.
fn nothing_at(given: &Path, root: &Path, all: &[PathBuf]) -> anyhow::Error {
    let shown = given.display();
    if given.exists() {
        return anyhow!(
            "no scenario is in {shown}: they are below {}",
            root.display()
        );
    }
    // As it is named from where the folder of the scenarios stands.
    let folder = root.file_name().unwrap_or_default();
    let wanted = given
        .strip_prefix(root)
        .or_else(|_| given.strip_prefix(folder))
        .unwrap_or(given);
    let wanted = match wanted.extension() {
        Some(extension) if extension == "toml" => wanted.with_extension(""),
        _ => wanted.to_owned(),
    };
    let wanted = wanted.to_string_lossy();
    let names: Vec<String> = all
        .iter()
        .map(|file| name(file, root).to_string_lossy().into_owned())
        .collect();
    let areas: BTreeSet<&str> = names.iter().map(|name| parts(name).0).collect();
    let own = parts(&wanted).1;
    // A name without its area, or with another one.
    let near = near_miss(own, names.iter().map(|name| parts(name).1));
    let elsewhere = names.iter().filter(|name| {
        let of_this = parts(name).1;
        of_this == own || near.as_deref() == Some(of_this)
    });
    let mut meant: Vec<String> = Vec::new();
    for name in near_miss(&wanted, areas)
        .into_iter()
        .chain(near_miss(&wanted, names.iter().map(String::as_str)))
        .chain(elsewhere.cloned())
    {
        if !meant.contains(&name) {
            meant.push(name);
        }
    }
    meant.truncate(MOST_MEANT);
    if meant.is_empty() && given.extension().is_some() {
        anyhow!("there is no file {shown}; `lab list` shows all scenarios")
    } else if meant.is_empty() {
        anyhow!("no scenario `{shown}`: `lab list` shows them all")
    } else {
        let meant: Vec<String> = meant.iter().map(|name| format!("`{name}`")).collect();
        anyhow!(
            "no scenario `{shown}`; did you mean {}?",
            meant.join(" or ")
        )
    }
}

/// The area of a scenario's name, and what follows it.
fn parts(name: &str) -> (&str, &str) {
    name.split_once('/').unwrap_or(("", name))
}

/// How many names are worth offering for one that is wrong.
const MOST_MEANT: usize = 3;

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
