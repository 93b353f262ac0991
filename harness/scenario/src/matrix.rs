//! `[matrix]`: axes, their values, and every combination.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value as Json;

use crate::load::{read_when, unfit_name};
use crate::near::near_miss;
use crate::node::{Node, Value};
use crate::problem::{Problem, Problems, Source};
use crate::vars::Declared;

/// The most instances of one scenario. More is an experiment, not a check.
const MOST_INSTANCES: usize = 64;

/// The axes of a scenario.
#[derive(Debug, Default)]
pub(crate) struct Matrix {
    pub(crate) axes: Vec<(String, Vec<Json>)>,
    /// Axes whose values are wrong: defined, but unknown.
    pub(crate) broken: Vec<String>,
}

/// Reads the table; reports what is wrong with it.
pub(crate) fn read(
    node: &Node,
    declared: &[Declared],
    source: &Arc<Source>,
    problems: &mut Problems,
) -> Matrix {
    let mut matrix = Matrix::default();
    let Value::Table(entries) = &node.value else {
        problems.push(
            Problem::new(
                source,
                node.span.clone(),
                format!("wrong type: {}", node.describe()),
            )
            .help("expected a table of axes: debezium = [\"2.7.4.Final\", \"3.7.0.Final\"]"),
        );
        return matrix;
    };
    for entry in entries {
        let found = problems.len();
        if let Some(problem) = unfit_name(&entry.key, source, entry.key_span.clone()) {
            problems.push(problem);
        }
        if let Some(declared) = declared.iter().find(|declared| declared.name == entry.key) {
            let message = format!("`{}` is both an axis and a variable", entry.key);
            problems.push(
                Problem::new(source, entry.key_span.clone(), message)
                    .help("an axis is a variable; give one of them another name")
                    .related(
                        &declared.source,
                        declared.node.span.start,
                        "the variable is here",
                    ),
            );
        }
        let values = axis(&entry.key, &entry.node, source, problems);
        if problems.len() == found {
            matrix.axes.push((entry.key.clone(), values));
        } else {
            matrix.broken.push(entry.key.clone());
        }
    }
    let instances = matrix
        .axes
        .iter()
        .try_fold(1, |product: usize, (_, values)| {
            product
                .checked_mul(values.len())
                .filter(|product| *product <= MOST_INSTANCES)
        });
    if instances.is_none() {
        problems.push(
            Problem::new(
                source,
                node.span.clone(),
                "the matrix has too many combinations",
            )
            .help(format!("expected at most {MOST_INSTANCES}")),
        );
        matrix
            .broken
            .extend(matrix.axes.drain(..).map(|(axis, _)| axis));
    }
    matrix
}

fn axis(name: &str, node: &Node, source: &Arc<Source>, problems: &mut Problems) -> Vec<Json> {
    let Value::Array(items) = &node.value else {
        problems.push(
            Problem::new(
                source,
                node.span.clone(),
                format!("wrong type: {}", node.describe()),
            )
            .help(format!("expected an array of values for the axis `{name}`")),
        );
        return Vec::new();
    };
    if items.is_empty() {
        let problem = Problem::new(
            source,
            node.span.clone(),
            format!("the axis `{name}` has no values"),
        );
        problems.push(problem.help("expected at least one: without one nothing would run"));
    }
    if items.len() > MOST_INSTANCES {
        let problem = Problem::new(
            source,
            node.span.clone(),
            format!("the axis `{name}` has too many values"),
        );
        problems.push(problem.help(format!("expected at most {MOST_INSTANCES}")));
        return Vec::new();
    }
    let mut values: Vec<Json> = Vec::new();
    for item in items {
        let value = item.to_json();
        let problem = |message: String| Problem::new(source, item.span.clone(), message);
        if values.contains(&value) {
            problems.push(
                problem(format!("the value {value} is there twice"))
                    .help("expected each value of an axis once"),
            );
        }
        match &item.value {
            Value::Array(_) | Value::Table(_) => problems.push(
                problem(format!("wrong type: {}", item.describe()))
                    .help("expected a string, a number, or true or false"),
            ),
            Value::String(text) if text.contains("${") => problems.push(
                problem("the values of an axis have no variables".to_owned())
                    .help("expected a value as it stands"),
            ),
            _ => {}
        }
        values.push(value);
    }
    values
}

impl Matrix {
    /// Every combination, the last axis changing fastest. Without axes: one, empty.
    pub(crate) fn combinations(&self) -> Vec<Vec<(String, Json)>> {
        self.axes
            .iter()
            .fold(vec![Vec::new()], |combinations, (axis, values)| {
                combinations
                    .iter()
                    .flat_map(|combination| {
                        values.iter().map(move |value| {
                            let mut longer = combination.clone();
                            longer.push((axis.clone(), value.clone()));
                            longer
                        })
                    })
                    .collect()
            })
    }

    /// Reads a `when`, whose keys are axes and whose values are theirs.
    pub(crate) fn check_when(
        &self,
        node: &Node,
        source: &Arc<Source>,
        problems: &mut Problems,
    ) -> BTreeMap<String, crate::shape::OneOrMany<Json>> {
        let Some(when) = read_when(node, source, problems) else {
            return BTreeMap::new();
        };
        let Value::Table(entries) = &node.value else {
            return when;
        };
        for entry in entries {
            if self.broken.contains(&entry.key) || problems.is_full() {
                continue;
            }
            let Some((_, values)) = self.axes.iter().find(|(axis, _)| *axis == entry.key) else {
                let axes: Vec<&str> = self.axes.iter().map(|(axis, _)| axis.as_str()).collect();
                let help = if axes.is_empty() {
                    "the scenario has no [matrix]".to_owned()
                } else {
                    format!("expected {}", crate::fault::one_of(&axes, "`"))
                };
                problems.push(
                    Problem::new(
                        source,
                        entry.key_span.clone(),
                        format!("`{}` is not an axis of the matrix", entry.key),
                    )
                    .help(help)
                    .near(near_miss(&entry.key, axes.iter().copied())),
                );
                continue;
            };
            let items = match &entry.node.value {
                Value::Array(items) => items.as_slice(),
                _ => std::slice::from_ref(&entry.node),
            };
            for item in items
                .iter()
                .filter(|item| !values.contains(&item.to_json()))
            {
                let given = item.to_json();
                let listed: Vec<String> = values.iter().map(Json::to_string).collect();
                let text = |value: &Json| value.as_str().map(str::to_owned);
                let words: Vec<String> = values.iter().filter_map(text).collect();
                let meant = text(&given)
                    .and_then(|given| near_miss(&given, words.iter().map(String::as_str)));
                problems.push(
                    Problem::new(
                        source,
                        item.span.clone(),
                        format!("{given} is not a value of the axis `{}`", entry.key),
                    )
                    .help(format!("expected {}", crate::fault::one_of(&listed, "")))
                    .near(meant),
                );
            }
        }
        when
    }
}

/// The name of an instance.
pub(crate) fn id(name: &str, axes: &[(String, Json)]) -> String {
    if axes.is_empty() {
        return name.to_owned();
    }
    let values: Vec<String> = axes
        .iter()
        .map(|(axis, value)| match value {
            Json::String(text) => format!("{axis}={text}"),
            other => format!("{axis}={other}"),
        })
        .collect();
    format!("{name}[{}]", values.join(","))
}
