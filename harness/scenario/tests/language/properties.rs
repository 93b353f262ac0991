//! What holds for any text.

use std::path::Path;

use proptest::prelude::*;
use proptest::sample::{Index, select};
use scenario::{Inputs, Problems, REDACTED, Redactor, Scenario, parse_str};
use serde_json::Value as Json;

use crate::binding::scenario;
use crate::steps::{inputs, registry};

/// Right files that name no others.
const RIGHT: [&str; 5] = [
    include_str!("../right/language/toml.toml"),
    include_str!("../right/language/variables.toml"),
    include_str!("../right/language/smallest.toml"),
    include_str!("../right/language/windows.toml"),
    include_str!("../right/expose/gauge.toml"),
];

/// What the language is made of.
const TOKENS: [&str; 40] = [
    "[",
    "]",
    "[[step]]",
    "{",
    "}",
    "=",
    ",",
    ".",
    "\"",
    "'",
    "\"\"\"",
    "'''",
    "\n",
    "\r\n",
    "#",
    "${",
    "}",
    "$${",
    "$",
    "\\",
    "\\u0024",
    "\\e",
    "name",
    "within",
    "for",
    "capture",
    "include",
    "vars",
    "when",
    "sql",
    "records",
    "[vars]",
    "[matrix]",
    "2026-11-22",
    "1e400",
    "-0x1",
    "é",
    "\u{feff}",
    "\u{0}",
    "🎉",
];

#[derive(Clone, Debug)]
enum Change {
    Delete(Index, usize),
    Insert(Index, &'static str),
    Double(Index, usize),
    Swap(Index, Index),
    Put(Index, char),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        (any::<Index>(), 1..40_usize).prop_map(|(at, length)| Change::Delete(at, length)),
        (any::<Index>(), select(&TOKENS[..])).prop_map(|(at, token)| Change::Insert(at, token)),
        (any::<Index>(), 1..40_usize).prop_map(|(at, length)| Change::Double(at, length)),
        (any::<Index>(), any::<Index>()).prop_map(|(one, other)| Change::Swap(one, other)),
        (any::<Index>(), any::<char>()).prop_map(|(at, character)| Change::Put(at, character)),
    ]
}

fn changed(text: &str, changes: &[Change]) -> String {
    let mut text: Vec<char> = text.chars().collect();
    for change in changes {
        if text.is_empty() {
            break;
        }
        let length = text.len();
        match change {
            Change::Delete(at, count) => {
                let at = at.index(length);
                text.drain(at..(at + count).min(length));
            }
            Change::Insert(at, token) => {
                let at = at.index(length);
                text.splice(at..at, token.chars());
            }
            Change::Double(at, count) => {
                let at = at.index(length);
                let again = text[at..(at + count).min(length)].to_vec();
                text.splice(at..at, again);
            }
            Change::Swap(one, other) => text.swap(one.index(length), other.index(length)),
            Change::Put(at, character) => text[at.index(length)] = *character,
        }
    }
    text.into_iter().collect()
}

/// Every place lies in the text, and every problem can be shown.
fn places_are_right(text: &str, problems: &Problems) -> Result<(), TestCaseError> {
    prop_assert!(!problems.is_empty());
    let lines: Vec<&str> = text.split('\n').collect();
    for problem in problems.iter() {
        prop_assert!(problem.span.start <= problem.span.end);
        prop_assert!(problem.span.end <= text.len(), "{:?}", problem.span);
        prop_assert!(text.is_char_boundary(problem.span.start));
        prop_assert!(text.is_char_boundary(problem.span.end));
        let line = lines.get(problem.line - 1);
        let width = line.map_or(0, |line| line.chars().count());
        prop_assert!(line.is_some(), "line {} of {}", problem.line, lines.len());
        prop_assert!(
            problem.column <= width + 1,
            "column {} of {width}",
            problem.column
        );
        for colour in [false, true] {
            let shown = problem.render(colour);
            let place = format!("x/y.toml:{}:{}:", problem.line, problem.column);
            prop_assert!(shown.contains(&place), "{}", shown);
        }
    }
    Ok(())
}

fn bind_all<S>(scenario: &Scenario<S>) {
    for instance in &scenario.instances {
        let vars = instance.vars();
        for step in scenario.steps(instance) {
            // Whether it can be bound does not matter: builtins have no values here.
            let _ = step.bind(&vars);
        }
    }
}

fn never_panics(text: &str) -> Result<(), TestCaseError> {
    let file = Path::new("x/y.toml");
    match parse_str(file, text, &registry(), &inputs("tests/right")) {
        Ok(scenario) => {
            bind_all(&scenario);
            Ok(())
        }
        Err(problems) => places_are_right(text, &problems),
    }
}

/// Any value that JSON has, with text that looks like the language.
fn json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<u64>().prop_map(Json::from),
        any::<f64>()
            .prop_filter("JSON has only finite numbers", |number| number.is_finite())
            .prop_map(Json::from),
        text().prop_map(Json::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Json::from),
            prop::collection::btree_map("[a-z.$]{0,6}", inner, 0..6)
                .prop_map(|object| Json::Object(object.into_iter().collect())),
        ]
    })
}

/// Any text, with what matters to variables in it.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        any::<String>(),
        select(
            &[
                "${",
                "$${",
                "$",
                "}",
                "{",
                "${run.prefix}",
                "\\",
                "\"",
                "\n",
                "\u{7f}"
            ][..]
        )
        .prop_map(str::to_owned),
    ];
    prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

/// A string of TOML: the escapes of JSON, and the one character that JSON does not escape.
fn toml_string(text: &str) -> String {
    Json::from(text).to_string().replace('\u{7f}', "\\u007f")
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read_or_refused(text in any::<String>()) {
        never_panics(&text)?;
    }

    #[test]
    fn any_tokens_are_read_or_refused(tokens in prop::collection::vec(select(&TOKENS[..]), 0..60)) {
        never_panics(&tokens.concat())?;
        never_panics(&tokens.join(" "))?;
    }

    #[test]
    fn any_change_of_a_right_file_is_read_or_refused(
        text in select(&RIGHT[..]),
        changes in prop::collection::vec(change(), 1..8),
    ) {
        never_panics(&changed(text, &changes))?;
    }

    #[test]
    fn escaped_text_comes_out_as_it_went_in(text in text()) {
        let escaped = toml_string(&text.replace("${", "$${"));
        let scenario = scenario(&format!("# X.\n[[step]]\necho = {escaped}"), &Inputs::default());
        let vars = scenario.instances[0].vars();
        let bound = scenario.all_steps()[0].bind(&vars).unwrap();
        prop_assert_eq!(bound.step.0, Json::from(text));
    }

    #[test]
    fn any_value_of_a_variable_comes_out_as_it_went_in(value in json()) {
        let inputs = Inputs::default().with_builtins(["run.value"]);
        let scenario = scenario("# X.\n[vars]\nown = \"${run.value}\"\n[[step]]\necho = [\"${own}\"]", &inputs);
        let mut vars = scenario.instances[0].vars();
        vars.set("run.value", value.clone());
        let bound = scenario.all_steps()[0].bind(&vars).unwrap();
        prop_assert_eq!(&bound.step.0, &Json::from(vec![value.clone()]));
        prop_assert_eq!(vars.get("own"), Some(value));
    }

    #[test]
    fn no_secret_is_left_in_redacted_text(
        secrets in prop::collection::vec(".{1,12}", 1..4),
        parts in prop::collection::vec(any::<String>(), 1..4),
        escaped in any::<bool>(),
    ) {
        let mut text = String::new();
        for (part, secret) in parts.iter().zip(secrets.iter().cycle()) {
            text.push_str(part);
            text.push_str(secret);
        }
        if escaped {
            text = Json::from(text).to_string();
        }
        let shown = Redactor::new(&secrets).redact(&text);
        for left in shown.split(REDACTED) {
            for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
                prop_assert!(!left.contains(secret.as_str()), "{secret:?} in {shown:?}");
            }
        }
    }

    #[test]
    fn no_message_has_a_secret(
        secret in "[A-Z0-9]{6,60}",
        text in select(&RIGHT[..]),
        changes in prop::collection::vec(change(), 0..3),
        place in any::<Index>(),
        given in any::<bool>(),
    ) {
        let value = if given { "x".to_owned() } else { secret.clone() };
        let mut lines: Vec<String> = changed(text, &changes).lines().map(str::to_owned).collect();
        let at = place.index(lines.len() + 1);
        for line in [
            "[[step]]",
            "sql = { text = \"${db_password}\", database = 5, \"${db_password}\" = 1 }",
            "within = \"${db_password}\"",
            "[[step]]",
            "kill = \"${db_password}\"",
        ].iter().rev() {
            lines.insert(at, (*line).to_owned());
        }
        let text = format!("vars.db_password = \"{value}\"\n# X.\n{}", lines.join("\n"));
        let mut inputs = inputs("tests/right");
        if given {
            inputs = inputs.with_variable("db_password", &secret);
        }
        if let Err(problems) = parse_str(Path::new("x/y.toml"), &text, &registry(), &inputs) {
            for shown in [problems.to_string(), serde_json::to_string(&problems).unwrap()] {
                prop_assert!(!shown.contains(&secret), "{shown}");
                // A message shortens long text: not even the beginning may be left.
                prop_assert!(!shown.contains(&secret[..6]), "{shown}");
            }
        }
    }
}
