//! A process that fetches, for tests that kill it, or that need another user, another disk or no network.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use stack::components::{Cache, Lock, NoProgress};

use crate::sample::told;

const DATA: &str = "LAB_TEST_DATA";
const MARK: &str = "worker: ";

/// The command line of a process that fetches and verifies everything in a lock, as the lab does before a start.
pub fn arguments() -> Vec<OsString> {
    let program = std::env::current_exe().unwrap();
    let words = ["--exact", "worker::process", "--ignored", "--nocapture"];
    std::iter::once(program.into())
        .chain(words.map(OsString::from))
        .collect()
}

/// Tells the process where `components.json` and `lock.json` are, where the cache is, and perhaps a further source.
pub fn equip(command: &mut Command, data: &Path, cache: &Path, maven_dir: Option<&Path>) {
    command.env(DATA, data).env("LAB_CACHE_DIR", cache);
    match maven_dir {
        Some(dir) => command.env("LAB_MAVEN_DIR", dir),
        None => command.env_remove("LAB_MAVEN_DIR"),
    };
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
}

/// The process, to be spawned.
pub fn command(data: &Path, cache: &Path, maven_dir: Option<&Path>) -> Command {
    let words = arguments();
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]);
    equip(&mut command, data, cache, maven_dir);
    command
}

/// What the process said: nothing, or the error as the user would read it. Panics if it never came to say anything.
pub fn said(output: &Output) -> Result<(), String> {
    let text = String::from_utf8_lossy(&output.stdout);
    let Some((_, rest)) = text.split_once(MARK) else {
        panic!("the process said nothing: {output:?}");
    };
    if rest.starts_with("good\n") {
        Ok(())
    } else {
        Err(rest.to_owned())
    }
}

#[test]
#[ignore = "other tests start it as a process of its own"]
fn process() {
    let Some(data) = std::env::var_os(DATA).map(PathBuf::from) else {
        println!("nothing to do: {DATA} says what");
        return;
    };
    let read = |name| fs::read_to_string(data.join(name)).unwrap();
    let lock = Lock::parse(&read("components.json"), &read("lock.json")).unwrap();
    let ids = lock.all();
    let result = Cache::open(lock).and_then(|cache| {
        cache.ensure(&ids, &NoProgress)?;
        cache.verify_all(&ids)
    });
    match result {
        Ok(_) => println!("\n{MARK}good"),
        Err(error) => println!("\n{MARK}{}", told(&error)),
    }
}
