//! `lab diff-versions`

use crate::support::Lab;

const ORIGINAL: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../scenarios/cdc/pg-connector.json"
);

#[test]
fn the_original_connector_loses_deleted_by_an_upgrade() {
    let lab = Lab::new();
    let ended = lab.run(&[
        "diff-versions",
        ORIGINAL,
        "--from",
        "2.7.4",
        "--to",
        "3.7.0",
    ]);
    assert_eq!(ended.status, Some(1), "{ended:?}");
    let of = |mark: char| {
        let lines = ended
            .stdout
            .lines()
            .filter(move |line| line.starts_with(mark));
        lines.collect::<Vec<_>>().join("\n")
    };
    let (from, to) = (of('-'), of('+'));
    assert!(from.contains(r#""__deleted":"true""#), "{ended:?}");
    assert!(from.contains("tombstone"), "{ended:?}");
    assert!(
        !to.contains("__deleted") && !to.contains("tombstone"),
        "{ended:?}"
    );
    // Neither version sends the truncate, and both send the table that was not meant.
    assert!(!ended.stdout.contains(r#""op":"t""#), "{ended:?}");
    assert!(ended.stdout.contains("PREFIX.public.orders"), "{ended:?}");
}

#[test]
fn input_that_is_wrong_is_said_before_anything_runs() {
    let lab = Lab::new();
    let diff =
        |file: &str, to: &str| lab.run(&["diff-versions", file, "--from", "2.7.4", "--to", to]);
    diff(ORIGINAL, "3.1.0").assert_says(2, &["there is no Debezium 3.1.0 to run", "2.7.4.Final"]);
    let lines = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/lint/good/lines-of-a-file.json"
    );
    diff(lines, "3.7.0").assert_says(2, &["no connector of Debezium for Postgres"]);
    diff("/nothing.json", "3.7.0").assert_says(2, &["cannot read /nothing.json"]);
}
