//! What a scenario gets from outside its file.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::redact::is_secret_name;

/// What [`load`](crate::load) knows beside the file.
#[derive(Clone, Debug, Default)]
pub struct Inputs {
    /// The scenarios' root: no path in a scenario leads out of it. Where it is missing, or the file is not in it, that
    /// is the folder of the file.
    pub root: Option<PathBuf>,
    /// Values for variables that `[vars]` declares, as text: they take the type that the declaration has. Names that a
    /// scenario does not declare are ignored there ([`Scenario::declares`](crate::Scenario::declares)).
    pub variables: BTreeMap<String, String>,
    /// The environment, for `${env.NAME}`. `None` where it does not matter, as when files are only validated: each such
    /// variable is then defined, with an unknown value.
    pub environment: Option<BTreeMap<String, String>>,
    /// Variables that the runner sets before the first step, such as `run.prefix`. Names have a dot: those without
    /// belong to the scenarios.
    pub builtins: Vec<String>,
    /// The stack's profiles, which `skip` and `[stack]` can name.
    pub profiles: Vec<Profile>,
    /// Versions that there are, by key of `[stack]`; those of Kafka go with the profiles.
    pub versions: BTreeMap<String, Vec<String>>,
}

/// A profile of the stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Its name.
    pub name: String,
    /// The version of Kafka that it has.
    pub kafka: String,
}

impl Inputs {
    /// Inputs for the scenarios below a root.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self {
            root: Some(root.into()),
            ..Self::default()
        }
    }

    /// With the environment of this process. Variables whose name or value is not UTF-8 are left out.
    #[must_use]
    pub fn with_process_environment(mut self) -> Self {
        self.environment = Some(
            std::env::vars_os()
                .filter_map(|(name, value)| {
                    Some((name.into_string().ok()?, value.into_string().ok()?))
                })
                .collect(),
        );
        self
    }

    /// With a value for a variable, as the command line gives it.
    #[must_use]
    pub fn with_variable(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.variables.insert(name.into(), value.into());
        self
    }

    /// Values of secrets in the variables and the environment.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = String> {
        let given = self
            .variables
            .iter()
            .chain(self.environment.iter().flatten());
        given
            .filter(|(name, _)| is_secret_name(name))
            .map(|(_, value)| value.clone())
    }

    /// With the names of variables that the runner sets.
    #[must_use]
    pub fn with_builtins<T: Into<String>>(mut self, names: impl IntoIterator<Item = T>) -> Self {
        self.builtins.extend(names.into_iter().map(Into::into));
        self
    }
}
