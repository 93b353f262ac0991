//! The system's Java.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::error::Error;

/// The oldest Java that Kafka 4's broker and Connect, and Debezium 3, run on.
pub const OLDEST_MAJOR: u32 = 17;

/// A Java that the lab can use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Java {
    /// The `java` program.
    pub program: PathBuf,
    /// Its version as it calls it, such as `17.0.15`.
    pub version: String,
    /// The first number of it that means something: 8 for `1.8.0_402`, 17 for `17.0.15`.
    pub major: u32,
}

/// `$JAVA_HOME/bin/java` if that variable is set, else `java` on the PATH.
///
/// # Errors
/// There is none, or it is older than [`OLDEST_MAJOR`].
pub fn locate() -> Result<Java, Error> {
    let home = std::env::var_os("JAVA_HOME").filter(|home| !home.is_empty());
    let program = match home {
        Some(home) => PathBuf::from(home).join("bin/java"),
        None => which::which("java").map_err(|_| Error::ProgramMissing {
            program: "java",
            remedy: "install a JRE of version 17 or later (Debian, Ubuntu: `apt-get install default-jre-headless`; Nix: `nix develop`), or let JAVA_HOME point at one",
        })?,
    };
    check(program)
}

/// Looks at one program. The file `release` beside it says the version at once; a JVM takes 50 ms to say it.
fn check(program: PathBuf) -> Result<Java, Error> {
    let unusable = |problem: String| Error::JavaUnusable {
        program: program.clone(),
        problem,
    };
    let real = fs::canonicalize(&program).map_err(|error| unusable(error.to_string()))?;
    let version = match version_in_release(&real) {
        Some(version) => version,
        None => ask(&program).map_err(&unusable)?,
    };
    let major =
        major(&version).ok_or_else(|| unusable(format!("it calls itself version {version:?}")))?;
    if major < OLDEST_MAJOR {
        return Err(unusable(format!("it is version {version}")));
    }
    Ok(Java {
        program,
        version,
        major,
    })
}

/// `JAVA_VERSION="17.0.15"` in the file `release` of a Java home.
fn version_in_release(program: &Path) -> Option<String> {
    let release = fs::read_to_string(program.parent()?.parent()?.join("release")).ok()?;
    let value = release
        .lines()
        .find_map(|line| line.strip_prefix("JAVA_VERSION="))?;
    Some(value.trim().trim_matches('"').to_owned())
}

/// `java -version` prints `openjdk version "17.0.15" 2025-04-15` on its standard error, perhaps below other lines.
fn ask(program: &Path) -> Result<String, String> {
    let output = Command::new(program)
        .arg("-version")
        .output()
        .map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&output.stderr);
    text.split_once("version \"")
        .and_then(|(_, rest)| rest.split_once('"'))
        .map(|(version, _)| version.to_owned())
        .ok_or_else(|| {
            format!(
                "`-version` ended with {} and said {:?}",
                output.status,
                text.trim()
            )
        })
}

/// Up to Java 8 versions began with `1.`.
fn major(version: &str) -> Option<u32> {
    let mut numbers = version.split(|char: char| !char.is_ascii_digit());
    match numbers.next()?.parse().ok()? {
        1 => numbers.next()?.parse().ok(),
        major => Some(major),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[rstest::rstest]
    #[case("17.0.15", Some(17))]
    #[case("21", Some(21))]
    #[case("26-ea", Some(26))]
    #[case("1.8.0_402", Some(8))]
    #[case("", None)]
    #[case("unknown", None)]
    fn the_major_version_is_read(#[case] version: &str, #[case] expected: Option<u32>) {
        assert_eq!(major(version), expected);
    }

    fn java_home(release: Option<&str>, says: &str) -> tempfile::TempDir {
        let home = tempfile::tempdir().unwrap();
        let program = home.path().join("bin/java");
        fs::create_dir(home.path().join("bin")).unwrap();
        fs::write(&program, format!("#!/bin/sh\necho '{says}' >&2\n")).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        if let Some(release) = release {
            fs::write(home.path().join("release"), release).unwrap();
        }
        home
    }

    #[rstest::rstest]
    #[case::by_its_release_file(Some("IMPLEMENTOR=\"Debian\"\nJAVA_VERSION=\"21.0.1\"\n"), "")]
    #[case::by_asking(
        None,
        "Picked up JAVA_TOOL_OPTIONS: -Xmx1g\nopenjdk version \"21.0.1\" 2023-10-17"
    )]
    fn a_java_says_its_version(#[case] release: Option<&str>, #[case] says: &str) {
        let home = java_home(release, says);
        let java = check(home.path().join("bin/java")).unwrap();
        assert_eq!((java.version.as_str(), java.major), ("21.0.1", 21));
    }

    #[rstest::rstest]
    #[case::too_old("java version \"1.8.0_402\"", "it is version 1.8.0_402")]
    #[case::broken("cannot open shared object file", "cannot open shared object file")]
    fn a_useless_java_is_named_with_the_remedy(#[case] says: &str, #[case] problem: &str) {
        let home = java_home(None, says);
        let error = check(home.path().join("bin/java")).unwrap_err().to_string();
        assert!(
            error.contains(problem)
                && error.contains("version 17 or later")
                && error.contains("bin/java"),
            "{error}"
        );
    }
}
