//! Whether a process that a step names has been started by a step before it.

use std::collections::BTreeSet;

use crate::fault::listed;
use crate::near::near_miss;
use crate::node::{Known, Node, Value};
use crate::problem::{Problem, Problems};
use crate::registry::Registry;
use crate::scenario::Step;
use crate::vars::Vars;

/// The processes that the steps of an instance have started so far.
#[derive(Debug, Default)]
pub(crate) struct Processes {
    started: BTreeSet<String>,
    /// Only the run knows the name of one: it may be any.
    open: bool,
}

impl Processes {
    /// Looks at the next step, with the variables as they are there.
    pub(crate) fn step<S>(
        &mut self,
        step: &Step<S>,
        vars: &Vars,
        registry: &Registry<S>,
        problems: &mut Problems,
    ) {
        if let Some(names) = step.kind.names
            && let Some(node) = step.argument(names.key, vars)
            && let Some(name) = text(&node).filter(|name| (names.is_own)(name))
            && !self.open
            && !self.started.contains(name)
        {
            problems.push(self.unknown(step, &node, name, registry));
        }
        if let Some(key) = step.kind.starts
            && let Some(node) = step.argument(Some(key), vars)
        {
            match text(&node) {
                Some(name) => drop(self.started.insert(name.to_owned())),
                None => self.open |= node.known != Known::Yes,
            }
        }
    }

    fn unknown<S>(
        &self,
        step: &Step<S>,
        node: &Node,
        name: &str,
        registry: &Registry<S>,
    ) -> Problem {
        let started: Vec<&String> = self.started.iter().collect();
        let help = if started.is_empty() {
            let kinds = registry.kinds().iter();
            let starters: Vec<String> = kinds
                .filter_map(|kind| Some(format!("`{}` with a `{}`", kind.key, kind.starts?)))
                .collect();
            format!("{} starts one", listed(&starters, "", "or"))
        } else {
            format!("steps before it start {}", listed(&started, "`", "and"))
        };
        Problem::new(
            &step.source,
            node.span.clone(),
            format!("no step before this one starts `{name}`"),
        )
        .help(help)
        .near(near_miss(name, started.iter().map(|name| name.as_str())))
    }
}

/// A name that is known before the run.
fn text(node: &Node) -> Option<&str> {
    match &node.value {
        Value::String(text) if node.known == Known::Yes => Some(text),
        _ => None,
    }
}
