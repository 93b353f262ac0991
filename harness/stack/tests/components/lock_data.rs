//! The lock that this program is built with.

use rstest::rstest;
use stack::components::{Cache, Catalog, Lock, NoProgress, relock};

#[rstest]
#[case("kafka", "3.9.2", 106)]
#[case("kafka", "4.3.1", 93)]
#[case("debezium-postgres", "3.7.0.Final", 1)]
#[case("debezium-postgres", "2.7.4.Final", 1)]
#[case("debezium-jdbc", "3.6.0.Final", 1)]
#[case("jmx-agent", "1.0.1", 1)]
#[case("postgres", "17.11.0", 1)]
fn is_complete(#[case] name: &str, #[case] version: &str, #[case] files: usize) {
    let lock = Lock::embedded().unwrap();
    let id = lock.resolve(name, Some(version)).unwrap();
    assert_eq!(lock.pinned(&id).unwrap().files.len(), files);
}

#[test]
fn pins_every_version_of_the_catalog() {
    let text = include_str!("../../../../components/lock.json");
    let lock: serde_json::Value = serde_json::from_str(text).unwrap();
    for (name, component) in Catalog::embedded().unwrap().0 {
        for version in component.versions.keys() {
            let files = lock[&name][version]["files"].as_array().unwrap();
            assert!(!files.is_empty(), "{name} {version}");
            for file in files {
                assert!(file["size"].as_u64().unwrap() > 0, "{file}");
                let sha256 = file["sha256"].as_str().unwrap();
                assert!(stack::components::Sri::parse(sha256).is_some(), "{file}");
            }
        }
    }
}

#[test]
fn starts_what_kafka_3_9_needs() {
    let lock = Lock::embedded().unwrap();
    let files = &lock
        .pinned(&lock.resolve("kafka", Some("3.9.2")).unwrap())
        .unwrap()
        .files;
    for jar in [
        "zookeeper-3.8.4.jar",
        "connect-runtime-3.9.2.jar",
        "kafka_2.13-3.9.2.jar",
        "kafka-tools-3.9.2.jar",
    ] {
        assert!(
            files
                .iter()
                .any(|file| file.path.ends_with(&format!("/{jar}"))),
            "{jar}"
        );
    }
}

const COMPONENTS: &str =
    r#"{"a": {"about": "", "default": "1", "versions": {"1": {"artifacts": ["g:a:1"]}}}}"#;
const HASH: &str = "sha256-ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=";
const OTHER: &str = "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";

#[rstest]
#[case::component_missing("{}", "a 1 is not in it")]
#[case::too_much(
    r#"{"a": {"1": {"files": [FILE]}}, "b": {"1": {"files": [FILE]}}}"#,
    "which components.json does not have"
)]
#[case::hexadecimal(
    r#"{"a": {"1": {"files": [{"path": "g/a/1/a-1.jar", "sha256": "ba7816bf", "size": 3}]}}}"#,
    "not of the form sha256-"
)]
#[case::path_that_climbs(
    r#"{"a": {"1": {"files": [FILE, {"path": "../x/1/x-1.jar", "sha256": "HASH", "size": 3}]}}}"#,
    "not a path of a Maven repository"
)]
#[case::named_artifact_missing(r#"{"a": {"1": {"files": []}}}"#, "lacks g/a/1/a-1.jar")]
#[case::tree_without_archive(
    r#"{"a": {"1": {"files": [FILE], "tree": {"files": 1, "sha256": "HASH"}}}}"#,
    "a tree and no archive"
)]
#[case::two_hashes_for_one_file(
    r#"{"a": {"1": {"files": [FILE, {"path": "g/a/1/a-1.jar", "sha256": "OTHER", "size": 3}]}}}"#,
    "two hashes"
)]
fn a_lock_that_cannot_be_right_is_refused(#[case] lock: &str, #[case] problem: &str) {
    let lock = lock
        .replace(
            "FILE",
            r#"{"path": "g/a/1/a-1.jar", "sha256": "HASH", "size": 3}"#,
        )
        .replace("HASH", HASH)
        .replace("OTHER", OTHER);
    let message = Lock::parse(COMPONENTS, &lock).unwrap_err().to_string();
    assert!(
        message.contains(problem) && message.contains("`lab lock`"),
        "{message}"
    );
}

#[test]
fn a_component_for_other_systems_says_which() {
    let components = r#"{"pg-sun": {"about": "", "provides": "pg", "system": "sparc-solaris", "default": "1", "versions": {"1": {"artifacts": ["g:a:1"]}}}}"#;
    let lock = format!(
        r#"{{"pg-sun": {{"1": {{"files": [{{"path": "g/a/1/a-1.jar", "sha256": "{HASH}", "size": 3}}]}}}}}}"#
    );
    let lock = Lock::parse(components, &lock).unwrap();
    let message = lock.resolve("pg", None).unwrap_err().to_string();
    assert!(message.contains("only for: sparc-solaris"), "{message}");
    assert!(lock.all().is_empty());
}

#[rstest]
#[case(
    "kafak",
    None,
    "there is no component \"kafak\"; there are: debezium-jdbc"
)]
#[case(
    "kafka",
    Some("3.9.9"),
    "kafka has no version \"3.9.9\" in components.json; it has: 3.9.2, 4.3.1"
)]
fn a_name_that_is_not_locked_is_told_with_those_that_are(
    #[case] name: &str,
    #[case] version: Option<&str>,
    #[case] expected: &str,
) {
    let message = Lock::embedded()
        .unwrap()
        .resolve(name, version)
        .unwrap_err()
        .to_string();
    assert!(message.starts_with(expected), "{message}");
}

#[test]
#[ignore = "downloads every component anew, some hundred MB"]
fn resolving_everything_anew_gives_the_same_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let cache = Cache::at(dir.path().join("cache"), Lock::embedded().unwrap());
    let components = include_str!("../../../../components/components.json");
    let lock = include_str!("../../../../components/lock.json");
    let anew = relock::regenerate(&cache, components, &NoProgress).unwrap();
    assert!(anew == lock, "{anew}");
}
