//! The page of all actions and checks, made from what the reader of scenarios takes: their JSON Schema, and examples that it has
//! read.

mod types;

use std::path::Path;

use anyhow::{Context as _, Result, anyhow};
use scenario::{Kind, Role, Scenario, parse_str};
use serde_json::{Map, Value};

use self::types::Types;
use crate::catalogue::inputs;
use crate::registry::registry;
use crate::runner::AnyStep;

/// A step of each, read as one scenario.
const EXAMPLES: &str = include_str!("manual/examples.toml");

const INTRODUCTION: &str = "# Actions and checks

Everything that a step can name. This page is made by `lab schema --markdown` from what the reader of scenarios takes; a test
compares them. What stands beside an action or check in a step (`name`, `within`, `for`, `capture`, `when`), and what the rest of a
file has: [scenarios.md](scenarios.md).

A key without default is one that may be left out, unless it says *needed*. Wherever a value stands, `\"${variable}\"` may stand
for it.
";

/// The page.
///
/// # Errors
/// When the examples are not as they should be.
pub fn page() -> Result<String> {
    let registry = registry()?;
    let inputs = inputs(Path::new("."))?;
    let examples = parse_str(Path::new("examples.toml"), EXAMPLES, &registry, &inputs)
        .map_err(|problems| anyhow!("the examples are not as they should be:\n{problems}"))?;
    let schema = scenario::schema(&registry);
    let types = Types::new(&schema)?;
    let steps = schema
        .pointer("/properties/step/items/properties")
        .and_then(Value::as_object)
        .context("the schema has no steps")?;

    let mut page = INTRODUCTION.to_owned();
    for (role, title, what) in [
        (Role::Action, "Actions", "An action does something, once."),
        (
            Role::Check,
            "Checks",
            "A check observes until what it expects holds, or `within` is over.",
        ),
    ] {
        let of_role = || registry.kinds().iter().filter(|kind| kind.role == role);
        page.push_str(&format!("\n## {title}\n\n{what}\n\n"));
        for kind in of_role() {
            page.push_str(&format!(
                "- [`{}`](#{}): {}\n",
                kind.key,
                kind.key,
                one_line(kind.summary)
            ));
        }
        for kind in of_role() {
            let schema = steps.get(kind.key).context("a kind has no schema")?;
            page.push_str(&section(kind, schema, &types, &examples));
        }
    }
    Ok(page)
}

fn section<'a>(
    kind: &Kind<AnyStep>,
    schema: &'a Value,
    types: &Types<'a>,
    examples: &Scenario<AnyStep>,
) -> String {
    let mut text = format!("\n### `{}`\n\n{}", kind.key, one_line(kind.summary));
    let definition = types.resolve(schema);
    if let Some(more) = definition.get("description").and_then(Value::as_str)
        && more != kind.summary
    {
        text.push_str(&format!(" {}", one_line(more)));
    }
    if kind.role == Role::Action && kind.captures {
        text.push_str(" What it returns can be captured.");
    }
    text.push_str("\n\n");
    match types.tables(schema).as_slice() {
        [] => text.push_str(&format!("Its value is {}.\n\n", types.words(schema))),
        [first, others @ ..] => {
            let short = types.words(schema);
            if short != "a table" {
                text.push_str(&format!("Its value is {short}; the table has:\n\n"));
            }
            text.push_str(&table(first.properties, &first.required, types));
            for other in others {
                text.push_str(&format!(
                    "\n{}:\n\n{}",
                    other.place,
                    table(other.properties, &other.required, types)
                ));
            }
            text.push('\n');
        }
    }
    text.push_str("```toml\n");
    let shown: Vec<&str> = examples
        .all_steps()
        .iter()
        .filter(|step| step.key == kind.key)
        .map(scenario::Step::written)
        .collect();
    text.push_str(&shown.join("\n\n"));
    text.push_str("\n```\n");
    text
}

/// The keys of a table.
fn table(properties: &Map<String, Value>, required: &[&str], types: &Types<'_>) -> String {
    let mut text = "| key | is | default | meaning |\n|---|---|---|---|\n".to_owned();
    for (key, schema) in properties {
        let default = match schema.get("default") {
            _ if required.contains(&key.as_str()) => "*needed*".to_owned(),
            None | Some(Value::Null) => String::new(),
            Some(Value::Array(items)) if items.is_empty() => String::new(),
            Some(Value::Object(items)) if items.is_empty() => String::new(),
            Some(default) => format!("`{default}`"),
        };
        let meaning = schema.get("description").and_then(Value::as_str);
        let mut meaning = one_line(meaning.unwrap_or_default());
        for (word, about) in types.words_with_meaning(schema) {
            meaning.push_str(&format!(" `{word}`: {}", one_line(about)));
        }
        text.push_str(&format!(
            "| `{key}` | {} | {default} | {} |\n",
            cell(&types.words(schema)),
            cell(meaning.trim())
        ));
    }
    text
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn the_committed_page_is_current() {
        let committed = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../docs/actions-and-checks.md"
        );
        let page = page().unwrap();
        if std::env::var_os("LAB_TEST_WRITE").is_some() {
            std::fs::write(committed, &page).unwrap();
        }
        assert!(
            std::fs::read_to_string(committed).unwrap_or_default() == page,
            "docs/actions-and-checks.md is not what the steps are now: `./lab schema --markdown > docs/actions-and-checks.md`"
        );
    }

    #[test]
    fn every_action_and_check_has_an_example_that_is_read() {
        let registry = registry().unwrap();
        let inputs = inputs(Path::new(".")).unwrap();
        let examples = parse_str(Path::new("examples.toml"), EXAMPLES, &registry, &inputs)
            .unwrap_or_else(|problems| panic!("{problems}"));
        for kind in registry.kinds() {
            let has = |step: &&scenario::Step<AnyStep>| step.key == kind.key;
            assert!(
                examples.all_steps().iter().any(|step| has(&step)),
                "{}",
                kind.key
            );
        }
    }

    #[test]
    fn every_key_says_what_it_is() {
        for line in page()
            .unwrap()
            .lines()
            .filter(|line| line.starts_with("| `"))
        {
            assert!(!line.ends_with("|  |"), "no meaning: {line}");
            assert!(!line.contains("any value | | |"), "{line}");
        }
    }
}
