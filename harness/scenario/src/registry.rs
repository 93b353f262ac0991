//! The actions and checks that steps can name.

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::DeserializeOwned;

use crate::node::Node;
use crate::problem::Problems;
use crate::read::{Context, read};

/// Whether a step does something or asserts something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// It changes the system, once.
    Action,
    /// It observes the system until what it expects holds.
    Check,
}

/// One action or check: the key of the steps that name it, and how its arguments are read.
///
/// `S` is what all of them become, usually `Box<dyn …>` of the runner's trait.
pub struct Kind<S> {
    /// The key of a step.
    pub key: &'static str,
    /// Action or check.
    pub role: Role,
    /// One sentence, for the schema and for editors.
    pub summary: &'static str,
    /// What a stack must be capable of, such as `control`.
    pub needs: &'static [&'static str],
    /// What its arguments add to that, variables not yet put in.
    pub needs_of: fn(&serde_json::Value) -> Vec<&'static str>,
    /// Whether steps may say `capture`.
    pub captures: bool,
    /// The argument that names a process which the step starts.
    pub(crate) starts: Option<&'static str>,
    /// The arguments that name a process which an earlier step starts.
    pub(crate) names: Option<Names>,
    parse: ParseArguments<S>,
    schema: fn(&mut SchemaGenerator) -> Schema,
}

/// Where arguments name a process of the scenario's own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Names {
    /// Key of the argument; none where the argument itself is the name.
    pub(crate) key: Option<&'static str>,
    /// Whether a name is that of such a process, and not of something that is there anyway.
    pub(crate) is_own: fn(&str) -> bool,
}

type ParseArguments<S> = fn(&Node, Context<'_>) -> Result<Option<S>, Problems>;

impl<S> Clone for Kind<S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for Kind<S> {}

impl<S> fmt::Debug for Kind<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Kind")
            .field("key", &self.key)
            .field("role", &self.role)
            .finish()
    }
}

impl<S> Kind<S> {
    /// An action whose arguments are a `T`.
    #[must_use]
    pub const fn action<T>(key: &'static str, summary: &'static str) -> Self
    where
        T: DeserializeOwned + JsonSchema + Into<S>,
    {
        Self {
            key,
            role: Role::Action,
            summary,
            needs: &[],
            needs_of: |_| Vec::new(),
            captures: false,
            starts: None,
            names: None,
            parse: |node, context| read::<T>(node, context).map(|step| step.map(Into::into)),
            schema: SchemaGenerator::subschema_for::<T>,
        }
    }

    /// A check whose arguments are a `T`.
    #[must_use]
    pub const fn check<T>(key: &'static str, summary: &'static str) -> Self
    where
        T: DeserializeOwned + JsonSchema + Into<S>,
    {
        Self {
            role: Role::Check,
            captures: true,
            ..Self::action::<T>(key, summary)
        }
    }

    /// The same kind, for stacks with these capabilities only.
    #[must_use]
    pub const fn needs(self, needs: &'static [&'static str]) -> Self {
        Self { needs, ..self }
    }

    /// The same kind, where arguments may add to what a stack must be capable of.
    #[must_use]
    pub const fn needs_of(self, needs_of: fn(&serde_json::Value) -> Vec<&'static str>) -> Self {
        Self { needs_of, ..self }
    }

    /// The same kind, whose steps may say `capture`. Checks may without this.
    #[must_use]
    pub const fn captures(self) -> Self {
        Self {
            captures: true,
            ..self
        }
    }

    /// The same kind, which starts a process with the name that the argument `key` gives, where it is given.
    #[must_use]
    pub const fn starts(self, key: &'static str) -> Self {
        Self {
            starts: Some(key),
            ..self
        }
    }

    /// The same kind, whose argument (that of `key`, where there are several) may name a process that an earlier step
    /// [starts](Self::starts): one whose name `is_own`.
    #[must_use]
    pub const fn names(self, key: Option<&'static str>, is_own: fn(&str) -> bool) -> Self {
        Self {
            names: Some(Names { key, is_own }),
            ..self
        }
    }

    /// The JSON Schema of the arguments.
    pub fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        (self.schema)(generator)
    }

    pub(crate) fn parse(&self, node: &Node, context: Context<'_>) -> Result<Option<S>, Problems> {
        (self.parse)(node, context)
    }
}

/// Every kind of step that scenarios can name, in the order in which they are listed.
#[derive(Debug)]
pub struct Registry<S> {
    kinds: Vec<Kind<S>>,
}

/// A registry that no scenario could be read with.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum RegistryError {
    /// Two kinds have one key.
    #[error("two actions or checks are named `{0}`")]
    Twice(&'static str),
    /// A key that every step can have.
    #[error("`{0}` is a key of every step and cannot name an action or check")]
    Reserved(&'static str),
}

/// The keys of a step that name neither action nor check.
pub(crate) const STEP_KEYS: [&str; 7] = [
    "name", "when", "within", "for", "capture", "include", "vars",
];

impl<S> Registry<S> {
    /// A registry of these kinds.
    ///
    /// # Errors
    /// When a key names two kinds, or is one that every step can have.
    pub fn new(kinds: impl IntoIterator<Item = Kind<S>>) -> Result<Self, RegistryError> {
        let mut registry = Self { kinds: Vec::new() };
        for kind in kinds {
            if STEP_KEYS.contains(&kind.key) {
                return Err(RegistryError::Reserved(kind.key));
            }
            if registry.get(kind.key).is_some() {
                return Err(RegistryError::Twice(kind.key));
            }
            registry.kinds.push(kind);
        }
        Ok(registry)
    }

    /// The kinds in order.
    #[must_use]
    pub fn kinds(&self) -> &[Kind<S>] {
        &self.kinds
    }

    /// The kind that a key names.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Kind<S>> {
        self.kinds.iter().find(|kind| kind.key == key)
    }

    pub(crate) fn keys(&self) -> Vec<&'static str> {
        self.kinds.iter().map(|kind| kind.key).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{Kind, Registry, RegistryError, Role, STEP_KEYS};
    use rstest::rstest;

    fn kind(key: &'static str) -> Kind<String> {
        Kind::action::<String>(key, "Does nothing.")
    }

    #[rstest]
    #[case::twice(["sql", "sql"], RegistryError::Twice("sql"))]
    #[case::key_of_every_step(["sql", "within"], RegistryError::Reserved("within"))]
    fn refuses(#[case] keys: [&'static str; 2], #[case] expected: RegistryError) {
        assert_eq!(Registry::new(keys.map(kind)).unwrap_err(), expected);
    }

    #[test]
    fn every_key_of_a_step_is_reserved() {
        for key in STEP_KEYS {
            assert_eq!(
                Registry::new([kind(key)]).unwrap_err(),
                RegistryError::Reserved(key)
            );
        }
    }

    #[test]
    fn checks_capture_and_actions_do_not() {
        let check = Kind::<String>::check::<String>("rows", "Rows.");
        assert_eq!((check.role, check.captures), (Role::Check, true));
        assert!(!kind("sql").captures);
        assert!(kind("sql").captures().captures);
    }
}
