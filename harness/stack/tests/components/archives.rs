//! An archive that would write outside of its place, or that is not what it should be, is refused as a whole.

use std::collections::BTreeMap;
use std::fs;

use rstest::rstest;
use stack::components::{Entry, Manifest, NoProgress, Sri};
use tar::EntryType;

use crate::sample::{Sample, gzip, told};

/// A tar entry with a name that `tar::Builder` would refuse to write.
fn entry(tar: &mut tar::Builder<Vec<u8>>, name: &str, kind: EntryType, link: &str, content: &[u8]) {
    let mut header = tar::Header::new_ustar();
    let fields = header.as_ustar_mut().unwrap();
    fields.name[..name.len()].copy_from_slice(name.as_bytes());
    fields.linkname[..link.len()].copy_from_slice(link.as_bytes());
    header.set_entry_type(kind);
    header.set_mode(0o644);
    header.set_size(content.len() as u64);
    header.set_cksum();
    tar.append(&header, content).unwrap();
}

type Entries = &'static [(&'static str, EntryType, &'static str)];
const FILE: EntryType = EntryType::Regular;
const LINK: EntryType = EntryType::Symlink;

#[rstest]
#[case::climbs(&[("../escaped", FILE, "")], "leads out")]
#[case::climbs_later(&[("a/../../escaped", FILE, "")], "leads out")]
#[case::absolute(&[("/tmp/escaped", FILE, "")], "leads out")]
#[case::link_out(&[("link", LINK, "../escaped")], "link that leads out")]
#[case::absolute_link(&[("link", LINK, "/etc")], "link that leads out")]
#[case::links_that_lead_out_together(&[("dir/up", LINK, ".."), ("out", LINK, "dir/up/../escaped")], "link that leads out")]
#[case::links_that_lead_out_together_from_below(&[("d/e/up", LINK, "../.."), ("d/e/out", LINK, "up/../escaped")], "link that leads out")]
#[case::file_below_a_link(&[("dir/x", FILE, ""), ("link", LINK, "dir"), ("link/escaped", FILE, "")], "below something that is not a directory")]
#[case::file_below_a_file(&[("dir", FILE, ""), ("dir/escaped", FILE, "")], "below something that is not a directory")]
#[case::file_in_place_of_a_link(&[("link", LINK, "dir"), ("link", FILE, "")], "there twice")]
#[case::hard_link(&[("hard", EntryType::Link, "/etc/passwd")], "neither a directory")]
#[case::character_device(&[("null", EntryType::Char, "")], "neither a directory")]
#[case::block_device(&[("disk", EntryType::Block, "")], "neither a directory")]
#[case::named_pipe(&[("pipe", EntryType::Fifo, "")], "neither a directory")]
#[case::control_character(&[("a\nfile\t0644", FILE, "")], "leads out")]
fn a_hostile_archive_is_refused(#[case] entries: Entries, #[case] problem: &str) {
    let mut tar = tar::Builder::new(Vec::new());
    for (name, kind, link) in entries {
        entry(&mut tar, name, *kind, link, b"");
    }
    let sample = Sample::with_archive(&gzip(&tar.into_inner().unwrap()), &Manifest::default());
    let error = sample
        .fetched()
        .ensure(&[sample.plugin()], &NoProgress)
        .unwrap_err();
    let message = told(&error);
    assert!(
        message.contains(problem) && message.contains("plugin-1.tar.gz is refused"),
        "{message}"
    );
    let (name, ..) = entries.last().unwrap();
    assert!(message.contains(&format!("{name:?}")), "{message}");
    assert!(!sample.cache_dir().join("trees").exists());
    let beside: Vec<_> = fs::read_dir(sample.dir.path())
        .unwrap()
        .map(|found| found.unwrap().file_name())
        .collect();
    assert!(!beside.iter().any(|name| name == "escaped"), "{beside:?}");
}

/// Positions in which a real archive could be cut: inside of the first header, of a file, before the end.
#[rstest]
#[case(0)]
#[case(20)]
#[case(300)]
#[case(2000)]
fn a_truncated_archive_is_refused(#[case] length: usize) {
    let noise = crate::sample::noise(4000);
    let mut whole = crate::sample::tar_gz(&[("a/b", &noise, false)]);
    whole.truncate(length);
    let file = Entry::File {
        executable: false,
        size: 4000,
        sha256: Sri::of(&noise),
    };
    let manifest = Manifest(BTreeMap::from([
        ("a".into(), Entry::Dir),
        ("a/b".into(), file),
    ]));
    let sample = Sample::with_archive(&whole, &manifest);
    let error = sample
        .fetched()
        .ensure(&[sample.plugin()], &NoProgress)
        .unwrap_err();
    assert!(told(&error).contains("plugin-1.tar.gz"), "{}", told(&error));
    assert!(!sample.cache_dir().join("trees").exists());
}

#[test]
fn an_archive_with_other_files_than_the_lock_says_is_refused() {
    let archive = crate::sample::tar_gz(&[("a", b"content", false)]);
    let sample = Sample::with_archive(&archive, &Manifest(BTreeMap::new()));
    let message = told(
        &sample
            .fetched()
            .ensure(&[sample.plugin()], &NoProgress)
            .unwrap_err(),
    );
    assert!(message.contains("plugin 1, unpacked"), "{message}");
}
