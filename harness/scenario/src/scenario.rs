//! A scenario that was read and checked.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::de::{Deserializer, Error};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::duration::Duration;
use crate::files::Place;
use crate::jsonpath::JsonPath;
use crate::node::{Node, Value};
use crate::problem::{Problem, Problems, Source};
use crate::read::{Context, read};
use crate::redact::Redactor;
use crate::registry::{Kind, Role};
use crate::shape::{OneOrMany, Position};
use crate::vars::{Declared, Phase, Substitution, Vars};

/// How long a check retries when nothing says otherwise: 30 s.
pub const DEFAULT_WITHIN: Duration = Duration::from_secs(30);

/// The first pause between two attempts of a check when nothing says otherwise: 100 ms.
pub const DEFAULT_POLL: Duration = Duration::from_millis(100);

/// A scenario: what it is called, what it needs, and its steps.
#[derive(Debug)]
pub struct Scenario<S> {
    /// The file, as it was named to [`load`](crate::load).
    pub path: PathBuf,
    /// `area/name`, from the last folder of the path and the file's name without `.toml`.
    pub name: String,
    /// The header comment.
    pub doc: String,
    /// What is checked, in a sentence: the key `summary`, or the header's first sentence.
    pub summary: String,
    /// Words to select scenarios by, in the order of the file.
    pub tags: Vec<String>,
    /// Whether it wants a stack of its own.
    pub exclusive: bool,
    /// Profiles of the stack that it does not run on, each with the reason.
    pub skip: BTreeMap<String, String>,
    /// What a stack must be capable of, each with the first step that needs it.
    pub needs: BTreeMap<String, Position>,
    /// The axes of `[matrix]` with their values.
    pub matrix: Vec<(String, Vec<Json>)>,
    /// One for each combination of the matrix's values; one without axes where there is no matrix.
    pub instances: Vec<Instance>,
    /// Names of the variables that `[vars]` declares, and so the command line may set.
    pub declares: BTreeSet<String>,
    pub(crate) steps: Vec<Step<S>>,
}

impl<S> Scenario<S> {
    /// The steps of an instance, in order, those of included files in their place.
    pub fn steps<'a>(&'a self, instance: &'a Instance) -> impl Iterator<Item = &'a Step<S>> {
        self.steps.iter().filter(|step| step.is_in(instance))
    }

    /// All steps, whatever the instance.
    #[must_use]
    pub fn all_steps(&self) -> &[Step<S>] {
        &self.steps
    }
}

/// A scenario with a value for each axis of its matrix.
#[derive(Clone, Debug)]
pub struct Instance {
    /// `area/name`, with `[axis=value,…]` after it where there is a matrix.
    pub id: String,
    /// The value of each axis.
    pub axes: Vec<(String, Json)>,
    /// Settings of the stack.
    pub stack: StackSettings,
    /// The upstream defect that makes it fail, if there is one.
    pub expect_failure: Option<ExpectFailure>,
    pub(crate) vars: Vars,
}

impl Instance {
    /// The variables to run with. The built-in ones are still to be [set](Vars::set).
    #[must_use]
    pub fn vars(&self) -> Vars {
        self.vars.clone()
    }
}

/// `[stack]`: settings of the stack that the scenario runs on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct StackSettings {
    /// How the JVMs are started.
    pub jvm: Jvm,
    /// The profile that the scenario runs on, whatever the command line says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// The version of Kafka and Connect, and with it the profile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kafka: Option<String>,
    /// The version of Debezium's Postgres connector.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub debezium: Option<String>,
    /// The version of Debezium's JDBC sink. The worker has no sink where this is missing: looking through it takes a start longer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jdbc: Option<String>,
    /// Whether all parts speak TLS and show a certificate or a password, and may do at Kafka only what they have to; with `--secure`
    /// so does the stack of a scenario that does not say it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub secure: bool,
    /// How many brokers: 1, or 3, of which one can be lost.
    #[serde(deserialize_with = "brokers", skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = [1, 3]))]
    pub brokers: Option<u8>,
    /// How many workers: 1, or 2, of which one can be lost.
    #[serde(deserialize_with = "workers", skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = [1, 2]))]
    pub workers: Option<u8>,
}

fn brokers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u8>, D::Error> {
    one_of(deserializer, [1, 3], "1, or 3: of two none can be lost")
}

fn workers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u8>, D::Error> {
    one_of(deserializer, [1, 2], "1 or 2")
}

fn one_of<'de, D: Deserializer<'de>>(
    deserializer: D,
    choices: [u8; 2],
    expected: &str,
) -> Result<Option<u8>, D::Error> {
    let number = u8::deserialize(deserializer)?;
    if choices.contains(&number) {
        return Ok(Some(number));
    }
    let unexpected = serde::de::Unexpected::Unsigned(number.into());
    Err(serde::de::Error::invalid_value(unexpected, &expected))
}

/// How JVMs are started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Jvm {
    /// For a fast start: right for functional scenarios, wrong for throughput.
    #[default]
    Quick,
    /// For throughput.
    Server,
}

/// `[expect_failure]`: a known upstream defect. The scenario holds when the step fails, and turns red when it does not.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExpectFailure {
    /// Where the defect is tracked, such as `DBZ-5966`.
    #[serde(deserialize_with = "issue")]
    #[schemars(regex(pattern = r"^\S+$"))]
    pub issue: String,
    /// The name of the step that fails; any step where this is missing.
    pub step: Option<String>,
    /// What the defect is, in a sentence.
    pub reason: Option<String>,
    /// Only for these values of the matrix's axes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub when: When,
}

fn issue<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let issue = String::deserialize(deserializer)?;
    if issue.is_empty() || issue.contains(char::is_whitespace) {
        return Err(D::Error::custom(
            "this names no issue\nexpected the name or address of an issue, such as \"DBZ-5966\"",
        ));
    }
    Ok(issue)
}

/// Values of axes for which something is so: all axes must agree, each with one of its values.
pub type When = BTreeMap<String, OneOrMany<Json>>;

/// One step of a scenario.
#[derive(Debug)]
pub struct Step<S> {
    /// Place in the scenario, from 1, with the steps of included files counted.
    pub number: usize,
    /// The key that names the action or check.
    pub key: &'static str,
    /// Action or check.
    pub role: Role,
    /// Where the step begins.
    pub position: Position,
    /// The `include` that brought the step in, the outermost first.
    pub included_from: Vec<Position>,
    /// Variables that the step defines for those after it.
    pub captures: Vec<String>,
    pub(crate) name: Option<String>,
    pub(crate) kind: Kind<S>,
    pub(crate) when: When,
    pub(crate) settings: Node,
    pub(crate) arguments: Node,
    pub(crate) source: Arc<Source>,
    pub(crate) place: Arc<Place>,
    pub(crate) defaults: Arc<Defaults>,
    /// The variables of the included files that the step is in, the outermost first.
    pub(crate) locals: Vec<Arc<Locals>>,
}

/// Variables of an included file.
#[derive(Debug)]
pub(crate) struct Locals {
    /// What the including step passes: read where that step stands.
    pub(crate) given: Vec<Declared>,
    /// What the file declares, where nothing is passed.
    pub(crate) declared: Vec<Declared>,
}

/// `[defaults]`, as written.
#[derive(Debug, Default)]
pub(crate) struct Defaults {
    pub(crate) table: Option<Node>,
    pub(crate) source: Arc<Source>,
}

/// `[defaults]`: for steps that do not say it themselves.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DefaultSettings {
    /// How long checks retry.
    #[serde(default, deserialize_with = "limit")]
    pub(crate) within: Option<Duration>,
    /// How long what a check expects must stay true.
    #[serde(rename = "for")]
    pub(crate) hold: Option<Duration>,
    /// The first pause between two attempts of a check.
    #[serde(default, deserialize_with = "pause")]
    pub(crate) poll: Option<Duration>,
}

fn limit<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    above_zero(
        deserializer,
        "every check would look only once, before anything can have arrived\nexpected a length of time above zero; a step that is to look once says so itself",
    )
}

fn pause<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    above_zero(
        deserializer,
        "without a pause a check would ask without end\nexpected a length of time above zero",
    )
}

fn above_zero<'de, D: Deserializer<'de>>(
    deserializer: D,
    else_say: &str,
) -> Result<Option<Duration>, D::Error> {
    let length = Option::deserialize(deserializer)?;
    if length == Some(Duration::default()) {
        return Err(D::Error::custom(else_say));
    }
    Ok(length)
}

/// The keys of a step beside its action or check.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StepSettings {
    /// What the step is called in reports.
    pub(crate) name: Option<String>,
    /// How long a check retries, or an action may take.
    pub(crate) within: Option<Duration>,
    /// How long what the check expects must stay true.
    #[serde(rename = "for")]
    pub(crate) hold: Option<Duration>,
    /// Variables for later steps: each takes the value that a JSONPath leads to in what the step observed.
    #[serde(default)]
    pub(crate) capture: BTreeMap<String, JsonPath>,
}

/// A step with its variables put in: ready to run.
#[derive(Debug)]
pub struct Bound<S> {
    /// The action or check.
    pub step: S,
    /// The step's name, or else what [`Step::title`] says. Secrets in it are redacted.
    pub title: String,
    /// How long a check retries, or an action may take. An action without a limit of its own has none.
    pub within: Option<Duration>,
    /// How long what the check expects must stay true; zero when it need not.
    pub hold: Duration,
    /// The first pause between two attempts of a check.
    pub poll: Duration,
    /// Variables to [set](Vars::set) from what the step observed.
    pub captures: BTreeMap<String, JsonPath>,
    /// Takes the secrets out of what the step says: those of [`Vars::redactor`], and those of the included file that the
    /// step is in. What the step captures is not among them yet.
    pub redactor: Redactor,
}

impl<S> Step<S> {
    /// Whether the step belongs to an instance: its `when` allows it.
    #[must_use]
    pub fn is_in(&self, instance: &Instance) -> bool {
        holds(&self.when, &instance.axes)
    }

    /// The name as written, variables not put in.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// What reports call the step: its name; otherwise its key and the first words of its arguments. As written, variables not
    /// put in, so that it is the same in each run.
    #[must_use]
    pub fn title(&self) -> String {
        match &self.name {
            Some(name) => name.clone(),
            None => first_words(self.key, &self.arguments),
        }
    }

    /// The step as it stands in its file, variables not put in.
    #[must_use]
    pub fn written(&self) -> &str {
        let end = self.settings.end().max(self.arguments.end());
        let text = self.source.text.get(self.settings.span.start..end);
        text.unwrap_or_default().trim_end()
    }

    /// The step with the variables' values put in.
    ///
    /// # Errors
    /// When a variable has no value yet, or a value does not fit where it is put.
    pub fn bind(&self, vars: &Vars) -> Result<Bound<S>, Problems> {
        let (bound, problems) = self.resolve(vars, Phase::Run);
        match bound {
            Some(bound) if problems.is_empty() => Ok(bound),
            _ => Err(problems.sorted()),
        }
    }

    /// The arguments, or the one of a key, with the variables put in. What is wrong with those is told where the step is read.
    pub(crate) fn argument(&self, key: Option<&str>, vars: &Vars) -> Option<Node> {
        let node = match key {
            Some(key) => &self.arguments.get(key)?.node,
            None => &self.arguments,
        };
        let mut unheard = Problems::default();
        let mut vars = vars.clone();
        for locals in &self.locals {
            vars = locals.enter(&vars, Phase::Check, &mut unheard);
        }
        Some(Substitution::new(&vars, &self.source, Phase::Check, &mut unheard).node(node))
    }

    /// `None` without problems: only the run will show whether the step is right.
    pub(crate) fn resolve(&self, vars: &Vars, phase: Phase) -> (Option<Bound<S>>, Problems) {
        let mut problems = Problems::default();
        let mut vars = vars.clone();
        for locals in &self.locals {
            vars = locals.enter(&vars, phase, &mut problems);
        }
        let bound = self.read_parts(&vars, phase, &mut problems);
        if !problems.is_empty() {
            problems = problems.redacted(&vars.redactor());
        }
        (bound, problems)
    }

    fn read_parts(&self, vars: &Vars, phase: Phase, problems: &mut Problems) -> Option<Bound<S>> {
        let defaults: Option<DefaultSettings> = match &self.defaults.table {
            Some(table) => self.read(table, &self.defaults.source, vars, phase, problems),
            None => Some(DefaultSettings::default()),
        };
        let settings: Option<StepSettings> =
            self.read(&self.settings, &self.source, vars, phase, problems);
        let step = {
            let node = Substitution::new(vars, &self.source, phase, problems).node(&self.arguments);
            match self
                .kind
                .parse(&node, self.context(&self.source, vars, phase))
            {
                Ok(step) => step,
                Err(found) => {
                    problems.extend(found);
                    None
                }
            }
        };
        let (Some(defaults), Some(settings), Some(step)) = (defaults, settings, step) else {
            return None;
        };
        let is_check = self.role == Role::Check;
        problems.extend(self.without_length(&settings, &defaults));
        let redactor = vars.redactor();
        let bound = Bound {
            step,
            title: redactor.redact(&settings.name.unwrap_or_else(|| self.title())),
            within: settings
                .within
                .or_else(|| is_check.then(|| defaults.within.unwrap_or(DEFAULT_WITHIN))),
            hold: settings
                .hold
                .or(defaults.hold)
                .filter(|_| is_check)
                .unwrap_or_default(),
            poll: defaults.poll.unwrap_or(DEFAULT_POLL),
            captures: settings.capture,
            redactor,
        };
        Some(bound)
    }

    /// Lengths of time of the step that are zero and so say nothing, or nothing that can be.
    fn without_length(&self, settings: &StepSettings, defaults: &DefaultSettings) -> Problems {
        let mut problems = Problems::default();
        let mut wrong = |key: &str, message: &str, help: &str| {
            if let Some(entry) = self.settings.get(key) {
                let span = entry.node.span.clone();
                problems.push(Problem::new(&self.source, span, message).help(help));
            }
        };
        let zero = Some(Duration::default());
        if self.role == Role::Action && settings.within == zero {
            wrong(
                "within",
                "no action is done in no time",
                "give a length of time above zero, or leave `within` out: an action has no limit of its own",
            );
        }
        // Steps of an included file may be there to undo the defaults of one that includes it.
        if settings.hold == zero && defaults.hold.is_none() && self.locals.is_empty() {
            wrong(
                "for",
                "no length of time is what a check holds for anyway",
                "leave `for` out, or say how long what is expected must stay true",
            );
        }
        problems
    }

    fn context<'a>(&'a self, source: &'a Arc<Source>, vars: &'a Vars, phase: Phase) -> Context<'a> {
        Context {
            source,
            place: &self.place,
            vars,
            phase,
        }
    }

    fn read<T: serde::de::DeserializeOwned>(
        &self,
        node: &Node,
        source: &Arc<Source>,
        vars: &Vars,
        phase: Phase,
        problems: &mut Problems,
    ) -> Option<T> {
        let node = Substitution::new(vars, source, phase, problems).node(node);
        match read(&node, self.context(source, vars, phase)) {
            Ok(value) => value,
            Err(found) => {
                problems.extend(found);
                None
            }
        }
    }
}

/// A key with the first text of its arguments, clipped.
fn first_words(key: &str, arguments: &Node) -> String {
    const LONGEST: usize = 40;
    let text = match &arguments.value {
        Value::Table(entries) => entries.iter().find_map(|entry| match &entry.node.value {
            Value::String(text) => Some(text),
            _ => None,
        }),
        Value::String(text) => Some(text),
        _ => None,
    };
    let words: Vec<&str> = text
        .into_iter()
        .flat_map(|text| text.split_whitespace())
        .collect();
    let words = words.join(" ");
    match words.char_indices().nth(LONGEST) {
        _ if words.is_empty() => key.to_owned(),
        Some((at, _)) => {
            // Between two words where that does not leave too little.
            let end = words[..at]
                .rfind(' ')
                .filter(|end| *end > at / 2)
                .unwrap_or(at);
            format!("{key} {} …", &words[..end])
        }
        None => format!("{key} {words}"),
    }
}

impl Locals {
    /// The variables inside the included file: its own in their order, each as it is passed or else as it is declared.
    fn enter(&self, outside: &Vars, phase: Phase, problems: &mut Problems) -> Vars {
        let mut inside = outside.clone();
        for declared in &self.declared {
            let given = self.given.iter().find(|given| given.name == declared.name);
            let (vars, from) = match given {
                Some(given) => (outside, given),
                None => (&inside, declared),
            };
            let node = Substitution::new(vars, &from.source, phase, problems).node(&from.node);
            inside = inside.with([(declared.name.clone(), node)]);
        }
        inside
    }
}

pub(crate) fn holds(when: &When, axes: &[(String, Json)]) -> bool {
    when.iter().all(|(axis, allowed)| {
        axes.iter()
            .any(|(name, value)| name == axis && allowed.0.contains(value))
    })
}
