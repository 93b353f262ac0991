//! Any text is a scenario or is refused, with words that can be shown.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| lab::fuzzing::scenario(text));
