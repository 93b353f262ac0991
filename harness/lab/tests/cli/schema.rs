//! The schema that editors use.

use crate::support::Lab;

#[test]
fn the_committed_schema_is_current() {
    let committed = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scenario.schema.json");
    let printed = Lab::new().run(&["schema"]).stdout;
    assert!(
        std::fs::read_to_string(committed).unwrap() == printed,
        "scenario.schema.json is not what the steps are now: `./lab schema > scenario.schema.json`"
    );
}
