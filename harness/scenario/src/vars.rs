//! Variables: where their values come from, and putting them into values of a file.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use serde_json::Value as Json;

use crate::near::near_miss;
use crate::node::{Entry, Known, Node, Value};
use crate::problem::{Problem, Problems, Source};
use crate::redact::{Redactor, is_secret_name};
use crate::shape::Position;
use crate::template::{self, NAME_FORM, Piece};

/// The variables of one instance of a scenario, while it runs.
///
/// It knows from the start what is fixed at load time (`[vars]`, the matrix, `${env.NAME}`); the runner adds its
/// built-in variables and what steps capture with [`Vars::set`].
#[derive(Clone, Debug, Default)]
pub struct Vars {
    /// What is fixed at load time: shared, because each step has its own copy of the variables.
    fixed: Arc<BTreeMap<String, Node>>,
    /// What the run sets. It hides what is fixed.
    values: BTreeMap<String, Node>,
    /// The scenario's own, in the order of the file. Each may use the ones above it, and any value.
    declared: Arc<Vec<Declared>>,
    /// Names that get their value while the scenario runs.
    later: BTreeSet<String>,
    /// Whether the environment is not known.
    any_environment: bool,
    /// Variables that steps capture, and where the step stands, for messages.
    upcoming: Arc<BTreeMap<String, Position>>,
}

/// One line of `[vars]`.
#[derive(Clone, Debug)]
pub(crate) struct Declared {
    pub(crate) name: String,
    pub(crate) node: Node,
    pub(crate) source: Arc<Source>,
}

/// Whether variables without a value are a mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Before the run: a variable that the run will set is an unknown value.
    Check,
    /// In the run: each variable must have its value.
    Run,
}

enum Lookup {
    Found(Node),
    Later,
    Undefined,
}

impl Vars {
    pub(crate) fn new(
        fixed: BTreeMap<String, Json>,
        declared: Vec<Declared>,
        later: BTreeSet<String>,
        any_environment: bool,
    ) -> Self {
        let fixed = fixed
            .iter()
            .map(|(name, value)| (name.clone(), Node::from_json(value, &(0..0))))
            .collect();
        Self {
            fixed: Arc::new(fixed),
            values: BTreeMap::new(),
            declared: Arc::new(declared),
            later,
            any_environment,
            upcoming: Arc::default(),
        }
    }

    pub(crate) fn upcoming(self, upcoming: BTreeMap<String, Position>) -> Self {
        Self {
            upcoming: Arc::new(upcoming),
            ..self
        }
    }

    /// From here on these have a value, known only during the run.
    pub(crate) fn expect(&mut self, names: impl IntoIterator<Item = String>) {
        self.later.extend(names);
    }

    /// Gives a variable its value, or another one.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<Json>) {
        self.values
            .insert(name.into(), Node::from_json(&value.into(), &(0..0)));
    }

    /// The value of a variable; `None` when there is no such variable or it has no value yet.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Json> {
        match self.lookup(name, self.declared.len()) {
            Lookup::Found(node) if !node.is_open() => Some(node.to_json()),
            _ => None,
        }
    }

    /// Every variable that has a value, by name, secrets included: redact what is shown.
    #[must_use]
    pub fn all(&self) -> BTreeMap<String, Json> {
        self.names()
            .into_iter()
            .filter_map(|name| Some((name.to_owned(), self.get(name)?)))
            .collect()
    }

    /// Replaces the values of the variables whose names mark them as secret ([`is_secret_name`]).
    #[must_use]
    pub fn redactor(&self) -> Redactor {
        let mut secrets = Vec::new();
        for name in self.names().into_iter().filter(|name| is_secret_name(name)) {
            if let Some(value) = self.get(name) {
                collect_text(&value, &mut secrets);
            }
        }
        Redactor::new(secrets)
    }

    /// The same variables with more of them, which hide others of the same name.
    pub(crate) fn with(&self, locals: impl IntoIterator<Item = (String, Node)>) -> Self {
        let mut vars = self.clone();
        vars.values.extend(locals);
        vars
    }

    fn names(&self) -> BTreeSet<&str> {
        let values = self
            .fixed
            .keys()
            .chain(self.values.keys())
            .map(String::as_str);
        let declared = self.declared.iter().map(|declared| declared.name.as_str());
        let later = self.later.iter().map(String::as_str);
        values.chain(declared).chain(later).collect()
    }

    /// `above`: how many of the declared variables are visible.
    fn lookup(&self, name: &str, above: usize) -> Lookup {
        if name == "null" {
            return Lookup::Found(Node::new(Value::Null, 0..0));
        }
        if let Some(node) = self.values.get(name).or_else(|| self.fixed.get(name)) {
            return Lookup::Found(node.clone());
        }
        let declared = self.declared[..above.min(self.declared.len())]
            .iter()
            .enumerate();
        if let Some((index, declared)) = declared.rev().find(|(_, declared)| declared.name == name)
        {
            let mut substitution = Substitution {
                vars: self,
                above: index,
                source: &declared.source,
                phase: Phase::Check,
                // What is wrong with a declaration is reported where it stands.
                problems: &mut Problems::default(),
            };
            return Lookup::Found(substitution.node(&declared.node));
        }
        if self.later.contains(name) || self.any_environment && name.starts_with("env.") {
            Lookup::Later
        } else {
            Lookup::Undefined
        }
    }
}

fn collect_text(value: &Json, into: &mut Vec<String>) {
    match value {
        Json::Null | Json::Bool(_) => {}
        Json::Number(number) => into.push(number.to_string()),
        Json::String(text) => into.push(text.clone()),
        Json::Array(items) => items.iter().for_each(|item| collect_text(item, into)),
        Json::Object(object) => object.values().for_each(|item| collect_text(item, into)),
    }
}

/// Puts variables into the values of one file.
pub(crate) struct Substitution<'a> {
    pub(crate) vars: &'a Vars,
    /// How many of the declared variables are visible.
    pub(crate) above: usize,
    pub(crate) source: &'a Arc<Source>,
    pub(crate) phase: Phase,
    pub(crate) problems: &'a mut Problems,
}

impl<'a> Substitution<'a> {
    pub(crate) fn new(
        vars: &'a Vars,
        source: &'a Arc<Source>,
        phase: Phase,
        problems: &'a mut Problems,
    ) -> Self {
        Self {
            vars,
            above: usize::MAX,
            source,
            phase,
            problems,
        }
    }

    /// The value with every `${name}` in its strings replaced. Keys stay as they are.
    pub(crate) fn node(&mut self, node: &Node) -> Node {
        let value = match &node.value {
            Value::String(text) if node.known == Known::Yes && text.contains("${") => {
                return self.string(text, &node.span);
            }
            Value::Array(items) => Value::Array(items.iter().map(|item| self.node(item)).collect()),
            Value::Table(entries) => Value::Table(
                entries
                    .iter()
                    .map(|entry| Entry {
                        key: entry.key.clone(),
                        key_span: entry.key_span.clone(),
                        node: self.node(&entry.node),
                    })
                    .collect(),
            ),
            other => other.clone(),
        };
        Node {
            value,
            span: node.span.clone(),
            known: node.known,
        }
    }

    fn string(&mut self, text: &str, span: &Range<usize>) -> Node {
        let pieces = template::pieces(text);
        let raw = self.source.text.get(span.clone()).unwrap_or_default();
        let ranges = template::ranges_in_source(raw, &pieces).map(|ranges| {
            ranges
                .into_iter()
                .map(|range| span.start + range.start..span.start + range.end)
                .collect::<Vec<_>>()
        });
        let mut place = 0;
        let mut next_place = || {
            place += 1;
            ranges
                .as_ref()
                .and_then(|ranges| ranges.get(place - 1).cloned())
                .unwrap_or_else(|| span.clone())
        };
        if let [Piece::Variable { name, .. }] = pieces.as_slice() {
            let mut node = self
                .variable(name, next_place())
                .unwrap_or_else(|| Node::new(Value::String(text.to_owned()), span.clone()).open());
            node.set_span(span);
            return node;
        }
        let mut filled = String::with_capacity(text.len());
        let mut known = Known::Yes;
        for piece in &pieces {
            match piece {
                Piece::Text(text) => filled.push_str(text),
                Piece::Variable { name, .. } => match self.variable(name, next_place()) {
                    Some(node) if !node.is_open() => push_value(&mut filled, &node),
                    _ => {
                        known = Known::Text;
                        filled.push_str(&format!("${{{name}}}"));
                    }
                },
                Piece::Broken { reason, .. } => {
                    known = Known::Text;
                    self.problems
                        .push(Problem::new(self.source, next_place(), *reason).help(NAME_FORM));
                }
            }
        }
        Node {
            value: Value::String(filled),
            span: span.clone(),
            known,
        }
    }

    /// Text that is not a value of the file but the file itself, such as an SQL file.
    pub(crate) fn text(&mut self, text: &str) -> (String, Known) {
        let mut filled = String::with_capacity(text.len());
        let mut known = Known::Yes;
        for piece in template::pieces(text) {
            match piece {
                Piece::Text(text) => filled.push_str(&text),
                Piece::Variable { name, range } => match self.variable(name, range) {
                    Some(node) if !node.is_open() => push_value(&mut filled, &node),
                    _ => known = Known::Text,
                },
                Piece::Broken { reason, range } => {
                    known = Known::Text;
                    self.problems
                        .push(Problem::new(self.source, range, reason).help(NAME_FORM));
                }
            }
        }
        (filled, known)
    }

    /// The variable's value; `None` when it is unknown, after saying so where that is a mistake.
    fn variable(&mut self, name: &str, place: Range<usize>) -> Option<Node> {
        match self.vars.lookup(name, self.above) {
            Lookup::Found(node) if self.phase == Phase::Check || !node.is_open() => Some(node),
            Lookup::Later if self.phase == Phase::Check => None,
            Lookup::Found(_) | Lookup::Later => {
                let message = format!("the variable `{name}` has no value yet");
                self.problems
                    .push(Problem::new(self.source, place, message));
                None
            }
            Lookup::Undefined => {
                self.problems.push(self.undefined(name, place));
                None
            }
        }
    }

    fn undefined(&self, name: &str, place: Range<usize>) -> Problem {
        if let Some(variable) = name.strip_prefix("env.") {
            return Problem::new(
                self.source,
                place,
                format!("the environment variable {variable} is not set"),
            )
            .help(format!("set it: {variable}=… lab run …"))
            .near(near_miss(name, self.vars.names()));
        }
        let below = self
            .vars
            .declared
            .iter()
            .find(|declared| declared.name == name);
        let problem = Problem::new(self.source, place, format!("undefined variable `{name}`"));
        if let Some(below) = below {
            return problem.help("a variable can use those above it").related(
                &below.source,
                below.node.span.start,
                "defined here",
            );
        }
        if let Some(position) = self.vars.upcoming.get(name) {
            return problem.help(format!("it is captured only later: {position}"));
        }
        let names = self.vars.names();
        let candidates = names
            .iter()
            .copied()
            .filter(|name| !name.starts_with("env."));
        let meant = near_miss(name, candidates.clone());
        let listed: Vec<&str> = candidates.collect();
        let problem = if listed.is_empty() {
            problem.help("no variables are defined here")
        } else {
            problem.help(format!("defined here: {}", listed.join(", ")))
        };
        problem.near(meant)
    }
}

impl Node {
    pub(crate) fn open(mut self) -> Self {
        self.known = Known::No;
        self
    }

    /// Puts a value that came from elsewhere into a place of this file.
    fn set_span(&mut self, span: &Range<usize>) {
        self.span = span.clone();
        match &mut self.value {
            Value::Array(items) => items.iter_mut().for_each(|item| item.set_span(span)),
            Value::Table(entries) => {
                for entry in entries {
                    entry.key_span = span.clone();
                    entry.node.set_span(span);
                }
            }
            _ => {}
        }
    }
}

fn push_value(text: &mut String, node: &Node) {
    match &node.value {
        Value::String(value) => text.push_str(value),
        _ => text.push_str(&node.to_json().to_string()),
    }
}
