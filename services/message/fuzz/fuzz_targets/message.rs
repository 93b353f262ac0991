//! Any bytes are read or refused, as the reference does; what is read writes to the same again.
#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let reference = message::reference(bytes);
    let parsed = message::parse(bytes);
    assert_eq!(format!("{parsed:?}"), format!("{reference:?}"));
    let Ok(message) = parsed else { return };
    let entries: BTreeMap<usize, _> = message.metrics.iter().enumerate().collect();
    let Ok(written) = serde_json::to_vec(&entries) else { panic!("a metric cannot be written") };
    let Ok(again) = message::parse(&written) else { panic!("what was written cannot be read") };
    assert_eq!(again.refused.len(), 0);
    assert_eq!(again.metrics.len(), message.metrics.len());
});
