//! What is fuzzed (`harness/lab/fuzz`): what reads files that others wrote.

// Without its own data the lab would be of no use: that is for a fuzzer to say, too.
#![allow(clippy::expect_used)]

use std::path::Path;
use std::sync::LazyLock;

use scenario::{Inputs, Registry, parse_str};

use crate::lint::{Case, Definitions, Document, check, fixed, left, truncates};
use crate::runner::{AnyStep, VARIABLES};

static REGISTRY: LazyLock<Registry<AnyStep>> =
    LazyLock::new(|| crate::registry::registry().expect("there are actions and checks"));
static DEFINITIONS: LazyLock<Definitions> =
    LazyLock::new(|| Definitions::recorded(None).expect("there are recorded definitions"));

/// Reads a scenario. What is wrong with it can be shown.
pub fn scenario(text: &str) {
    let inputs = Inputs::default().with_builtins(VARIABLES);
    if let Err(problems) = parse_str(Path::new("fuzzed.toml"), text, &REGISTRY, &inputs) {
        assert!(!problems.is_empty());
        drop(problems.render(false));
    }
}

/// Looks at a connector. What is found can be shown, and what `--fix` prints is a connector.
pub fn connector(text: &str) {
    let Ok(mut document) = Document::parse(Path::new("fuzzed.json"), text) else {
        return;
    };
    document.hide_passwords(&DEFINITIONS);
    let Ok(case) = Case::new(&document, &DEFINITIONS) else {
        return;
    };
    let findings = check(&case);
    for finding in &findings {
        drop(finding.render(&document, false));
        drop(finding.json(&document));
    }
    let migrated = fixed(&case, &findings);
    left(&case, &migrated).expect("a migrated connector is one");
    if let Some(second) = truncates(&case, &migrated) {
        left(&case, &second).expect("the connector for truncates is one");
    }
}
