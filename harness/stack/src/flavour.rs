//! What a stack is made of, where there is a choice.

use std::collections::BTreeMap;

use crate::components::{ComponentId, Error, Lock, profiles};
use crate::profile::Profile;
use crate::security::Security;
use crate::services::ServiceName;

/// Debezium's JDBC sink, a plugin of Connect.
pub const JDBC: &str = "debezium-jdbc";

/// Components that services can do without.
pub(crate) const OPTIONAL: [&str; 1] = [JDBC];

/// The profile and the versions of a stack. Two scenarios can share a stack when theirs are the same.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Flavour {
    /// Where Kafka keeps its metadata, and with that which Kafka it is.
    pub profile: Profile,
    /// Versions by component that somebody asked for. A component that services can do without is there only when it is
    /// among them.
    pub versions: BTreeMap<String, String>,
    /// Brokers and workers.
    pub size: Size,
    /// Whether its parts believe each other.
    pub security: Security,
}

/// How many brokers and workers a stack has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size {
    /// One, or [`Size::BROKERS`]: topics then have three replicas, of which two have to have a record.
    pub brokers: u8,
    /// One, or [`Size::WORKERS`].
    pub workers: u8,
}

impl Default for Size {
    fn default() -> Self {
        Self {
            brokers: 1,
            workers: 1,
        }
    }
}

impl Size {
    /// Brokers of a stack that can lose one.
    pub const BROKERS: u8 = 3;
    /// Workers of a stack that can lose one.
    pub const WORKERS: u8 = 2;

    /// Whether it goes so far: `kafka-3` is there where there are three brokers.
    pub fn has(self, service: ServiceName) -> bool {
        let (kind, number) = service.instance();
        let most = match kind {
            ServiceName::Kafka => self.brokers,
            ServiceName::Connect => self.workers,
            _ => 1,
        };
        number <= u16::from(most)
    }

    /// What has to be said for a stack with this service, and how many: `brokers` and 3 for `kafka-2`.
    pub fn that_has(service: ServiceName) -> (&'static str, u8) {
        match service.kind() {
            ServiceName::Connect => ("workers", Self::WORKERS),
            _ => ("brokers", Self::BROKERS),
        }
    }

    /// Services with the others of their kind.
    pub(crate) fn complete(self, members: &[ServiceName]) -> Vec<ServiceName> {
        let is_member =
            |service: &ServiceName| members.contains(&service.kind()) && self.has(*service);
        ServiceName::ALL.into_iter().filter(is_member).collect()
    }
}

impl Flavour {
    /// The profile, everything in its usual version.
    pub fn of(profile: Profile) -> Self {
        Self {
            profile,
            ..Self::default()
        }
    }

    /// With Debezium's JDBC sink, in its default version.
    ///
    /// # Errors
    /// When the lock has none.
    pub fn with_jdbc(mut self, lock: &Lock) -> Result<Self, Error> {
        let sink = lock.resolve(JDBC, None)?;
        let version = sink.version().to_owned();
        self.versions.insert(JDBC.to_owned(), version);
        Ok(self)
    }

    /// Takes in what the other has, when one stack can be both: where nothing but components differs that services can do
    /// without. Gives whether it did.
    pub fn join(&mut self, other: &Self) -> bool {
        let musts = |flavour: &Self| {
            let mut versions = flavour.versions.clone();
            versions.retain(|component, _| !OPTIONAL.contains(&component.as_str()));
            versions
        };
        let agree = |component: &str| {
            let pair = (self.versions.get(component), other.versions.get(component));
            pair.0.is_none() || pair.1.is_none() || pair.0 == pair.1
        };
        let joins = self.profile == other.profile
            && self.size == other.size
            && self.security == other.security
            && musts(self) == musts(other)
            && OPTIONAL.into_iter().all(agree);
        if joins {
            self.versions.extend(other.versions.clone());
        }
        joins
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

    #[rstest]
    #[case::nothing("", "", Some(""))]
    #[case::one_wants_more("", "debezium-jdbc=3.6", Some("debezium-jdbc=3.6"))]
    #[case::the_other_does("debezium-jdbc=3.6", "", Some("debezium-jdbc=3.6"))]
    #[case::both("debezium-jdbc=3.6", "debezium-jdbc=3.6", Some("debezium-jdbc=3.6"))]
    #[case::in_two_versions("debezium-jdbc=3.6", "debezium-jdbc=3.7", None)]
    #[case::a_must_in_two_versions("debezium-postgres=2.7", "", None)]
    #[case::beside_a_must(
        "debezium-postgres=2.7",
        "debezium-postgres=2.7 debezium-jdbc=3.6",
        Some("debezium-jdbc=3.6 debezium-postgres=2.7")
    )]
    fn one_stack_has_what_either_can_do_without(
        #[case] first: &str,
        #[case] second: &str,
        #[case] joined: Option<&str>,
    ) {
        let flavour = |text: &str| {
            let mut flavour = Flavour::default();
            let pairs = text
                .split_whitespace()
                .map(|pair| pair.split_once('=').unwrap());
            flavour
                .versions
                .extend(pairs.map(|(c, v)| (c.to_owned(), v.to_owned())));
            flavour
        };
        let mut one = flavour(first);
        assert_eq!(one.join(&flavour(second)), joined.is_some());
        assert_eq!(one, flavour(joined.unwrap_or(first)));
    }

    #[rstest]
    #[case::one_of_each(1, 1, "zookeeper kafka connect")]
    #[case::several(3, 2, "zookeeper kafka kafka-2 kafka-3 connect connect-2")]
    fn a_size_adds_to_what_is_there(
        #[case] brokers: u8,
        #[case] workers: u8,
        #[case] expected: &str,
    ) {
        let members = ServiceName::closure([ServiceName::Connect], Profile::Zookeeper);
        let size = Size { brokers, workers };
        let names: Vec<_> = size
            .complete(&members)
            .into_iter()
            .map(ServiceName::as_str)
            .collect();
        assert_eq!(names.join(" "), expected);
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
