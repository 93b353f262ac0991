//! Whatever is not as the lock says is named and deleted before anything starts.

use std::fs::{self, File};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use rstest::rstest;
use stack::components::{Deleted, Error, NoProgress, Wrong};

use crate::sample::Sample;

/// Changes one byte and nothing else: size and times stay.
fn flip(path: &Path) {
    let before = fs::metadata(path).unwrap();
    let mut bytes = fs::read(path).unwrap();
    bytes[0] ^= 1;
    fs::write(path, bytes).unwrap();
    let file = File::options().write(true).open(path).unwrap();
    file.set_modified(before.modified().unwrap()).unwrap();
    let after = fs::metadata(path).unwrap();
    assert_eq!(
        (after.len(), after.modified().unwrap()),
        (before.len(), before.modified().unwrap())
    );
}

#[test]
fn what_was_fetched_is_found_right() {
    let sample = Sample::new();
    let cache = sample.fetched();
    cache.ensure(&sample.both(), &NoProgress).unwrap();
    let installed = cache.verify_all(&sample.both()).unwrap();
    let class_path = installed[0].class_path().into_string().unwrap();
    let names: Vec<&str> = class_path
        .split(':')
        .map(|jar| jar.rsplit_once('/').unwrap().1)
        .collect();
    assert_eq!(names, ["part-1.jar", "tool-1.jar"]);
    assert_eq!(installed[1].root(), Some(sample.tree().as_path()));
}

#[test]
fn a_flipped_byte_of_a_jar_is_found_and_the_jar_deleted() {
    let sample = Sample::new();
    let cache = sample.fetched();
    let jar = cache.dir().join("maven/org/example/tool/1/tool-1.jar");
    flip(&jar);
    let Err(Error::Refused { damages }) = cache.verify(&sample.tool()) else {
        panic!("the flipped byte was not found");
    };
    assert_eq!(damages.len(), 1);
    assert_eq!(
        (&damages[0].path, &damages[0].deleted),
        (&jar, &Deleted::File)
    );
    assert!(matches!(damages[0].wrong, Wrong::Hash { .. }));
    assert!(!jar.exists());
    assert!(
        jar.with_file_name("../../part/1/part-1.jar").exists(),
        "its neighbour is kept"
    );
}

#[test]
fn the_message_names_the_file_the_component_and_the_remedy() {
    let sample = Sample::new();
    let cache = sample.fetched();
    flip(&cache.dir().join("maven/org/example/tool/1/tool-1.jar"));
    let message = cache.verify(&sample.tool()).unwrap_err().to_string();
    for part in [
        "tool-1.jar is refused",
        "tool 1",
        "deleted",
        "`lab fetch` brings it back",
    ] {
        assert!(message.contains(part), "{part:?} is not in: {message}");
    }
}

#[rstest]
#[case::flipped_byte(|tree: &Path| flip(&tree.join("plugin/lib/a.jar")), "plugin/lib/a.jar", "its hash is")]
#[case::missing_file(|tree: &Path| fs::remove_file(tree.join("plugin/lib/a.jar")).unwrap(), "plugin/lib/a.jar", "is missing")]
#[case::missing_directory(|tree: &Path| fs::remove_dir_all(tree.join("plugin/lib")).unwrap(), "plugin/lib", "is missing")]
#[case::extra_file(|tree: &Path| fs::write(tree.join("plugin/lib/c.jar"), "third").unwrap(), "plugin/lib/c.jar", "does not belong")]
#[case::extra_directory(|tree: &Path| fs::create_dir(tree.join("other")).unwrap(), "other", "does not belong")]
#[case::cut_off(|tree: &Path| fs::write(tree.join("plugin/lib/a.jar"), "fir").unwrap(), "plugin/lib/a.jar", "its size is 3 bytes")]
#[case::other_mode(|tree: &Path| fs::set_permissions(tree.join("plugin/bin/run"), fs::Permissions::from_mode(0o644)).unwrap(), "plugin/bin/run", "its mode is 0644")]
#[case::link_to_the_same_content(|tree: &Path| {
    fs::rename(tree.join("plugin/lib/a.jar"), tree.join("../aside")).unwrap();
    symlink("../../../aside", tree.join("plugin/lib/a.jar")).unwrap();
}, "plugin/lib/a.jar", "not the kind of file")]
#[case::flipped_manifest(|tree: &Path| flip(&tree.join("../manifest")), "manifest", "its hash is")]
#[case::missing_manifest(|tree: &Path| fs::remove_file(tree.join("../manifest")).unwrap(), "manifest", "is missing")]
fn a_changed_tree_is_found_and_deleted_as_a_whole(
    #[case] harm: fn(&Path),
    #[case] file: &str,
    #[case] what: &str,
) {
    let sample = Sample::new();
    let cache = sample.fetched();
    cache.ensure(&sample.both(), &NoProgress).unwrap();
    let tree = sample.tree();
    harm(&tree);
    let Err(error @ Error::Refused { .. }) = cache.verify(&sample.plugin()) else {
        panic!("it was not found");
    };
    let message = error.to_string();
    assert!(
        message.contains(&format!("{file} is refused")) && message.contains(what),
        "{message}"
    );
    assert!(
        message.contains("its unpacked tree is deleted"),
        "{message}"
    );
    assert!(!tree.exists());

    // The archive is still there: mending it takes no Maven.
    cache.ensure(&sample.both(), &NoProgress).unwrap();
    cache.verify_all(&sample.both()).unwrap();
}

#[test]
fn damage_of_several_components_is_told_at_once() {
    let sample = Sample::new();
    let cache = sample.fetched();
    cache.ensure(&sample.both(), &NoProgress).unwrap();
    flip(&cache.dir().join("maven/org/example/tool/1/tool-1.jar"));
    flip(&cache.dir().join("maven/org/example/part/1/part-1.jar"));
    flip(&sample.tree().join("plugin/lib/b.jar"));
    let message = cache.verify_all(&sample.both()).unwrap_err().to_string();
    for file in ["part-1.jar", "tool-1.jar", "b.jar"] {
        assert!(message.contains(&format!("{file} is refused")), "{message}");
    }
}

#[test]
fn a_missing_jar_is_not_called_damaged() {
    let sample = Sample::new();
    let cache = sample.fetched();
    fs::remove_file(cache.dir().join("maven/org/example/tool/1/tool-1.jar")).unwrap();
    let message = cache.verify(&sample.tool()).unwrap_err().to_string();
    assert_eq!(
        message,
        "tool 1 is not complete: 1 of its files is missing, the first is org/example/tool/1/tool-1.jar; run `lab fetch`"
    );
}

#[test]
fn an_archive_is_proven_before_it_is_unpacked() {
    let sample = Sample::new();
    let cache = sample.fetched();
    let archive = cache
        .dir()
        .join("maven/org/example/plugin/1/plugin-1.tar.gz");
    flip(&archive);
    let plan = cache.plan(&[sample.plugin()]).unwrap();
    assert_eq!(plan.refused.len(), 1);
    assert_eq!(plan.refused[0].path, archive);
    assert_eq!(plan.files.len(), 1, "it is fetched again");
    // Here there is no Maven to fetch it: what must not happen is that it is unpacked.
    cache.ensure(&[sample.plugin()], &NoProgress).unwrap_err();
    assert!(!cache.dir().join("trees").exists());
}

#[test]
fn a_named_pipe_in_place_of_a_jar_does_not_block() {
    let sample = Sample::new();
    let cache = sample.fetched();
    let jar = cache.dir().join("maven/org/example/tool/1/tool-1.jar");
    fs::remove_file(&jar).unwrap();
    nix::unistd::mkfifo(&jar, nix::sys::stat::Mode::S_IRUSR).unwrap();
    let message = cache.verify(&sample.tool()).unwrap_err().to_string();
    assert!(message.contains("not the kind of file"), "{message}");
}

#[test]
fn nothing_is_ever_written_into_a_further_source() {
    let sample = Sample::new();
    let cache = sample.without_maven().with_maven_dir(sample.repository());
    cache.ensure(&sample.both(), &NoProgress).unwrap();
    cache.verify_all(&sample.both()).unwrap();
    let jar = sample.repository().join("org/example/tool/1/tool-1.jar");
    flip(&jar);
    let message = cache.verify(&sample.tool()).unwrap_err().to_string();
    assert!(message.contains("tool-1.jar is refused"), "{message}");
    assert!(
        message.contains("LAB_MAVEN_DIR is not the lab's to change"),
        "{message}"
    );
    assert!(jar.exists());
}

#[test]
fn fetch_tells_of_damage_and_then_mends_it() {
    let sample = Sample::new();
    let cache = sample.fetched();
    cache.ensure(&sample.both(), &NoProgress).unwrap();
    flip(&sample.tree().join("plugin/lib/a.jar"));
    let refused = cache.fetch(&sample.both(), &NoProgress).unwrap();
    assert_eq!(refused.len(), 1);
    cache.verify_all(&sample.both()).unwrap();
}
