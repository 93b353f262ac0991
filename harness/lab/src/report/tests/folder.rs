//! A report stays in its folder.

use std::fs;
use std::os::unix::fs::symlink;

use super::samples::suite;
use crate::report::write;

/// It was written to where a link in the folder led.
#[test]
fn links_are_replaced_and_not_followed() {
    let place = tempfile::tempdir().unwrap();
    let precious = place.path().join("precious");
    fs::write(&precious, "precious").unwrap();
    let report = place.path().join("report");
    fs::create_dir(&report).unwrap();
    let names = ["report.html", "report.json", "junit.xml"];
    for name in names {
        symlink(&precious, report.join(name)).unwrap();
    }
    write(&suite(), &report).unwrap();
    assert_eq!(fs::read_to_string(&precious).unwrap(), "precious");
    assert!(names.iter().all(|name| !report.join(name).is_symlink()));
    assert_eq!(fs::read_dir(&report).unwrap().count(), names.len());
}
