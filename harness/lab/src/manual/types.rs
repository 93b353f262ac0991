//! Types of a JSON Schema in words.

use anyhow::{Context as _, Result};
use serde_json::{Map, Value};

/// Reads schemas with their definitions at hand.
pub(super) struct Types<'a> {
    definitions: &'a Map<String, Value>,
}

/// A table of arguments, or one inside it.
pub(super) struct Table<'a> {
    /// Where it stands, in words.
    pub(super) place: String,
    pub(super) properties: &'a Map<String, Value>,
    pub(super) required: Vec<&'a str>,
}

/// What stands for a definition: shown as words, and not as a table of its own.
const NAMED: [(&str, &str); 4] = [
    ("Duration", "a length of time"),
    ("JsonPath", "a JSONPath"),
    ("TextFile", "the path of a text file"),
    ("JsonFile", "the path of a JSON file"),
];

impl<'a> Types<'a> {
    pub(super) fn new(schema: &'a Value) -> Result<Self> {
        let definitions = schema.get("$defs").and_then(Value::as_object);
        Ok(Self {
            definitions: definitions.context("the schema has no definitions")?,
        })
    }

    /// The definition that a schema refers to, or itself.
    pub(super) fn resolve<'s>(&self, schema: &'s Value) -> &'s Value
    where
        'a: 's,
    {
        self.definition(schema).map_or(schema, |(_, found)| found)
    }

    fn definition(&self, schema: &Value) -> Option<(&'a str, &'a Value)> {
        let name = schema.get("$ref")?.as_str()?.strip_prefix("#/$defs/")?;
        let (name, found) = self.definitions.get_key_value(name)?;
        Some((name, found))
    }

    /// The alternatives of a schema, without null and without the variable that may stand everywhere.
    fn alternatives<'s>(&self, schema: &'s Value) -> Vec<&'s Value>
    where
        'a: 's,
    {
        if named(schema).is_some() {
            return vec![schema];
        }
        let resolved = self.resolve(schema);
        for key in ["anyOf", "oneOf"] {
            if let Some(all) = resolved.get(key).and_then(Value::as_array) {
                return all
                    .iter()
                    .filter(|one| !is_variable(one) && one.get("type") != Some(&"null".into()))
                    .flat_map(|one| self.alternatives(one))
                    .collect();
            }
        }
        vec![schema]
    }

    /// What a value is.
    pub(super) fn words(&self, schema: &Value) -> String {
        let mut parts: Vec<String> = Vec::new();
        for one in self.alternatives(schema) {
            for part in self.of_one(one) {
                if !parts.contains(&part) {
                    parts.push(part);
                }
            }
        }
        match parts.split_last() {
            Some((last, others)) if !others.is_empty() => {
                format!("{} or {last}", others.join(", "))
            }
            Some((only, _)) => only.clone(),
            None => "any value".to_owned(),
        }
    }

    fn of_one(&self, schema: &Value) -> Vec<String> {
        if let Some(words) = named(schema) {
            return vec![words.to_owned()];
        }
        let schema = self.resolve(schema);
        if let Some(word) = schema.get("const") {
            return vec![format!("`{word}`")];
        }
        if let Some(words) = schema.get("enum").and_then(Value::as_array) {
            let words = words.iter().filter(|word| !word.is_null());
            return words.map(|word| format!("`{word}`")).collect();
        }
        let types: Vec<&str> = match schema.get("type") {
            Some(Value::String(one)) => vec![one],
            Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
            _ => return vec!["any value".to_owned()],
        };
        types
            .into_iter()
            .filter(|one| *one != "null")
            .map(|one| self.of_type(one, schema))
            .collect()
    }

    fn of_type(&self, name: &str, schema: &Value) -> String {
        match name {
            "string" => match schema.get("pattern").and_then(Value::as_str) {
                // Names of the scenario's own processes.
                Some(pattern) if pattern.ends_with("-[a-z0-9-]+$") => {
                    let prefix = pattern.trim_start_matches('^');
                    format!("`{}…`", prefix.trim_end_matches("[a-z0-9-]+$"))
                }
                _ => "text".to_owned(),
            },
            "number" => "a number".to_owned(),
            "integer" => match schema.get("minimum").and_then(Value::as_i64) {
                Some(least) => format!("a whole number from {least}"),
                None => "a whole number".to_owned(),
            },
            "boolean" => "true or false".to_owned(),
            "array" => match schema.get("items") {
                Some(items) => format!("a list: {}", self.words(items)),
                None => "a list".to_owned(),
            },
            "object" => match schema.get("additionalProperties") {
                Some(values) if values.is_object() => {
                    format!("a table: {} by key", self.words(values))
                }
                _ => "a table".to_owned(),
            },
            other => other.to_owned(),
        }
    }

    /// Words among which a value is, where each has a meaning of its own.
    pub(super) fn words_with_meaning<'s>(&self, schema: &'s Value) -> Vec<(&'s str, &'s str)>
    where
        'a: 's,
    {
        let all = self.alternatives(schema).into_iter();
        all.filter_map(|one| {
            let word = one.get("const")?.as_str()?;
            Some((word, one.get("description")?.as_str()?))
        })
        .collect()
    }

    /// The table of a schema, and those inside it, each once with all its places.
    pub(super) fn tables(&self, schema: &'a Value) -> Vec<Table<'a>> {
        let mut found: Vec<(&'a Map<String, Value>, Vec<String>, &'a Value)> = Vec::new();
        let mut waiting = vec![(String::new(), schema)];
        while !waiting.is_empty() {
            let (key, schema) = waiting.remove(0);
            for one in self.inside(schema) {
                let Some(properties) = one.get("properties").and_then(Value::as_object) else {
                    continue;
                };
                // The same definition is the same place in memory.
                let known = found
                    .iter_mut()
                    .find(|(known, _, _)| std::ptr::eq(*known, properties));
                if let Some((_, keys, _)) = known {
                    if !keys.contains(&key) {
                        keys.push(key.clone());
                    }
                    continue;
                }
                found.push((properties, vec![key.clone()], one));
                waiting.extend(properties.iter().map(|(key, schema)| (key.clone(), schema)));
            }
        }
        found
            .into_iter()
            .map(|(properties, keys, schema)| {
                let keys: Vec<String> = keys.iter().map(|key| format!("`{key}`")).collect();
                let required = schema.get("required").and_then(Value::as_array);
                Table {
                    place: format!("In {}", keys.join(", ")),
                    properties,
                    required: required
                        .into_iter()
                        .flatten()
                        .filter_map(Value::as_str)
                        .collect(),
                }
            })
            .collect()
    }

    /// Schemas of the tables that a value is or consists of.
    fn inside(&self, schema: &'a Value) -> Vec<&'a Value> {
        let mut all = Vec::new();
        for one in self.alternatives(schema) {
            if named(one).is_some() {
                continue;
            }
            let one = self.resolve(one);
            if one.get("properties").is_some() {
                all.push(one);
            }
            for key in ["items", "additionalProperties"] {
                if let Some(below) = one.get(key).filter(|below| below.is_object()) {
                    all.extend(self.inside(below));
                }
            }
        }
        all
    }
}

fn named(schema: &Value) -> Option<&'static str> {
    let name = schema.get("$ref")?.as_str()?.rsplit('/').next()?;
    let found = NAMED.iter().find(|(known, _)| *known == name);
    found.map(|(_, words)| *words)
}

fn is_variable(schema: &Value) -> bool {
    let pattern = schema.get("pattern").and_then(Value::as_str);
    pattern.is_some_and(|pattern| pattern.starts_with(r"^\$\{"))
}
