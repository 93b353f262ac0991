//! Every file in `tests/wrong` is wrong in what only the actions and checks know, and says so as the snapshot beside it does.
//! After a change that is meant: `INSTA_UPDATE=always cargo test --release -p lab --lib wrong`.

#![allow(clippy::unwrap_used)]

use std::path::Path;

use scenario::{discover, load};

use crate::catalogue::inputs;
use crate::registry::registry;

#[test]
fn every_wrong_file_says_what_is_wrong() {
    let root = Path::new("tests/wrong");
    let (registry, inputs) = (registry().unwrap(), inputs(root).unwrap());
    let files = discover(root).unwrap();
    assert!(files.len() > 5, "only {} files", files.len());
    for file in files {
        let problems = match load(&file, &registry, &inputs) {
            Ok(_) => panic!("nothing is wrong with {}", file.display()),
            Err(problems) => problems.to_string(),
        };
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(file.parent().unwrap());
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path(folder);
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        settings.bind(|| insta::assert_snapshot!(name, problems));
    }
}
