//! Maven coordinates, and the path of an artifact in a Maven repository.

use std::fmt;

use super::error::Error;

/// `group:artifact:version[:type[:classifier]]`.
///
/// The path form is Maven's default repository layout: the group with slashes, artifact, version, and
/// `artifact-version[-classifier].type`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Coordinates {
    /// The group, with dots.
    pub group: String,
    /// The artifact.
    pub artifact: String,
    /// The version.
    pub version: String,
    /// The type, which is the file's extension for every artifact the lab knows: `jar`, `tar.gz`.
    pub kind: String,
    /// The classifier, such as `plugin` or `linux-x86_64`.
    pub classifier: Option<String>,
}

impl Coordinates {
    /// Reads `group:artifact:version[:type[:classifier]]`.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let bad = || Error::BadData {
            file: "components.json".into(),
            problem: format!(
                "{text:?} is not of the form group:artifact:version[:type[:classifier]]"
            ),
            remedy: "correct it",
        };
        let parts: Vec<&str> = text.split(':').collect();
        let (&[group, artifact, version], rest) = parts.split_first_chunk().ok_or_else(bad)?;
        let (kind, classifier) = match rest {
            [] => ("jar", None),
            [kind] => (*kind, None),
            [kind, classifier] => (*kind, Some(*classifier)),
            _ => return Err(bad()),
        };
        if !parts.iter().all(|part| is_plain(part)) {
            return Err(bad());
        }
        Ok(Coordinates {
            group: group.into(),
            artifact: artifact.into(),
            version: version.into(),
            kind: kind.into(),
            classifier: classifier.map(Into::into),
        })
    }

    /// The inverse of [`Coordinates::path`]; `None` if the path is not one of a repository.
    pub fn from_path(path: &str) -> Option<Self> {
        let parts: Vec<&str> = path.split('/').collect();
        let (group, &[artifact, version, file]) = parts.split_last_chunk()?;
        if group.is_empty() || !parts.iter().all(|part| is_plain(part)) {
            return None;
        }
        let rest = file
            .strip_prefix(artifact)?
            .strip_prefix('-')?
            .strip_prefix(version)?;
        let (classifier, kind) = match rest.strip_prefix('-') {
            Some(rest) => rest
                .split_once('.')
                .map(|(classifier, kind)| (Some(classifier), kind))?,
            None => (None, rest.strip_prefix('.')?),
        };
        if kind.is_empty() || classifier.is_some_and(str::is_empty) {
            return None;
        }
        Some(Coordinates {
            group: group.join("."),
            artifact: artifact.into(),
            version: version.into(),
            kind: kind.into(),
            classifier: classifier.map(Into::into),
        })
    }

    /// The path of the file below the root of a repository.
    pub fn path(&self) -> String {
        let Coordinates {
            group,
            artifact,
            version,
            kind,
            classifier,
        } = self;
        let group = group.replace('.', "/");
        let classifier = classifier
            .as_ref()
            .map_or(String::new(), |classifier| format!("-{classifier}"));
        format!("{group}/{artifact}/{version}/{artifact}-{version}{classifier}.{kind}")
    }

    /// As others name it: a package URL of type maven.
    pub fn purl(&self) -> String {
        let Coordinates {
            group,
            artifact,
            version,
            kind,
            classifier,
        } = self;
        let classifier = classifier.as_ref().map_or(String::new(), |classifier| {
            format!("classifier={classifier}&")
        });
        format!("pkg:maven/{group}/{artifact}@{version}?{classifier}type={kind}")
    }
}

impl fmt::Display for Coordinates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Coordinates {
            group,
            artifact,
            version,
            kind,
            classifier,
        } = self;
        write!(f, "{group}:{artifact}:{version}:{kind}")?;
        classifier
            .as_ref()
            .map_or(Ok(()), |classifier| write!(f, ":{classifier}"))
    }
}

/// Only characters that mean nothing to XML, to a shell or to a path. Maven's own rule for ids is stricter still.
fn is_plain(part: &str) -> bool {
    !part.is_empty()
        && part != "."
        && part != ".."
        && part
            .chars()
            .all(|char| char.is_ascii_alphanumeric() || "._-+".contains(char))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[rstest::rstest]
    #[case(
        "org.apache.kafka:kafka_2.13:3.9.2",
        "org/apache/kafka/kafka_2.13/3.9.2/kafka_2.13-3.9.2.jar"
    )]
    #[case(
        "io.debezium:debezium-connector-postgres:3.7.0.Final:tar.gz:plugin",
        "io/debezium/debezium-connector-postgres/3.7.0.Final/debezium-connector-postgres-3.7.0.Final-plugin.tar.gz"
    )]
    #[case(
        "io.netty:netty-transport-native-epoll:4.1.119.Final:jar:linux-x86_64",
        "io/netty/netty-transport-native-epoll/4.1.119.Final/netty-transport-native-epoll-4.1.119.Final-linux-x86_64.jar"
    )]
    fn coordinates_and_path_say_the_same(#[case] text: &str, #[case] path: &str) {
        let coordinates = Coordinates::parse(text).unwrap();
        assert_eq!(coordinates.path(), path);
        assert_eq!(Coordinates::from_path(path), Some(coordinates));
    }

    #[rstest::rstest]
    #[case("")]
    #[case("a:b")]
    #[case("a:b:1:jar:c:d")]
    #[case("a:b:../../etc")]
    #[case("a:..:1")]
    #[case("a:b:1</version>")]
    fn other_forms_are_refused(#[case] text: &str) {
        assert!(Coordinates::parse(text).is_err());
    }

    #[rstest::rstest]
    #[case("b/1/b-1.jar")]
    #[case("a/b/1/b-2.jar")]
    #[case("a/b/1/b-1")]
    #[case("../b/1/b-1.jar")]
    #[case("/a/b/1/b-1.jar")]
    fn other_paths_are_refused(#[case] path: &str) {
        assert_eq!(Coordinates::from_path(path), None);
    }
}
