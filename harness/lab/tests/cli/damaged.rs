//! A component that is not what the lock says is found before anything starts.

use std::fs;
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::support::Lab;

/// The cache that the tests run on.
fn cache() -> PathBuf {
    let named = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    named("LAB_CACHE_DIR")
        .or_else(|| named("XDG_CACHE_HOME").map(|dir| dir.join("kafka-connect-lab")))
        .or_else(|| named("HOME").map(|home| home.join(".cache/kafka-connect-lab")))
        .unwrap()
}

/// The same files in another place, by links, but for one, which is a copy with its middle byte flipped, its size and time
/// kept. Not what is half-way into the cache, and gone a moment later.
fn flipped_copy(from: &Path, to: &Path, flip: &dyn Fn(&Path) -> bool) -> PathBuf {
    let mut flipped = None;
    let entries = walkdir::WalkDir::new(from)
        .into_iter()
        .filter_entry(|entry| entry.path() != from.join("tmp"));
    for entry in entries.map(Result::unwrap) {
        let place = to.join(entry.path().strip_prefix(from).unwrap());
        if entry.file_type().is_dir() {
            fs::create_dir_all(&place).unwrap();
        } else if flipped.is_none() && flip(entry.path()) {
            fs::copy(entry.path(), &place).unwrap();
            let before = fs::metadata(entry.path()).unwrap();
            let mut file = fs::File::options()
                .read(true)
                .write(true)
                .open(&place)
                .unwrap();
            file.seek(SeekFrom::Start(before.len() / 2)).unwrap();
            let mut byte = [0];
            file.read_exact(&mut byte).unwrap();
            file.seek(SeekFrom::Start(before.len() / 2)).unwrap();
            file.write_all(&[byte[0] ^ 1]).unwrap();
            file.set_modified(before.modified().unwrap()).unwrap();
            flipped = Some(place);
        } else if entry.file_type().is_symlink() {
            symlink(fs::read_link(entry.path()).unwrap(), &place).unwrap();
        } else {
            fs::hard_link(entry.path(), &place)
                .or_else(|_| fs::copy(entry.path(), &place).map(drop))
                .unwrap();
        }
    }
    flipped.expect("a file to flip")
}

fn refuses(flip: &dyn Fn(&Path) -> bool, services: &[&str]) {
    let lab = Lab::new();
    // Complete, before it is copied.
    assert_eq!(lab.run(&["fetch", "kafka", "postgres"]).status, Some(0));
    let source = cache();
    // On the same file system, so that links do.
    let copy = tempfile::Builder::new()
        .prefix("copy-")
        .tempdir_in(source.parent().unwrap())
        .unwrap();
    let flipped = flipped_copy(&source, copy.path(), flip);
    let lab = {
        drop(lab);
        Lab::new().with("LAB_CACHE_DIR", copy.path().display().to_string())
    };
    let ended = lab.run(&[&["up"], services].concat());
    ended.assert_says(2, &[flipped.file_name().unwrap().to_str().unwrap()]);
    assert!(
        !ended.stderr.contains("ready after"),
        "something was started: {}",
        ended.stderr
    );
    assert!(!flipped.exists(), "it is still there");
    lab.assert_nothing_left(&[], "after a refusal");
}

#[test]
fn a_flipped_byte_of_a_jar() {
    refuses(&|path| path.ends_with("kafka_2.13-3.9.2.jar"), &["kafka"]);
}

#[test]
fn a_flipped_byte_of_an_unpacked_tree() {
    refuses(&|path| path.ends_with("tree/bin/postgres"), &["postgres"]);
}
