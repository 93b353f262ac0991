//! Directories that cannot be used, or not any more: the message says what to do.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use stack::components::NoProgress;

use crate::sample::Sample;
use crate::worker;

/// Anyone but root: permissions do not hold root back.
const NOBODY: u32 = 65534;

/// The fetch as an ordinary user, who may not be the one who runs the tests.
fn as_ordinary_user(command: &mut Command) -> Option<Result<(), String>> {
    if nix::unistd::geteuid().is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    match command.output() {
        Ok(output) => Some(worker::said(&output)),
        Err(error) => {
            println!("skipped: another user may not start the test program ({error})");
            None
        }
    }
}

#[test]
fn a_complete_cache_may_be_read_only() {
    let sample = Sample::new();
    let cache = sample.fetched();
    cache.ensure(&sample.both(), &NoProgress).unwrap();
    read_only(cache.dir());
    let mut command = worker::command(sample.dir.path(), cache.dir(), None);
    let said = as_ordinary_user(&mut command);
    writable(cache.dir());
    assert_eq!(said.unwrap_or(Ok(())), Ok(()));
}

#[test]
fn a_cache_that_lacks_something_and_is_read_only_says_what_to_do() {
    let sample = Sample::new();
    let cache = sample.fetched();
    read_only(cache.dir());
    let mut command = worker::command(sample.dir.path(), cache.dir(), None);
    let said = as_ordinary_user(&mut command);
    writable(cache.dir());
    let Some(said) = said else { return };
    let message = said.unwrap_err();
    assert!(
        message.contains(&cache.dir().display().to_string()),
        "{message}"
    );
    assert!(
        message.contains("set LAB_CACHE_DIR to a directory that you may write to"),
        "{message}"
    );
}

#[test]
fn damage_in_a_read_only_cache_is_told_though_it_cannot_be_deleted() {
    let sample = Sample::new();
    let cache = sample.fetched();
    cache.ensure(&sample.both(), &NoProgress).unwrap();
    let file = sample.tree().join("plugin/lib/a.jar");
    fs::write(&file, b"FIRST").unwrap();
    read_only(cache.dir());
    let mut command = worker::command(sample.dir.path(), cache.dir(), None);
    let said = as_ordinary_user(&mut command);
    writable(cache.dir());
    let Some(said) = said else { return };
    let message = said.unwrap_err();
    assert!(message.contains("a.jar is refused"), "{message}");
    assert!(message.contains("deleting it failed"), "{message}");
}

fn each_directory(dir: &Path, mode: u32) {
    for found in walkdir::WalkDir::new(dir).contents_first(true) {
        let found = found.unwrap();
        if found.file_type().is_dir() {
            fs::set_permissions(found.path(), fs::Permissions::from_mode(mode)).unwrap();
        }
    }
}

fn read_only(dir: &Path) {
    each_directory(dir, 0o555);
}

/// So that the directory can be removed.
fn writable(dir: &Path) {
    for found in walkdir::WalkDir::new(dir) {
        let found = found.unwrap();
        if found.file_type().is_dir() {
            fs::set_permissions(found.path(), fs::Permissions::from_mode(0o755)).unwrap();
        }
    }
}

/// A command in which `$1` is the cache, on a file system of its own of a given size, where the kernel allows that.
pub fn on_small_disk(size: &str, cache: &Path) -> Option<Command> {
    fs::create_dir_all(cache).unwrap();
    let unshare = |script: &str| {
        let mut command = Command::new("unshare");
        command
            .args(["--map-root-user", "--mount", "sh", "-ec", script, "sh"])
            .arg(cache)
            .arg(format!("size={size}"));
        command
    };
    const MOUNT: &str = r#"mount -t tmpfs -o "$2" tmpfs "$1""#;
    match unshare(MOUNT).output() {
        Ok(output) if output.status.success() => {
            let mut command = unshare(&format!(r#"{MOUNT}; shift 2; exec "$@""#));
            command.args(worker::arguments());
            Some(command)
        }
        Ok(output) => {
            let why = String::from_utf8_lossy(&output.stderr).into_owned();
            println!("skipped: no file system of one's own here ({})", why.trim());
            None
        }
        Err(error) => {
            println!("skipped: no unshare here ({error})");
            None
        }
    }
}

#[test]
fn a_full_disk_is_told_with_the_remedy() {
    let sample = Sample::with_files(&[("plugin/large", &[7; 3_000_000], false)]);
    let Some(mut command) = on_small_disk("1m", &sample.cache_dir()) else {
        return;
    };
    worker::equip(
        &mut command,
        sample.dir.path(),
        &sample.cache_dir(),
        Some(&sample.repository()),
    );
    let message = worker::said(&command.output().unwrap()).unwrap_err();
    for part in [
        "plugin",
        "No space left on device",
        "set LAB_CACHE_DIR to a directory on a larger disk",
    ] {
        assert!(message.contains(part), "{part:?} is not in: {message}");
    }
}

fn with_variables(sample: &Sample, variables: &[(&str, &OsStr)]) -> Result<(), String> {
    let mut command = worker::command(
        sample.dir.path(),
        &sample.cache_dir(),
        Some(&sample.repository()),
    );
    command.current_dir(sample.dir.path());
    command.envs(variables.iter().copied());
    worker::said(&command.output().unwrap())
}

#[test]
fn a_source_that_does_not_exist_is_not_ignored() {
    let message =
        with_variables(&Sample::new(), &[("LAB_MAVEN_DIR", "/nowhere".as_ref())]).unwrap_err();
    assert!(
        message.starts_with("LAB_MAVEN_DIR names /nowhere, which is not a directory"),
        "{message}"
    );
}

#[test]
fn a_colon_would_break_the_class_path() {
    let sample = Sample::new();
    let dir = sample.dir.path().join("a:b");
    let message = with_variables(&sample, &[("LAB_CACHE_DIR", dir.as_ref())]).unwrap_err();
    assert!(message.contains("a:b, which has a colon"), "{message}");
    assert!(!dir.exists());
}

#[test]
fn a_cache_that_cannot_be_written_names_the_variables_that_choose_another() {
    let sample = Sample::new();
    let message =
        with_variables(&sample, &[("LAB_CACHE_DIR", "/proc/nothing".as_ref())]).unwrap_err();
    assert!(
        message.starts_with("the cache cannot be in /proc/nothing: set LAB_CACHE_DIR"),
        "{message}"
    );
}

#[test]
fn relative_directories_and_spaces_are_fine() {
    let sample = Sample::new();
    let variables: [(&str, &OsStr); 2] = [
        ("LAB_CACHE_DIR", "of mine/cache".as_ref()),
        ("LAB_MAVEN_DIR", "repository".as_ref()),
    ];
    assert_eq!(with_variables(&sample, &variables), Ok(()));
    assert!(sample.dir.path().join("of mine/cache/trees").exists());
}

/// As on NixOS, where binaries that were built for other systems do not run.
#[test]
fn an_installed_component_takes_the_place_of_the_locked_one() {
    let sample = Sample::new();
    let lock = sample.lock_with_variable("LAB_TEST_PLUGIN_DIR");
    let installed = sample.dir.path().join("installed");
    fs::create_dir(&installed).unwrap();
    let variables: [(&str, &OsStr); 2] = [
        ("LAB_TEST_PLUGIN_DIR", installed.as_ref()),
        ("LAB_TEST_DATA", lock.as_ref()),
    ];
    assert_eq!(with_variables(&sample, &variables), Ok(()));
    let unpacked = sample.cache_dir().join("trees");
    assert!(!unpacked.exists(), "the locked one was unpacked too");

    fs::remove_dir(&installed).unwrap();
    let message = with_variables(&sample, &variables).unwrap_err();
    assert!(
        message.starts_with("LAB_TEST_PLUGIN_DIR names"),
        "{message}"
    );
}
