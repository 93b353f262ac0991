//! What a stack is made of, where there is a choice.

use std::collections::BTreeMap;

use crate::components::{ComponentId, Error, Lock, profiles};
use crate::profile::Profile;

/// The profile and the versions of a stack. Two scenarios can share a stack when theirs are the same.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Flavour {
    /// Where Kafka keeps its metadata, and with that which Kafka it is.
    pub profile: Profile,
    /// Versions by component that somebody asked for.
    pub versions: BTreeMap<String, String>,
}

impl Flavour {
    /// The profile, everything in its usual version.
    pub fn of(profile: Profile) -> Self {
        Self {
            profile,
            versions: BTreeMap::new(),
        }
    }

    /// The component in the version that was asked for, else in that of the profile, else in its default version.
    ///
    /// # Errors
    /// When the lock has no such component or version.
    pub fn resolve(&self, lock: &Lock, component: &str) -> Result<ComponentId, Error> {
        let of_profile = profiles::versions(self.profile)?;
        let version = self
            .versions
            .get(component)
            .or_else(|| of_profile.get(component));
        lock.resolve(component, version.map(String::as_str))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::default(Profile::Zookeeper, None, "kafka", "3.9.2")]
    #[case::of_the_profile(Profile::Kraft, None, "kafka", "4.3.1")]
    #[case::default_of_the_lock(Profile::Kraft, None, "debezium-postgres", "3.7.0.Final")]
    #[case::asked_for(
        Profile::Kraft,
        Some("2.7.4.Final"),
        "debezium-postgres",
        "2.7.4.Final"
    )]
    fn who_asks_comes_first(
        #[case] profile: Profile,
        #[case] asked: Option<&str>,
        #[case] component: &str,
        #[case] expected: &str,
    ) {
        let mut flavour = Flavour::of(profile);
        let asked = asked.map(|version| (component.to_owned(), version.to_owned()));
        flavour.versions.extend(asked);
        let id = flavour
            .resolve(&Lock::embedded().unwrap(), component)
            .unwrap();
        assert_eq!(id.version(), expected);
    }

    #[test]
    fn a_version_that_the_lock_lacks_is_named_with_those_that_it_has() {
        let mut flavour = Flavour::default();
        flavour.versions.insert("kafka".into(), "2.0".into());
        let error = flavour
            .resolve(&Lock::embedded().unwrap(), "kafka")
            .unwrap_err()
            .to_string();
        assert!(error.contains("2.0") && error.contains("4.3.1"), "{error}");
    }
}
