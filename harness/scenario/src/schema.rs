//! The JSON Schema of scenario files, for editors and for checks that need no laboratory.

use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value as Json, json};

use crate::load::Head;
use crate::registry::{Registry, Role};
use crate::scenario::{DefaultSettings, ExpectFailure, StackSettings, StepSettings, When};

/// A variable alone, which takes the type of its value.
const VARIABLE: &str = r"^\$\{[A-Za-z_][A-Za-z0-9_.-]*\}$";

/// The JSON Schema (draft 2020-12) of scenario files with the actions and checks of a registry.
///
/// It is as strict as the loader about keys, and as lenient about values as variables make it: where a number, a
/// boolean or one of several words is expected, `"${name}"` is allowed too.
#[must_use]
pub fn schema<S>(registry: &Registry<S>) -> Json {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let mut top = properties::<Head>(&mut generator);
    let variables = json!({
        "type": "object",
        "propertyNames": { "pattern": "^[A-Za-z_][A-Za-z0-9_-]*$" }
    });
    let axis = json!({
        "type": "array", "minItems": 1, "uniqueItems": true,
        "items": { "type": ["string", "number", "boolean"] }
    });
    let axes = json!({
        "type": "object",
        "propertyNames": { "pattern": "^[A-Za-z_][A-Za-z0-9_-]*$" },
        "additionalProperties": axis,
        "description": "Axes with their values. The scenario runs once for each combination."
    });
    top.insert(
        "vars".into(),
        described(
            &variables,
            "Variables with their values. The command line can set them.",
        ),
    );
    top.insert(
        "defaults".into(),
        generator.subschema_for::<DefaultSettings>().to_value(),
    );
    top.insert("matrix".into(), axes);
    top.insert(
        "expect_failure".into(),
        generator.subschema_for::<ExpectFailure>().to_value(),
    );
    top.insert(
        "stack".into(),
        generator.subschema_for::<StackSettings>().to_value(),
    );
    let step = step(registry, &mut generator, &variables);
    top.insert(
        "step".into(),
        json!({ "type": "array", "minItems": 1, "items": step }),
    );

    let mut definitions = generator.take_definitions(true);
    for definition in definitions.values_mut() {
        allow_variables(definition);
    }
    let defaults_to_stack = ["defaults", "stack", "expect_failure"];
    for (name, property) in &mut top {
        if name == "step" || defaults_to_stack.contains(&name.as_str()) {
            allow_variables(property);
        }
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Scenario",
        "description": "A scenario of Kafka Connect Lab.",
        "type": "object",
        "properties": top,
        "required": ["step"],
        "additionalProperties": false,
        "$defs": definitions,
    })
}

/// A step: one action, check or include, and the keys that go with it.
fn step<S>(registry: &Registry<S>, generator: &mut SchemaGenerator, variables: &Json) -> Json {
    let mut properties = properties::<StepSettings>(generator);
    let when = generator.subschema_for::<When>().to_value();
    properties.insert(
        "when".into(),
        described(&when, "Only for these values of the matrix's axes."),
    );
    properties.insert(
        "include".into(),
        json!({ "type": "string", "description": "A file of steps, in a folder named `include`, to put here." }),
    );
    properties.insert(
        "vars".into(),
        described(variables, "Variables of the included file."),
    );
    let mut one_of = vec![json!({
        "title": "include",
        "required": ["include"],
        "not": { "anyOf": required(&["name", "within", "for", "capture"]) }
    })];
    for kind in registry.kinds() {
        let arguments = kind.schema(generator).to_value();
        properties.insert(kind.key.into(), described(&arguments, kind.summary));
        let mut refused = vec!["vars"];
        if kind.role == Role::Action {
            refused.push("for");
        }
        if !kind.captures {
            refused.push("capture");
        }
        one_of.push(json!({
            "title": kind.key,
            "required": [kind.key],
            "not": { "anyOf": required(&refused) }
        }));
    }
    json!({
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
        "oneOf": one_of
    })
}

fn required(keys: &[&str]) -> Vec<Json> {
    keys.iter()
        .map(|key| json!({ "required": [key] }))
        .collect()
}

/// The properties of a struct, to be joined with others.
fn properties<T: schemars::JsonSchema>(generator: &mut SchemaGenerator) -> Map<String, Json> {
    match T::json_schema(generator).to_value() {
        Json::Object(mut object) => match object.remove("properties") {
            Some(Json::Object(properties)) => properties,
            _ => Map::new(),
        },
        _ => Map::new(),
    }
}

/// The schema with a description of its own, which editors show.
fn described(schema: &Json, description: &str) -> Json {
    match schema {
        Json::Object(object) => {
            let mut object = object.clone();
            object.insert("description".into(), description.into());
            Json::Object(object)
        }
        other => json!({ "allOf": [other], "description": description }),
    }
}

/// Closes objects to keys that are not named, as the loader does, and lets `"${name}"` stand where anything but free
/// text is expected.
fn allow_variables(schema: &mut Json) {
    match schema {
        Json::Array(items) => items.iter_mut().for_each(allow_variables),
        Json::Object(object) => {
            if object.get("properties").is_some_and(Json::is_object)
                && object.get("type").is_some_and(|kind| kind == "object")
                && !object.contains_key("additionalProperties")
            {
                object.insert("additionalProperties".into(), false.into());
            }
            // A variable fits each of several words, so they no longer exclude each other.
            let is_word = |branch: &Json| branch.get("const").or(branch.get("enum")).is_some();
            let has_words = |branches: &Json| {
                branches
                    .as_array()
                    .is_some_and(|all| all.iter().any(is_word))
            };
            if object.get("oneOf").is_some_and(has_words)
                && let Some(branches) = object.remove("oneOf")
            {
                object.insert("anyOf".into(), branches);
            }
            for (key, value) in object.iter_mut() {
                match key.as_str() {
                    // These hold values, names or patterns, not schemas.
                    "enum" | "const" | "default" | "examples" | "required" | "propertyNames"
                    | "not" => {}
                    _ => allow_variables(value),
                }
            }
            let is_scalar =
                |kind: &Json| matches!(kind.as_str(), Some("number" | "integer" | "boolean"));
            let constrained = match object.get("type") {
                Some(Json::Array(kinds)) => kinds.iter().any(is_scalar),
                Some(kind) if is_scalar(kind) => true,
                Some(Json::String(kind)) if kind == "string" => {
                    ["enum", "const", "pattern", "format", "minLength"]
                        .iter()
                        .any(|key| object.contains_key(*key))
                }
                Some(_) => false,
                None => object.contains_key("enum") || object.contains_key("const"),
            };
            if constrained {
                let mut outer = Map::new();
                // What editors show stays on the outside.
                for key in ["title", "description", "default", "examples"] {
                    if let Some(value) = object.remove(key) {
                        outer.insert(key.into(), value);
                    }
                }
                let variable = json!({ "type": "string", "pattern": VARIABLE });
                outer.insert(
                    "anyOf".into(),
                    json!([Json::Object(object.clone()), variable]),
                );
                *object = outer;
            }
        }
        _ => {}
    }
}
