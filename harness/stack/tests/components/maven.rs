//! Fetching through Maven, from the repository that the user's Maven is set up for.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use stack::components::{Cache, ComponentId, Error, Lock, NoProgress};

use crate::sample::{Sample, told};
use crate::{places, worker};

/// A component of the lab itself that is small: two jars and an archive would take longer than the test is worth.
const SMALL: (&str, &str) = ("jmx-agent", "1.0.1");

fn small() -> (Lock, ComponentId) {
    let lock = Lock::embedded().unwrap();
    let id = lock.resolve(SMALL.0, Some(SMALL.1)).unwrap();
    (lock, id)
}

/// Whether there is a Maven; says so if not.
fn maven() -> bool {
    let there = which::which("mvn").is_ok();
    if !there {
        println!("skipped: there is no mvn on the PATH");
    }
    there
}

/// Whether a fetch failed because nothing answered; says so.
fn offline(message: &str) -> bool {
    let signs = [
        "Unknown host",
        "Temporary failure in name resolution",
        "Network is unreachable",
        "Connection refused",
    ];
    let offline = signs.iter().any(|sign| message.contains(sign));
    if offline {
        println!("skipped: no Maven repository can be reached from here\n{message}");
    }
    offline
}

/// `components.json` and `lock.json` with the small component alone, for a process that fetches all there is.
fn small_data(dir: &Path) {
    let only = |text: &str| {
        let mut all: serde_json::Value = serde_json::from_str(text).unwrap();
        let one = all[SMALL.0].take();
        serde_json::json!({ SMALL.0: one }).to_string()
    };
    fs::write(
        dir.join("components.json"),
        only(include_str!("../../../../components/components.json")),
    )
    .unwrap();
    fs::write(
        dir.join("lock.json"),
        only(include_str!("../../../../components/lock.json")),
    )
    .unwrap();
}

#[test]
fn a_component_arrives_complete_and_proven_and_needs_no_network_afterwards() {
    if !maven() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let (lock, id) = small();
    let cache = Cache::at(dir.path().join("cache"), lock.clone());
    assert!(matches!(cache.verify(&id), Err(Error::NotFetched { .. })));
    if let Err(error) = cache.ensure(std::slice::from_ref(&id), &NoProgress) {
        assert!(offline(&told(&error)), "{}", told(&error));
        return;
    }
    let installed = cache.verify(&id).unwrap();
    assert_eq!(installed.jars().len(), 1);
    let left = fs::read_dir(cache.dir().join("tmp")).map_or(0, Iterator::count);
    assert_eq!(left, 0, "Maven's own files are gone");

    let later = Cache::at(dir.path().join("cache"), lock).with_maven("/no/maven".into());
    later.fetch(std::slice::from_ref(&id), &NoProgress).unwrap();

    // Size and time as they were: only its hash can tell.
    let mut bytes = fs::read(&installed.jars()[0]).unwrap();
    bytes[1000] ^= 1;
    fs::write(&installed.jars()[0], bytes).unwrap();
    let refused = cache.fetch(std::slice::from_ref(&id), &NoProgress).unwrap();
    assert_eq!(refused.len(), 1);
    cache.verify(&id).unwrap();
}

#[test]
fn a_file_that_is_not_the_locked_one_is_refused_by_name() {
    if !maven() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let path = "org/slf4j/slf4j-api/1.7.36/slf4j-api-1.7.36.jar";
    let components = r#"{"api": {"about": "", "default": "1", "versions": {"1": {"artifacts": ["org.slf4j:slf4j-api:1.7.36"]}}}}"#;
    // The size is right, so the hash has to tell.
    let lock = format!(
        r#"{{"api": {{"1": {{"files": [{{"path": "{path}", "sha256": "sha256-ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=", "size": 41125}}]}}}}}}"#
    );
    let lock = Lock::parse(components, &lock).unwrap();
    let cache = Cache::at(dir.path().join("cache"), lock.clone());
    let error = cache.ensure(&lock.all(), &NoProgress).unwrap_err();
    if offline(&told(&error)) {
        return;
    }
    let message = error.to_string();
    assert!(
        message.contains(&format!("{path} is refused: its hash is")),
        "{message}"
    );
    assert!(!cache.dir().join("maven").join(path).exists());
}

#[test]
fn killed_fetches_leave_no_maven_behind_and_the_next_one_completes() {
    if !maven() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    small_data(dir.path());
    let cache_dir = dir.path().join("cache");
    let (lock, id) = small();
    let cache = Cache::at(cache_dir.clone(), lock);
    for moment in [300, 900, 1700, 2600] {
        let mut process = worker::command(dir.path(), &cache_dir, None)
            .spawn()
            .unwrap();
        // The moment of the kill is what is tried out.
        std::thread::sleep(Duration::from_millis(moment));
        process.kill().unwrap();
        process.wait().unwrap();
        let started = Instant::now();
        while let Some(line) = process_that_names(&cache_dir) {
            assert!(
                started.elapsed() < Duration::from_secs(5),
                "after {moment} ms this was left: {line}"
            );
            std::thread::yield_now();
        }
        let found = cache.verify(&id);
        assert!(
            matches!(found, Ok(_) | Err(Error::NotFetched { .. })),
            "after {moment} ms: {found:?}"
        );
    }
    if let Err(error) = cache.ensure(std::slice::from_ref(&id), &NoProgress) {
        assert!(offline(&told(&error)), "{}", told(&error));
        return;
    }
    cache.verify(&id).unwrap();
}

/// The command line of a process in which `path` occurs, other than this one.
fn process_that_names(path: &Path) -> Option<String> {
    let path = path.to_str().unwrap();
    fs::read_dir("/proc").unwrap().flatten().find_map(|entry| {
        let line = fs::read(entry.path().join("cmdline")).ok()?;
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        line.contains(path).then_some(line)
    })
}

#[test]
fn two_processes_that_fetch_the_same_both_get_it() {
    if !maven() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    small_data(dir.path());
    let start = || {
        worker::command(dir.path(), &dir.path().join("cache"), None)
            .spawn()
            .unwrap()
    };
    for process in [start(), start()] {
        match worker::said(&process.wait_with_output().unwrap()) {
            Ok(()) => {}
            Err(message) => assert!(offline(&message), "{message}"),
        }
    }
}

#[test]
fn without_network_the_message_says_what_to_do() {
    if !maven() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    small_data(dir.path());
    let probe = Command::new("unshare")
        .args(["--map-root-user", "--net", "true"])
        .output();
    if !probe.as_ref().is_ok_and(|output| output.status.success()) {
        println!("skipped: no network namespace of one's own here ({probe:?})");
        return;
    }
    let mut command = Command::new("unshare");
    command
        .args(["--map-root-user", "--net"])
        .args(worker::arguments());
    worker::equip(&mut command, dir.path(), &dir.path().join("cache"), None);
    let message = worker::said(&command.output().unwrap()).unwrap_err();
    for part in [
        "could not fetch 1 of 1 files",
        "offline",
        "~/.m2/settings.xml",
        "run the same command again",
    ] {
        assert!(message.contains(part), "{part:?} is not in: {message}");
    }
}

#[test]
fn a_disk_that_fills_while_maven_downloads_is_called_full() {
    if !maven() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    small_data(dir.path());
    let cache = dir.path().join("cache");
    let Some(mut command) = places::on_small_disk("2m", &cache) else {
        return;
    };
    worker::equip(&mut command, dir.path(), &cache, None);
    let message = worker::said(&command.output().unwrap()).unwrap_err();
    if offline(&message) {
        return;
    }
    assert!(
        message.contains("no space left for the cache in"),
        "{message}"
    );
    assert!(
        message.contains("set LAB_CACHE_DIR to a directory on a larger disk"),
        "{message}"
    );
}

#[test]
fn a_machine_without_maven_is_told_how_to_get_it() {
    let sample = Sample::new();
    let mut command = worker::command(sample.dir.path(), &sample.cache_dir(), None);
    let java = which::which("java").ok();
    let Some(java) = java.and_then(|java| java.canonicalize().ok()) else {
        println!("skipped: there is no java on the PATH");
        return;
    };
    // A PATH on which there is nothing but Java.
    command
        .env("PATH", java.parent().unwrap())
        .env_remove("JAVA_HOME");
    let message = worker::said(&command.output().unwrap()).unwrap_err();
    assert!(
        message.contains("mvn is not installed") && message.contains("apt-get install maven"),
        "{message}"
    );
}
