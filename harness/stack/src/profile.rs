//! The two ways in which Kafka keeps its metadata, and so the two kinds of stack.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::services::ServiceName;

/// Where Kafka keeps its metadata. Which version of Kafka that is stands in `components/profiles.json`.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// In ZooKeeper, which is a service of its own. Kafka 3.9 is the last line that can.
    #[default]
    Zookeeper,
    /// In Kafka itself: broker and controller in one process.
    Kraft,
}

impl Profile {
    /// All of them, the default first.
    pub const ALL: [Self; 2] = [Self::Zookeeper, Self::Kraft];

    /// The name as on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Zookeeper => "zookeeper",
            Self::Kraft => "kraft",
        }
    }

    /// Whether a stack of this profile can have the service.
    pub fn has(self, service: ServiceName) -> bool {
        service != ServiceName::Zookeeper || self == Self::Zookeeper
    }

    /// Every service that a stack of this profile can have, one of each kind.
    pub fn services(self) -> Vec<ServiceName> {
        let all = ServiceName::ALL.into_iter();
        all.filter(|service| self.has(*service) && service.kind() == *service)
            .collect()
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

impl FromStr for Profile {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|profile| profile.as_str() == text)
            .ok_or_else(|| {
                let known = Self::ALL.map(Self::as_str).join(", ");
                format!("there is no profile `{text}`; there are {known}")
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_stack_with_zookeeper_has_it() {
        let mut services = Profile::Zookeeper.services();
        assert!(services.contains(&ServiceName::Zookeeper));
        services.retain(|service| *service != ServiceName::Zookeeper);
        assert_eq!(Profile::Kraft.services(), services);
    }

    #[test]
    fn a_profile_is_known_by_its_name() {
        for profile in Profile::ALL {
            assert_eq!(profile.as_str().parse(), Ok(profile));
        }
        assert_eq!(
            "raft".parse::<Profile>(),
            Err("there is no profile `raft`; there are zookeeper, kraft".to_owned())
        );
    }
}
