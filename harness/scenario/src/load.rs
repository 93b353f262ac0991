//! From a file to a checked scenario.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::{Deserializer, Error};
use serde_json::Value as Json;

use crate::choice;
use crate::files::{self, Place};
use crate::header;
use crate::inputs::Inputs;
use crate::matrix::{self, Matrix};
use crate::near::near_miss;
use crate::node::{Node, Value, quoted};
use crate::problem::{Problem, Problems, Source};
use crate::processes::Processes;
use crate::read::{Context, read};
use crate::redact::{Redactor, written_secrets};
use crate::registry::Registry;
use crate::scenario::{
    Defaults, ExpectFailure, Instance, Scenario, StackSettings, Step, When, holds,
};
use crate::shape::Position;
use crate::steps::Loader;
use crate::syntax;
use crate::template;
use crate::vars::{Declared, Phase, Substitution, Vars};

/// The keys of a scenario file.
const TOP_KEYS: [&str; 10] = [
    "summary",
    "tags",
    "exclusive",
    "skip",
    "vars",
    "defaults",
    "matrix",
    "expect_failure",
    "stack",
    "step",
];

/// The simple keys at the top of a scenario.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Head {
    /// What is checked, in a sentence. Without it: the header comment's first sentence.
    pub(crate) summary: Option<String>,
    /// Words to select scenarios by.
    pub(crate) tags: Vec<Tag>,
    /// Whether the scenario wants a stack of its own.
    pub(crate) exclusive: bool,
    /// Profiles of the stack that the scenario does not run on, each with the reason.
    pub(crate) skip: BTreeMap<String, Reason>,
}

/// Why something is so, in a sentence for a report.
#[derive(Debug, JsonSchema)]
#[schemars(transparent)]
pub(crate) struct Reason(#[schemars(length(min = 1))] pub(crate) String);

impl<'de> Deserialize<'de> for Reason {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let reason = String::deserialize(deserializer)?;
        if reason.trim().is_empty() {
            return Err(D::Error::custom(
                "the reason is empty\nexpected a sentence: the report shows it",
            ));
        }
        Ok(Self(reason))
    }
}

/// A word to select scenarios by.
#[derive(Debug, JsonSchema)]
#[schemars(transparent)]
pub(crate) struct Tag(#[schemars(regex(pattern = "^[a-z0-9][a-z0-9-]*$"))] pub(crate) String);

impl<'de> Deserialize<'de> for Tag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let tag = String::deserialize(deserializer)?;
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if tag.is_empty() || tag.starts_with('-') || !tag.chars().all(plain) {
            return Err(D::Error::custom(format_args!(
                "{tag:?} is not a tag\na tag has lower-case letters, digits and `-`"
            )));
        }
        Ok(Self(tag))
    }
}

/// Reads and checks a scenario file.
///
/// # Errors
/// With everything that is wrong in it and in the files that it names, in one go.
pub fn load<S>(
    path: &Path,
    registry: &Registry<S>,
    inputs: &Inputs,
) -> Result<Scenario<S>, Problems> {
    let unreadable = |message: String| Problem::of_file(path, message);
    let canonical = |path: &Path| {
        path.canonicalize().map_err(|error| {
            Problems::from(unreadable(format!(
                "cannot find {}: {error}",
                path.display()
            )))
        })
    };
    let source = files::read_source(path, path.to_owned(), syntax::LARGEST_FILE, unreadable)
        .map_err(|problem| *problem)?;
    let shown = path.parent().unwrap_or(Path::new(""));
    let folder = canonical(if shown == Path::new("") {
        Path::new(".")
    } else {
        shown
    })?;
    let root = match &inputs.root {
        Some(root) => Some(canonical(root)?).filter(|root| folder.starts_with(root)),
        None => None,
    };
    let root = root.unwrap_or_else(|| folder.clone());
    if !canonical(path)?.starts_with(&root) {
        return Err(unreadable("the file is a link that leads out of the scenarios".to_owned())
            .help("a scenario uses only files below the scenarios' root, so that the folder is all that a run needs")
            .into());
    }
    let place = Place {
        folder: Some(folder),
        shown: shown.to_owned(),
        root,
    };
    scenario(source, place, registry, inputs)
}

/// Reads and checks the text of a scenario, which cannot name other files. `file` is what messages call it.
///
/// # Errors
/// With everything that is wrong, in one go.
pub fn parse_str<S>(
    file: &Path,
    text: &str,
    registry: &Registry<S>,
    inputs: &Inputs,
) -> Result<Scenario<S>, Problems> {
    scenario(Source::new(file, text), Place::default(), registry, inputs)
}

fn scenario<S>(
    source: Arc<Source>,
    place: Place,
    registry: &Registry<S>,
    inputs: &Inputs,
) -> Result<Scenario<S>, Problems> {
    let root = syntax::parse(&source).map_err(|problems| {
        // Nothing is read yet, so secrets are known by what stands around them.
        let known = inputs.secrets().chain(written_secrets(&source.text));
        problems.redacted(&Redactor::new(known))
    })?;
    let mut problems = Problems::default();
    let mut top = Top::new(&source, root, &TOP_KEYS, &mut problems);

    let doc = document(&source, &mut problems);
    let head = head(&mut top, &source, inputs, &mut problems);
    let declared = top
        .take("vars")
        .map(|node| declared(&node, &source, inputs, &mut problems))
        .unwrap_or_default();
    let matrix = top
        .take("matrix")
        .map(|node| matrix::read(&node, &declared, &source, &mut problems))
        .unwrap_or_default();
    let defaults = Arc::new(Defaults {
        table: top.take("defaults"),
        source: Arc::clone(&source),
    });
    let stack = top.take("stack");
    let expected = top.take("expect_failure");

    let place = Arc::new(place);
    let mut loader = Loader::new(registry, &matrix, &declared, defaults, &mut problems);
    loader.file(&source, &place, top.take("step"));
    let steps = loader.into_steps();

    let name = name(&source.file, &place);
    let environment = inputs.environment.iter().flatten();
    let environment: BTreeMap<String, Json> = environment
        .map(|(name, value)| (format!("env.{name}"), Json::from(value.as_str())))
        .collect();
    let upcoming: BTreeMap<String, _> = steps
        .iter()
        .flat_map(|step| {
            step.captures
                .iter()
                .map(|name| (name.clone(), step.position.clone()))
        })
        .collect();
    let mut needs = BTreeMap::new();
    let mut instances: Vec<Instance> = Vec::new();
    for axes in matrix.combinations() {
        let mut fixed = environment.clone();
        fixed.extend(axes.iter().cloned());
        let mut later: BTreeSet<String> = inputs.builtins.iter().cloned().collect();
        later.extend(matrix.broken.iter().cloned());
        let mut vars = Vars::new(fixed, declared.clone(), later, inputs.environment.is_none())
            .upcoming(upcoming.clone());
        vars.evaluate(&mut problems);
        check_steps(
            &steps,
            registry,
            &axes,
            vars.clone(),
            &mut needs,
            &mut problems,
        );
        let context = Context {
            source: &source,
            place: &place,
            vars: &vars,
            phase: Phase::Check,
        };
        let settings = stack.as_ref().map(|node| {
            choice::check(node, context, inputs, &mut problems);
            known::<StackSettings>(node, context, &mut problems)
        });
        let expect_failure = expected
            .as_ref()
            .and_then(|node| expected_failure(node, context, &matrix, &steps, &mut problems))
            .filter(|expected| holds(&expected.when, &axes));
        instances.push(Instance {
            id: matrix::id(&name, &axes),
            axes,
            stack: settings.flatten().unwrap_or_default(),
            expect_failure,
            vars,
        });
    }

    for step in &steps {
        let own = (step.kind.needs_of)(&step.arguments.to_json());
        for need in step.kind.needs.iter().copied().chain(own) {
            needs
                .entry(need.to_owned())
                .or_insert_with(|| step.position.clone());
        }
    }
    if !problems.is_empty() {
        let known = instances
            .iter()
            .flat_map(|instance| instance.vars.secrets());
        let redactor = Redactor::new(inputs.secrets().chain(known));
        return Err(problems.sorted().redacted(&redactor));
    }
    Ok(Scenario {
        path: source.file.clone(),
        name,
        summary: head.summary.unwrap_or_else(|| header::first_sentence(&doc)),
        doc,
        tags: head.tags.into_iter().map(|tag| tag.0).collect(),
        exclusive: head.exclusive,
        skip: head
            .skip
            .into_iter()
            .map(|(profile, reason)| (profile, reason.0))
            .collect(),
        needs,
        matrix: matrix.axes,
        instances,
        declares: declared.into_iter().map(|declared| declared.name).collect(),
        steps,
    })
}

/// The keys at the top of a file, each taken once.
pub(crate) struct Top {
    root: Node,
}

impl Top {
    /// Reports the keys that no such file has, and leaves them out.
    pub(crate) fn new(
        source: &Arc<Source>,
        mut root: Node,
        known: &[&str],
        problems: &mut Problems,
    ) -> Self {
        if let Value::Table(entries) = &mut root.value {
            entries.retain(|entry| {
                let is_known = known.contains(&entry.key.as_str());
                if !is_known && problems.has_room() {
                    problems.push(
                        Problem::new(
                            source,
                            entry.key_span.clone(),
                            format!("unknown key `{}`", entry.key),
                        )
                        .help(format!("expected {}", crate::fault::one_of(known, "`")))
                        .near(near_miss(&entry.key, known.iter().copied())),
                    );
                }
                is_known
            });
        }
        Self { root }
    }

    pub(crate) fn take(&mut self, key: &str) -> Option<Node> {
        let Value::Table(entries) = &mut self.root.value else {
            return None;
        };
        let index = entries.iter().position(|entry| entry.key == key)?;
        Some(entries.remove(index).node)
    }
}

fn document(source: &Arc<Source>, problems: &mut Problems) -> String {
    match header::header(&source.text) {
        Some((doc, _)) => doc,
        None => {
            let first_line = source.text.lines().next().map_or(0, str::len);
            problems.push(
                Problem::new(source, 0..first_line, "the scenario has no header comment")
                    .help("begin the file with a comment that says what is checked, and why: # A delete arrives as …"),
            );
            String::new()
        }
    }
}

fn head(top: &mut Top, source: &Arc<Source>, inputs: &Inputs, problems: &mut Problems) -> Head {
    let mut entries = Vec::new();
    for key in ["summary", "tags", "exclusive", "skip"] {
        if let Value::Table(all) = &mut top.root.value
            && let Some(index) = all.iter().position(|entry| entry.key == key)
        {
            entries.push(all.remove(index));
        }
    }
    let profiles = inputs.profiles.iter();
    let names: Vec<&str> = profiles.map(|profile| profile.name.as_str()).collect();
    if let Some(skip) = entries.iter().find(|entry| entry.key == "skip")
        && let Value::Table(profiles) = &skip.node.value
    {
        for entry in profiles
            .iter()
            .filter(|entry| !names.contains(&entry.key.as_str()))
        {
            let help = if names.is_empty() {
                "the stack has no profiles".to_owned()
            } else {
                format!("expected {}", crate::fault::one_of(&names, "`"))
            };
            problems.push(
                Problem::new(
                    source,
                    entry.key_span.clone(),
                    format!("unknown profile `{}`", entry.key),
                )
                .help(help)
                .near(near_miss(&entry.key, names.iter().copied())),
            );
        }
    }
    let node = Node::new(Value::Table(entries), 0..0);
    let (place, vars) = (Place::default(), Vars::default());
    let context = Context {
        source,
        place: &place,
        vars: &vars,
        phase: Phase::Check,
    };
    match read(&node, context) {
        Ok(head) => head.unwrap_or_default(),
        Err(found) => {
            problems.extend(found);
            Head::default()
        }
    }
}

/// `[vars]` of a scenario, with the values that the command line gives.
fn declared(
    node: &Node,
    source: &Arc<Source>,
    inputs: &Inputs,
    problems: &mut Problems,
) -> Vec<Declared> {
    let mut declared = declarations(node, source, problems);
    for declared in &mut declared {
        let Some(given) = inputs.variables.get(&declared.name) else {
            continue;
        };
        match typed(given, &declared.node) {
            Some(value) => declared.node = Node::from_json(&value, &(0..0)),
            None => problems.push(
                Problem::new(
                    source,
                    declared.node.span.clone(),
                    format!(
                        "the value given for `{}` does not fit: {given:?}",
                        declared.name
                    ),
                )
                .help(format!(
                    "expected a value like the one declared here, {}",
                    declared.node.describe()
                )),
            ),
        }
    }
    declared
}

/// A table of variables: in the order of the file, names checked.
pub(crate) fn declarations(
    node: &Node,
    source: &Arc<Source>,
    problems: &mut Problems,
) -> Vec<Declared> {
    let Value::Table(entries) = &node.value else {
        problems.push(
            Problem::new(
                source,
                node.span.clone(),
                format!("wrong type: {}", node.describe()),
            )
            .help("expected a table of variables"),
        );
        return Vec::new();
    };
    for entry in entries {
        if let Some(problem) = unfit_name(&entry.key, source, entry.key_span.clone()) {
            problems.push(problem);
        }
    }
    entries
        .iter()
        .map(|entry| Declared {
            name: entry.key.clone(),
            node: entry.node.clone(),
            source: Arc::clone(source),
        })
        .collect()
}

/// What is wrong with a name that a scenario gives to a variable.
pub(crate) fn unfit_name(
    name: &str,
    source: &Arc<Source>,
    span: std::ops::Range<usize>,
) -> Option<Problem> {
    if name == "null" {
        let problem = Problem::new(source, span, "`null` is a variable already");
        return Some(problem.help("`${null}` is JSON's null, which TOML lacks"));
    }
    (!template::is_own_name(name)).then(|| {
        Problem::new(
            source,
            span,
            format!("`{name}` is not a name for a variable"),
        )
        .help("a name has letters, digits, `_` and `-`, and begins with a letter or `_`")
    })
}

/// Text from the command line as a value of the declared type.
fn typed(given: &str, declared: &Node) -> Option<Json> {
    match &declared.value {
        Value::String(_) => Some(Json::from(given)),
        Value::Boolean(_) => given.parse::<bool>().ok().map(Json::from),
        Value::Integer(_) | Value::Unsigned(_) => given.parse::<i64>().ok().map(Json::from),
        Value::Float(_) => given
            .parse::<f64>()
            .ok()
            .filter(|number| number.is_finite())
            .map(Json::from),
        Value::Null | Value::Array(_) | Value::Table(_) => serde_json::from_str(given).ok(),
    }
}

fn check_steps<S>(
    steps: &[Step<S>],
    registry: &Registry<S>,
    axes: &[(String, Json)],
    mut vars: Vars,
    needs: &mut BTreeMap<String, Position>,
    problems: &mut Problems,
) {
    let mut processes = Processes::default();
    for step in steps.iter().filter(|step| holds(&step.when, axes)) {
        problems.extend(step.resolve(&vars, Phase::Check).1);
        processes.step(step, &vars, registry, problems);
        // The first step has what `[vars]` asked for, too.
        for variable in vars.take_asked() {
            if let Some((service, _)) = variable.split_once('.')
                && !["run", "env"].contains(&service)
            {
                needs
                    .entry(service.to_owned())
                    .or_insert_with(|| step.position.clone());
            }
        }
        vars.expect(step.captures.iter().cloned());
    }
}

/// A value that must be known before the run.
fn known<T: serde::de::DeserializeOwned>(
    node: &Node,
    context: Context<'_>,
    problems: &mut Problems,
) -> Option<T> {
    let filled =
        Substitution::new(context.vars, context.source, context.phase, problems).node(node);
    match read(&filled, context) {
        Ok(Some(value)) => return Some(value),
        Ok(None) => {}
        Err(found) => {
            problems.extend(found);
            return None;
        }
    }
    problems.push(
        Problem::new(
            context.source,
            node.span.clone(),
            "the value is known only during the run",
        )
        .help("expected values, or variables of the matrix, of `[vars]` or the environment"),
    );
    None
}

fn expected_failure<S>(
    node: &Node,
    context: Context<'_>,
    matrix: &Matrix,
    steps: &[Step<S>],
    problems: &mut Problems,
) -> Option<ExpectFailure> {
    let expected: Option<ExpectFailure> = known(node, context, problems);
    // Looked at as it is written, so that a mistake in another key does not hide one here.
    if let Some(when) = node.get("when") {
        matrix.check_when(&when.node, context.source, problems);
    }
    let names: Vec<&str> = steps.iter().filter_map(Step::name).collect();
    if let Some(entry) = node.get("step")
        && let Value::String(step) = &entry.node.value
        && !names.contains(&step.as_str())
    {
        let problem = Problem::new(
            context.source,
            entry.node.span.clone(),
            format!("no step is named {}", quoted(step)),
        );
        problems.push(
            problem
                .help("expected the `name` of a step, as it is written there")
                .near(near_miss(step, names.iter().copied())),
        );
    }
    expected
}

/// `area/name` of a file.
fn name(file: &Path, place: &Place) -> String {
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    let folder = place.folder.as_deref().or(file.parent());
    match folder.and_then(Path::file_name) {
        Some(area) => format!("{}/{stem}", area.to_string_lossy()),
        None => stem.into_owned(),
    }
}

/// The `when` of a step or of an expected failure.
pub(crate) fn read_when(
    node: &Node,
    source: &Arc<Source>,
    problems: &mut Problems,
) -> Option<When> {
    let (place, vars) = (Place::default(), Vars::default());
    let context = Context {
        source,
        place: &place,
        vars: &vars,
        phase: Phase::Check,
    };
    match read(node, context) {
        Ok(when) => when,
        Err(found) => {
            problems.extend(found);
            None
        }
    }
}
