//! Any text is a connector's configuration or is refused; what is found in it can be shown, and a migration is a configuration again.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| lab::fuzzing::connector(text));
