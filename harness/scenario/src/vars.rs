//! Variables: where their values come from, and putting them into values of a file.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

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
#[derive(Clone, Default)]
pub struct Vars {
    /// What is fixed at load time: shared, because each step has its own copy of the variables.
    fixed: Arc<BTreeMap<String, Node>>,
    /// What the run sets. It hides what is fixed.
    values: BTreeMap<String, Node>,
    /// The scenario's own, in the order of the file. Each may use the ones above it, and any value of the run.
    declared: Arc<Vec<Declared>>,
    /// Where in the order a name is declared.
    places: Arc<BTreeMap<String, usize>>,
    /// What the declared ones come to, in their order.
    evaluated: Arc<Vec<Node>>,
    /// Those of the included file that the step is in. They hide all others, but do not change what others come to.
    locals: BTreeMap<String, Node>,
    /// Names that get their value while the scenario runs.
    later: BTreeSet<String>,
    /// Whether the environment is not known.
    any_environment: bool,
    /// Variables that steps capture, and where the step stands, for messages.
    upcoming: Arc<BTreeMap<String, Position>>,
    /// Variables of the runner that were asked for, by this and its copies.
    asked: Arc<Mutex<BTreeSet<String>>>,
}

/// Names alone: values may be secret.
impl std::fmt::Debug for Vars {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names = self.names();
        let names = names.iter().filter(|name| !name.starts_with("env."));
        formatter.debug_set().entries(names).finish()
    }
}

/// The most that variables may put into one value, in bytes. Variables that use each other twice, thirty deep, would
/// otherwise fill the memory.
const LARGEST_FILLING: usize = 4 << 20;

/// The most names that a message lists.
const MOST_LISTED: usize = 30;

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

enum Lookup<'a> {
    Found(Cow<'a, Node>),
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
        let names = declared.iter().map(|declared| declared.name.clone());
        let mut vars = Self {
            fixed: Arc::new(fixed),
            places: Arc::new(names.zip(0..).collect()),
            declared: Arc::new(declared),
            later,
            any_environment,
            ..Self::default()
        };
        vars.evaluate(&mut Problems::default());
        vars
    }

    /// Works out the declared variables anew, in the order of the file. What is wrong with them is reported.
    pub(crate) fn evaluate(&mut self, problems: &mut Problems) {
        self.evaluated = Arc::default();
        let declared = Arc::clone(&self.declared);
        let mut evaluated = Vec::with_capacity(declared.len());
        let mut budget = LARGEST_FILLING;
        for declared in declared.iter() {
            let mut substitution =
                Substitution::new(self, &declared.source, Phase::Check, problems);
            substitution.above = &evaluated;
            substitution.budget = budget;
            let node = substitution.node(&declared.node);
            budget = substitution.budget;
            evaluated.push(node);
        }
        self.evaluated = Arc::new(evaluated);
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
        if !self.declared.is_empty() {
            self.evaluate(&mut Problems::default());
        }
    }

    /// The value of a variable; `None` when there is no such variable or it has no value yet.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Json> {
        match self.lookup(name, &self.evaluated) {
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
        Redactor::new(self.secrets())
    }

    pub(crate) fn secrets(&self) -> Vec<String> {
        let mut secrets = Vec::new();
        for name in self.names().into_iter().filter(|name| is_secret_name(name)) {
            if let Some(value) = self.get(name) {
                collect_text(&value, &mut secrets);
            }
        }
        secrets
    }

    /// The same variables with more of them, which hide others of the same name.
    pub(crate) fn with(&self, locals: impl IntoIterator<Item = (String, Node)>) -> Self {
        let mut vars = self.clone();
        vars.locals.extend(locals);
        vars
    }

    fn note(&self, name: &str) {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.insert(name.to_owned());
    }

    /// The variables of the run that were asked for since the last call.
    pub(crate) fn take_asked(&self) -> BTreeSet<String> {
        std::mem::take(&mut *self.asked.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn names(&self) -> BTreeSet<&str> {
        let values = self
            .fixed
            .keys()
            .chain(self.values.keys())
            .chain(self.locals.keys())
            .map(String::as_str);
        let declared = self.declared.iter().map(|declared| declared.name.as_str());
        let later = self.later.iter().map(String::as_str);
        values.chain(declared).chain(later).collect()
    }

    /// `declared`: what the declared variables that are visible come to.
    fn lookup<'a>(&'a self, name: &str, declared: &'a [Node]) -> Lookup<'a> {
        if name == "null" {
            return Lookup::Found(Cow::Owned(Node::new(Value::Null, 0..0)));
        }
        let set = [&self.locals, &self.values, &self.fixed];
        let set = set.iter().find_map(|values| values.get(name));
        let index = || self.places.get(name).copied();
        if let Some(node) = set.or_else(|| declared.get(index()?)) {
            return Lookup::Found(Cow::Borrowed(node));
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
    /// What the declared variables that are visible come to.
    above: &'a [Node],
    source: &'a Arc<Source>,
    phase: Phase,
    problems: &'a mut Problems,
    /// How much variables may still put in, in bytes.
    budget: usize,
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
            above: &vars.evaluated,
            source,
            phase,
            problems,
            budget: LARGEST_FILLING,
        }
    }

    /// The value with every `${name}` in its strings replaced. Keys stay as they are.
    pub(crate) fn node(&mut self, node: &Node) -> Node {
        let value = match &node.value {
            Value::String(text) if node.known == Known::Yes && text.contains("${") => {
                return self.string(text, &node.span);
            }
            Value::Array(items) => Value::Array(items.iter().map(|item| self.node(item)).collect()),
            Value::Table(entries) => {
                Value::Table(entries.iter().map(|entry| self.entry(entry)).collect())
            }
            other => other.clone(),
        };
        Node {
            value,
            span: node.span.clone(),
            known: node.known,
        }
    }

    fn entry(&mut self, entry: &Entry) -> Entry {
        let mut pieces = template::pieces(&entry.key).into_iter();
        let variable = pieces.find(|piece| matches!(piece, Piece::Variable { .. }));
        if let Some(Piece::Variable { name, .. }) = variable {
            let problem = Problem::new(
                self.source,
                entry.key_span.clone(),
                format!("the variable `{name}` in a key"),
            );
            self.problems
                .push(problem.help("variables stand in values; a key stays as it is written"));
        }
        Entry {
            key: entry.key.clone(),
            key_span: entry.key_span.clone(),
            node: self.node(&entry.node),
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
                    self.broken(reason, next_place());
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
                    self.broken(reason, range);
                }
            }
        }
        (filled, known)
    }

    fn broken(&mut self, reason: &str, place: Range<usize>) {
        if self.problems.has_room() {
            self.problems
                .push(Problem::new(self.source, place, reason).help(NAME_FORM));
        }
    }

    /// The variable's value; `None` when it is unknown, after saying so where that is a mistake.
    fn variable(&mut self, name: &str, place: Range<usize>) -> Option<Node> {
        match self.vars.lookup(name, self.above) {
            Lookup::Found(node) if self.phase == Phase::Check || !node.is_open() => {
                self.within_budget(node, place)
            }
            Lookup::Later if self.phase == Phase::Check => {
                self.vars.note(name);
                None
            }
            Lookup::Undefined
                if self.phase == Phase::Check || !self.vars.upcoming.contains_key(name) =>
            {
                if self.problems.has_room() {
                    self.problems.push(self.undefined(name, place));
                }
                None
            }
            Lookup::Found(_) | Lookup::Later | Lookup::Undefined => {
                let message = format!("the variable `{name}` has no value yet");
                self.problems.push(
                    Problem::new(self.source, place, message)
                        .help("the run, or the step that captures it, sets it first"),
                );
                None
            }
        }
    }

    fn within_budget(&mut self, node: Cow<'_, Node>, place: Range<usize>) -> Option<Node> {
        // Used up, and said so.
        if self.budget == 0 {
            return None;
        }
        match self.budget.checked_sub(node.weight()) {
            Some(rest) => {
                self.budget = rest;
                Some(node.into_owned())
            }
            None => {
                self.budget = 0;
                let problem = Problem::new(self.source, place, "the variables make too much text");
                self.problems.push(problem.help(format!(
                    "at most {LARGEST_FILLING} bytes in one step or in [vars]"
                )));
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
            let more = listed.len().saturating_sub(MOST_LISTED);
            let more = (more > 0).then(|| format!(" and {more} more"));
            let listed = &listed[..listed.len().min(MOST_LISTED)];
            problem.help(format!(
                "defined here: {}{}",
                listed.join(", "),
                more.unwrap_or_default()
            ))
        };
        problem.near(meant)
    }
}

impl Node {
    pub(crate) fn open(mut self) -> Self {
        self.known = Known::No;
        self
    }

    /// About how many bytes the value takes.
    fn weight(&self) -> usize {
        8 + match &self.value {
            Value::String(text) => text.len(),
            Value::Array(items) => items.iter().map(Self::weight).sum(),
            Value::Table(entries) => entries
                .iter()
                .map(|entry| entry.key.len() + entry.node.weight())
                .sum(),
            _ => 0,
        }
    }

    /// Puts a value that came from elsewhere into a place of this file.
    pub(crate) fn set_span(&mut self, span: &Range<usize>) {
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
