//! Any text is a lock of our components or is refused; what it names stays below the folder that it is fetched to.
#![no_main]

use std::path::{Component, Path};

use libfuzzer_sys::fuzz_target;
use stack::components::Lock;

const COMPONENTS: &str = include_str!("../../../../components/components.json");

fuzz_target!(|text: &str| {
    let Ok(lock) = Lock::parse(COMPONENTS, text) else { return };
    for id in lock.all() {
        let Ok(pinned) = lock.pinned(&id) else { panic!("{id} is listed and not pinned") };
        for file in &pinned.files {
            let mut parts = Path::new(&file.path).components();
            assert!(parts.all(|part| matches!(part, Component::Normal(_))), "{}", file.path);
        }
    }
});
