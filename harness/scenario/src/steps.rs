//! The steps of a file, and of the files that it includes.

use std::path::PathBuf;
use std::sync::Arc;

use crate::fault::one_of;
use crate::files::{self, Place};
use crate::load::{Top, declarations, unfit_name};
use crate::matrix::Matrix;
use crate::near::near_miss;
use crate::node::{Entry, Node, Value};
use crate::problem::{Problem, Problems, Source};
use crate::registry::{Kind, Registry, Role, STEP_KEYS};
use crate::scenario::{Defaults, Locals, Step, When};
use crate::shape::Position;
use crate::syntax;
use crate::vars::Declared;

/// The most steps of one scenario, includes and the steps of included files counted.
const MOST_STEPS: usize = 1000;

/// How deep includes may nest.
const DEEPEST_INCLUDE: usize = 8;

/// The keys of an included file.
const FRAGMENT_KEYS: [&str; 2] = ["vars", "step"];

/// The keys of a step that includes a file.
const INCLUDE_KEYS: [&str; 3] = ["include", "vars", "when"];

/// What people call a pause for a fixed time, which there is none of.
const PAUSES: [&str; 3] = ["wait", "sleep", "delay"];

/// Reads steps, following includes.
pub(crate) struct Loader<'a, S> {
    registry: &'a Registry<S>,
    matrix: &'a Matrix,
    /// `[vars]` of the scenario.
    declared: &'a [Declared],
    defaults: Arc<Defaults>,
    problems: &'a mut Problems,
    steps: Vec<Step<S>>,
    /// The includes that the file being read is inside of, the outermost first.
    inside: Vec<Inside>,
    /// How many tables of steps were read, includes counted: files that include each other may have no other step.
    read: usize,
}

struct Inside {
    file: PathBuf,
    position: Position,
    when: When,
    locals: Arc<Locals>,
}

/// A file with steps.
#[derive(Clone, Copy)]
struct File<'a> {
    source: &'a Arc<Source>,
    place: &'a Arc<Place>,
}

impl File<'_> {
    fn problem(self, span: &std::ops::Range<usize>, message: impl Into<String>) -> Problem {
        Problem::new(self.source, span.clone(), message)
    }

    fn position(self, offset: usize) -> Position {
        let (line, column) = self.source.position(offset);
        Position {
            file: self.source.file.clone(),
            line,
            column,
        }
    }
}

impl<'a, S> Loader<'a, S> {
    pub(crate) fn new(
        registry: &'a Registry<S>,
        matrix: &'a Matrix,
        declared: &'a [Declared],
        defaults: Arc<Defaults>,
        problems: &'a mut Problems,
    ) -> Self {
        Self {
            registry,
            matrix,
            declared,
            defaults,
            problems,
            steps: Vec::new(),
            inside: Vec::new(),
            read: 0,
        }
    }

    pub(crate) fn into_steps(self) -> Vec<Step<S>> {
        self.steps
    }

    /// The `step` of a file.
    pub(crate) fn file(&mut self, source: &Arc<Source>, place: &Arc<Place>, steps: Option<Node>) {
        let file = File { source, place };
        let items = match steps {
            Some(Node {
                value: Value::Array(items),
                span,
                ..
            }) if items.is_empty() => {
                self.problems.push(
                    file.problem(&span, "there are no steps")
                        .help("expected [[step]], and below it an action or a check"),
                );
                return;
            }
            Some(Node {
                value: Value::Array(items),
                ..
            }) => items,
            Some(other) => {
                let message = format!("`step` is {}", other.describe());
                let problem = file.problem(&other.span, message);
                self.problems
                    .push(problem.help("expected a list of steps: each begins with [[step]]"));
                return;
            }
            None => {
                let end = source.text.trim_end().len();
                let problem = file.problem(&(end..end), "there are no steps");
                self.problems
                    .push(problem.help("expected [[step]], and below it an action or a check"));
                return;
            }
        };
        for item in items {
            self.step(file, item);
            if self.read > MOST_STEPS {
                break;
            }
        }
    }

    fn step(&mut self, file: File<'_>, node: Node) {
        self.read += 1;
        if self.read > MOST_STEPS {
            // Said once, for the first that is too many.
            if self.read == MOST_STEPS + 1 {
                let problem = file.problem(&node.span, "the scenario has too many steps");
                self.problems.push(problem.help(format!(
                    "at most {MOST_STEPS}, includes and the steps of included files counted"
                )));
            }
            return;
        }
        let Value::Table(entries) = node.value else {
            let problem = file.problem(&node.span, format!("a step is {}", node.describe()));
            self.problems
                .push(problem.help("expected a table: each step begins with [[step]]"));
            return;
        };
        let table = StepTable {
            span: node.span,
            entries,
        };
        if table.get("include").is_some() {
            self.include(file, table);
        } else {
            self.plain(file, table);
        }
    }

    fn plain(&mut self, file: File<'_>, table: StepTable) {
        let Some(kind) = self.kind(file, &table) else {
            return;
        };
        let mut settings = Vec::new();
        let mut arguments = None;
        let mut when = When::new();
        let mut captures = Vec::new();
        let StepTable { span, entries } = table;
        for entry in entries {
            match entry.key.as_str() {
                "vars" => {
                    let problem = file.problem(&entry.key_span, "`vars` goes with `include`");
                    self.problems
                        .push(problem.help("the scenario's variables stand in [vars]"));
                }
                "for" if kind.role == Role::Action => {
                    let message =
                        format!("`for` goes with a check, and `{}` is an action", kind.key);
                    let problem = file.problem(&entry.key_span, message);
                    self.problems
                        .push(problem.help("an action happens once; a check stays true"));
                }
                "capture" if !kind.captures => {
                    let message = format!("`{}` has nothing to capture", kind.key);
                    let kinds = self.registry.kinds().iter();
                    let able = kinds.filter(|kind| kind.captures).map(|kind| kind.key);
                    let able: Vec<&str> = able.collect();
                    let problem = file.problem(&entry.key_span, message);
                    self.problems
                        .push(problem.help(format!("`capture` goes with {}", one_of(&able, "`"))));
                }
                "when" => {
                    when = self
                        .matrix
                        .check_when(&entry.node, file.source, self.problems)
                }
                key if key == kind.key => arguments = Some(entry.node),
                "capture" => {
                    captures = self.captures(file, &entry.node);
                    settings.push(entry);
                }
                "name" | "within" | "for" => settings.push(entry),
                // Another action, or no key of a step: reported already.
                _ => {}
            }
        }
        let Some(arguments) = arguments else { return };
        for around in &self.inside {
            for (axis, values) in &around.when {
                when.entry(axis.clone())
                    .and_modify(|own| own.0.retain(|value| values.0.contains(value)))
                    .or_insert_with(|| values.clone());
            }
        }
        let name = settings.iter().find(|entry| entry.key == "name");
        let name = name.and_then(|entry| match &entry.node.value {
            Value::String(name) => Some(name.clone()),
            _ => None,
        });
        self.steps.push(Step {
            number: self.steps.len() + 1,
            key: kind.key,
            role: kind.role,
            position: file.position(span.start),
            included_from: self
                .inside
                .iter()
                .map(|around| around.position.clone())
                .collect(),
            captures,
            name,
            kind,
            when,
            settings: Node::new(Value::Table(settings), span),
            arguments,
            source: Arc::clone(file.source),
            place: Arc::clone(file.place),
            defaults: Arc::clone(&self.defaults),
            locals: self
                .inside
                .iter()
                .map(|around| Arc::clone(&around.locals))
                .collect(),
        });
    }

    /// The one action or check that a step names; reports the keys that no step has.
    fn kind(&mut self, file: File<'_>, table: &StepTable) -> Option<Kind<S>> {
        let named: Vec<(&Entry, &Kind<S>)> = table
            .entries
            .iter()
            .filter_map(|entry| Some((entry, self.registry.get(&entry.key)?)))
            .collect();
        let unknown: Vec<&Entry> = table
            .entries
            .iter()
            .filter(|entry| {
                self.registry.get(&entry.key).is_none() && !STEP_KEYS.contains(&entry.key.as_str())
            })
            .collect();
        let kinds = self.registry.keys();
        for entry in &unknown {
            let problem = if PAUSES.contains(&entry.key.as_str()) {
                self.pause(file, entry)
            } else if named.is_empty() {
                let candidates = kinds.iter().chain(&STEP_KEYS).copied();
                file.problem(
                    &entry.key_span,
                    format!("unknown action or check `{}`", entry.key),
                )
                .help(format!("expected {}", one_of(&kinds, "`")))
                .near(near_miss(&entry.key, candidates))
            } else {
                let own: Vec<&str> = STEP_KEYS
                    .into_iter()
                    .filter(|key| !["include", "vars"].contains(key))
                    .collect();
                let nested = near_miss(&entry.key, own.iter().copied());
                file.problem(
                    &entry.key_span,
                    format!("unknown key `{}` in a step", entry.key),
                )
                .help(format!(
                    "beside its action or check a step has only {}",
                    one_of(&own, "`")
                ))
                .near(nested)
            };
            self.problems.push(problem);
        }
        match named.as_slice() {
            [] => {
                if unknown.is_empty() {
                    let problem = file.problem(&table.span, "the step names no action or check");
                    self.problems
                        .push(problem.help(format!("expected {}", one_of(&kinds, "`"))));
                }
                None
            }
            [(_, kind)] => Some(**kind),
            [(_, first), others @ ..] => {
                for (entry, second) in others {
                    self.problems.push(
                        file.problem(
                            &entry.key_span,
                            format!("the step names two: `{}` and `{}`", first.key, second.key),
                        )
                        .help("a step has one action or check; begin another with [[step]]"),
                    );
                }
                None
            }
        }
    }

    /// What to say to someone who wants to wait.
    fn pause(&self, file: File<'_>, entry: &Entry) -> Problem {
        let checks = self.registry.kinds().iter();
        let checks = checks.filter(|kind| kind.role == Role::Check);
        let checks: Vec<&str> = checks.map(|kind| kind.key).collect();
        file.problem(
            &entry.key_span,
            format!("there is no `{}`: checks wait by themselves", entry.key),
        )
        .help(format!(
            "say what has to be so, by {}: it is looked for until `within` is over",
            one_of(&checks, "`")
        ))
        .help("`for` beside a check says how long it must stay so")
    }

    fn captures(&mut self, file: File<'_>, node: &Node) -> Vec<String> {
        let Value::Table(entries) = &node.value else {
            return Vec::new();
        };
        let mut names = Vec::new();
        for entry in entries {
            if let Some(problem) = unfit_name(&entry.key, file.source, entry.key_span.clone()) {
                self.problems.push(problem);
            } else if self.matrix.axes.iter().any(|(axis, _)| *axis == entry.key) {
                let message = format!("`{}` is an axis of the matrix", entry.key);
                let problem = file.problem(&entry.key_span, message);
                self.problems
                    .push(problem.help("capture into another variable"));
            } else if let Some(declared) = self.declaration(&entry.key) {
                let message = format!("`{}` is a variable of [vars] already", entry.key);
                let problem = file.problem(&entry.key_span, message);
                self.problems.push(
                    problem
                        .help("capture into another variable: one that changes its value misleads")
                        .related(&declared.source, declared.node.span.start, "declared here"),
                );
            }
            names.push(entry.key.clone());
        }
        names
    }

    /// The `[vars]` entry of a name, where a step of the file being read sees it.
    fn declaration(&self, name: &str) -> Option<&Declared> {
        let inside = self.inside.iter().rev();
        inside
            .flat_map(|around| &around.locals.declared)
            .chain(self.declared)
            .find(|declared| declared.name == name)
    }

    fn include(&mut self, file: File<'_>, table: StepTable) {
        let mut when = When::new();
        let mut given: Vec<Declared> = Vec::new();
        let mut included = None;
        for entry in &table.entries {
            match entry.key.as_str() {
                "include" => included = Some(entry),
                "when" => {
                    when = self
                        .matrix
                        .check_when(&entry.node, file.source, self.problems)
                }
                "vars" => given = declarations(&entry.node, file.source, self.problems),
                key => {
                    let message = format!("`{key}` cannot stand beside `include`");
                    let problem = file.problem(&entry.key_span, message);
                    self.problems.push(problem.help(format!(
                        "an include has only {}",
                        one_of(&INCLUDE_KEYS, "`")
                    )));
                }
            }
        }
        let Some(entry) = included else { return };
        let span = entry.node.span.clone();
        let Value::String(written) = &entry.node.value else {
            let problem = file.problem(&span, format!("wrong type: {}", entry.node.describe()));
            self.problems
                .push(problem.help("expected the path of a file with steps"));
            return;
        };
        if written.contains("${") {
            let problem = file.problem(&span, "the path of an include has no variables");
            self.problems
                .push(problem.help("which steps there are is known before the run"));
            return;
        }
        let path = match files::locate(written, file.place, |message| file.problem(&span, message))
        {
            Ok(path) => path,
            Err(problem) => {
                self.problems.push(*problem);
                return;
            }
        };
        if let Some(problem) = self.unfit_include(file, &span, written, &path) {
            self.problems.push(problem);
            return;
        }
        let shown = file.place.shown.join(written);
        let source = match files::read_source(&path, shown, syntax::LARGEST_FILE, |message| {
            file.problem(&span, message)
        }) {
            Ok(source) => source,
            Err(problem) => {
                self.problems.push(*problem);
                return;
            }
        };
        let root = match syntax::parse(&source) {
            Ok(root) => root,
            Err(found) => {
                self.problems.extend(found);
                return;
            }
        };
        let mut top = Top::new(&source, root, &FRAGMENT_KEYS, self.problems);
        let declared = top
            .take("vars")
            .map(|node| declarations(&node, &source, self.problems))
            .unwrap_or_default();
        if let Some(vars) = table.get("vars") {
            self.check_given(file, &vars.node, &declared);
        }
        let place = Arc::new(Place {
            folder: path.parent().map(std::path::Path::to_owned),
            shown: source
                .file
                .parent()
                .map(std::path::Path::to_owned)
                .unwrap_or_default(),
            root: file.place.root.clone(),
        });
        self.inside.push(Inside {
            file: path,
            position: file.position(table.span.start),
            when,
            locals: Arc::new(Locals { given, declared }),
        });
        self.file(&source, &place, top.take("step"));
        self.inside.pop();
    }

    fn unfit_include(
        &self,
        file: File<'_>,
        span: &std::ops::Range<usize>,
        written: &str,
        path: &std::path::Path,
    ) -> Option<Problem> {
        let folder = path.parent().and_then(std::path::Path::file_name);
        if folder != Some(crate::discover::FRAGMENTS.as_ref()) {
            return Some(
                file.problem(span, format!("{written:?} is not in a folder `include`")).help(
                    "step lists to include stand in a folder of that name, so that they are not taken for scenarios",
                ),
            );
        }
        if self.inside.iter().any(|around| around.file == path) {
            let chain: Vec<String> = self
                .inside
                .iter()
                .map(|around| around.file.as_path())
                .chain([path])
                .map(|path| {
                    path.file_name()
                        .unwrap_or_default()
                        .to_string_lossy()
                        .into_owned()
                })
                .collect();
            return Some(
                file.problem(span, "the file includes itself")
                    .help(format!("by way of {}", chain.join(" → "))),
            );
        }
        (self.inside.len() == DEEPEST_INCLUDE).then(|| {
            file.problem(span, "includes nest too deeply")
                .help(format!("at most {DEEPEST_INCLUDE} levels"))
        })
    }

    /// What is passed must be something that the file declares.
    fn check_given(&mut self, file: File<'_>, given: &Node, declared: &[Declared]) {
        let Value::Table(entries) = &given.value else {
            return;
        };
        let names: Vec<&str> = declared
            .iter()
            .map(|declared| declared.name.as_str())
            .collect();
        for entry in entries
            .iter()
            .filter(|entry| !names.contains(&entry.key.as_str()))
        {
            if !self.problems.has_room() {
                break;
            }
            let help = if names.is_empty() {
                "the file has no [vars]".to_owned()
            } else {
                format!("expected {}", one_of(&names, "`"))
            };
            self.problems.push(
                file.problem(
                    &entry.key_span,
                    format!("the included file declares no variable `{}`", entry.key),
                )
                .help(help)
                .near(near_miss(&entry.key, names.iter().copied())),
            );
        }
    }
}

struct StepTable {
    span: std::ops::Range<usize>,
    entries: Vec<Entry>,
}

impl StepTable {
    fn get(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }
}
