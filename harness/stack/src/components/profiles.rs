//! `components/profiles.json`: what each profile of the stack is made of, where it is not the default version.

use std::collections::BTreeMap;

use super::error::Error;
use crate::profile::Profile;

/// Versions by component of a profile.
///
/// # Errors
/// When the file that was built in has another form.
pub fn versions(profile: Profile) -> Result<BTreeMap<String, String>, Error> {
    let bad = |problem: String| Error::BadData {
        file: "profiles.json".into(),
        problem,
        remedy: "correct it",
    };
    let text = include_str!("../../../../components/profiles.json");
    let mut all: BTreeMap<Profile, BTreeMap<String, String>> =
        serde_json::from_str(text).map_err(|error| bad(error.to_string()))?;
    all.remove(&profile)
        .ok_or_else(|| bad(format!("it has no profile {profile}")))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::components::Lock;

    #[test]
    fn every_profile_names_what_the_lock_has_and_a_kafka_of_its_own() {
        let lock = Lock::embedded().unwrap();
        let mut kafkas = Vec::new();
        for profile in Profile::ALL {
            let versions = versions(profile).unwrap();
            for (component, version) in &versions {
                lock.resolve(component, Some(version)).unwrap();
            }
            kafkas.push(versions["kafka"].clone());
        }
        kafkas.dedup();
        assert_eq!(kafkas.len(), Profile::ALL.len());
    }

    #[test]
    fn the_default_profile_is_made_of_default_versions() {
        let lock = Lock::embedded().unwrap();
        for (component, version) in versions(Profile::default()).unwrap() {
            assert_eq!(lock.resolve(&component, None).unwrap().version(), version);
        }
    }
}
