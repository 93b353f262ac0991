//! Files beside a scenario: found from its folder, never outside the scenarios' root.

use std::borrow::Cow;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Visitor};
use serde_json::Value as Json;

use crate::fault::{Fault, FaultKind};
use crate::json;
use crate::near::near_miss;
use crate::node::{Node, Value};
use crate::problem::{Problem, Problems, Source};
use crate::read::{Context, special};
use crate::vars::Substitution;

/// Largest file that a scenario may name for its content: 16 MiB.
const LARGEST_CONTENT: u64 = 16 << 20;

/// Where a scenario stands.
#[derive(Clone, Debug, Default)]
pub(crate) struct Place {
    /// The folder of the file whose values are read; `None` when it is only text.
    pub(crate) folder: Option<PathBuf>,
    /// The same folder as messages name it.
    pub(crate) shown: PathBuf,
    /// The folder that no path leads out of, canonical.
    pub(crate) root: PathBuf,
}

/// A file beside the scenario, by its path from the scenario's folder. It exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScenarioFile {
    /// The path as the scenario has it.
    pub written: String,
    /// The file: absolute, links followed.
    pub path: PathBuf,
}

/// A text file beside the scenario, read, with the variables of the scenario put in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextFile {
    /// The path as the scenario has it.
    pub written: String,
    /// The file: absolute, links followed.
    pub path: PathBuf,
    /// Its content.
    pub text: String,
}

/// A JSON file beside the scenario, read, with the variables of the scenario put into its strings. As in the scenario
/// itself, a string that is exactly `"${name}"` takes the variable's own type.
#[derive(Clone, Debug, PartialEq)]
pub struct JsonFile {
    /// The path as the scenario has it.
    pub written: String,
    /// The file: absolute, links followed.
    pub path: PathBuf,
    /// Its content.
    pub value: Json,
}

/// The file that a value names.
pub(crate) fn resolve(written: &str, node: &Node, context: Context<'_>) -> Result<PathBuf, Fault> {
    let problem = |message: String| Problem::new(context.source, node.span.clone(), message);
    locate(written, context.place, problem)
        .map_err(|problem| Fault::new(FaultKind::Reported(vec![*problem])))
}

/// The file at a path from the folder of a place, or what is wrong with it.
pub(crate) fn locate(
    written: &str,
    place: &Place,
    problem: impl Fn(String) -> Problem,
) -> Result<PathBuf, Box<Problem>> {
    const FORM: &str = "expected a path from the scenario's folder, such as \"connector.json\"";
    let Some(folder) = &place.folder else {
        return Err(Box::new(
            problem(format!("no file can be found: {written:?}"))
                .help("the scenario is text without a folder"),
        ));
    };
    if written.is_empty() || written.contains('\0') {
        return Err(Box::new(problem("not a path".to_owned()).help(FORM)));
    }
    if Path::new(written).is_absolute() {
        return Err(Box::new(
            problem(format!("{written:?} is an absolute path")).help(FORM),
        ));
    }
    let path = match folder.join(written).canonicalize() {
        Ok(path) => path,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let siblings = siblings(folder, written);
            let problem = problem(format!("no such file: {written:?}"))
                .help(format!("looked in {}", folder_name(&place.shown)))
                .near(near_miss(written, siblings.iter().map(String::as_str)));
            return Err(Box::new(problem));
        }
        Err(error) => {
            return Err(Box::new(
                problem(format!("cannot open {written:?}: {error}")).help(FORM),
            ));
        }
    };
    if !path.starts_with(&place.root) {
        return Err(Box::new(problem(format!("{written:?} is outside the scenarios")).help(
            "a scenario uses only files below the scenarios' root, so that the folder is all that a run needs",
        )));
    }
    // A pipe or device would block or never end.
    if !path.is_file() {
        return Err(Box::new(
            problem(format!("{written:?} is not a file")).help(FORM),
        ));
    }
    Ok(path)
}

/// The files of the folder that a path names, written as the path is.
fn siblings(folder: &Path, written: &str) -> Vec<String> {
    let parent = Path::new(written).parent().unwrap_or(Path::new(""));
    let Ok(entries) = fs::read_dir(folder.join(parent)) else {
        return Vec::new();
    };
    let mut names: Vec<String> = entries
        .filter_map(|entry| {
            parent
                .join(entry.ok()?.file_name())
                .to_str()
                .map(str::to_owned)
        })
        .collect();
    names.sort();
    names
}

fn folder_name(folder: &Path) -> String {
    if folder == Path::new("") {
        "the folder of the scenario".to_owned()
    } else {
        folder.display().to_string()
    }
}

/// Reads a text file of at most `limit` bytes. `shown` is what messages call it; `problem` places one that has no place
/// in the file itself.
pub(crate) fn read_source(
    path: &Path,
    shown: PathBuf,
    limit: u64,
    problem: impl Fn(String) -> Problem,
) -> Result<Arc<Source>, Box<Problem>> {
    // Opening a pipe would block, and a device would never end.
    let is_file = fs::metadata(path).map(|metadata| metadata.is_file());
    match is_file {
        Err(error) => return Err(Box::new(problem(format!("cannot read the file: {error}")))),
        Ok(false) => return Err(Box::new(problem("this is not a file".to_owned()))),
        Ok(true) => {}
    }
    let mut bytes = Vec::new();
    // Read before measuring: a file that grows meanwhile is still held to the limit.
    let read = fs::File::open(path).and_then(|file| file.take(limit + 1).read_to_end(&mut bytes));
    if let Err(error) = read {
        return Err(Box::new(problem(format!("cannot read the file: {error}"))));
    }
    if bytes.len() as u64 > limit {
        let problem = problem("the file is too large".to_owned()).help(format!(
            "at most {limit} bytes; what a laboratory does not need to read belongs elsewhere"
        ));
        return Err(Box::new(problem));
    }
    String::from_utf8(bytes)
        .map(|text| Source::new(shown.clone(), text))
        .map_err(|error| {
            let at = error.utf8_error().valid_up_to();
            let bytes = error.as_bytes();
            let help = if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
                "it looks like UTF-16: save it as UTF-8"
            } else {
                "save it as UTF-8"
            };
            let source = Source::new(shown, String::from_utf8_lossy(bytes));
            let broken = at..at + char::REPLACEMENT_CHARACTER.len_utf8();
            Box::new(Problem::new(&source, broken, "this is not UTF-8 text").help(help))
        })
}

fn read_content(
    path: &Path,
    written: &str,
    node: &Node,
    context: Context<'_>,
) -> Result<Arc<Source>, Fault> {
    let shown = context.place.shown.join(written);
    let problem = |message: String| {
        Problem::new(context.source, node.span.clone(), message)
            .help(format!("the file is {}", shown.display()))
    };
    read_source(path, shown.clone(), LARGEST_CONTENT, problem)
        .map_err(|problem| Fault::new(FaultKind::Reported(vec![*problem])))
}

fn reported(problems: Problems) -> Result<(), Fault> {
    if problems.is_empty() {
        Ok(())
    } else {
        Err(Fault::new(FaultKind::Reported(
            problems.into_iter().collect(),
        )))
    }
}

pub(crate) fn read_text(
    path: &Path,
    written: &str,
    node: &Node,
    context: Context<'_>,
) -> Result<Node, Fault> {
    let source = read_content(path, written, node, context)?;
    let mut problems = Problems::default();
    let mut substitution = Substitution::new(context.vars, &source, context.phase, &mut problems);
    let (text, known) = substitution.text(&source.text);
    reported(problems)?;
    Ok(Node {
        value: Value::String(text),
        span: node.span.clone(),
        known,
    })
}

pub(crate) fn read_json(
    path: &Path,
    written: &str,
    node: &Node,
    context: Context<'_>,
) -> Result<Node, Fault> {
    let source = read_content(path, written, node, context)?;
    let json =
        json::parse(&source).map_err(|problem| Fault::new(FaultKind::Reported(vec![*problem])))?;
    // Mistakes are looked for in the text, where their places are; the values are then filled in without places.
    let mut problems = Problems::default();
    Substitution::new(context.vars, &source, context.phase, &mut problems).text(&source.text);
    reported(problems)?;
    let value = Node::from_json(&json, &(0..0));
    let mut problems = Problems::default();
    let mut filled =
        Substitution::new(context.vars, &source, context.phase, &mut problems).node(&value);
    reported(problems)?;
    filled.set_span(&node.span);
    Ok(filled)
}

macro_rules! file_type {
    ($type:ident, $name:expr, $content:ty, |$written:ident, $path:ident, $text:ident| $build:expr, $description:literal) => {
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Resolved;
                impl<'de> Visitor<'de> for Resolved {
                    type Value = $type;
                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        formatter.write_str("the path of a file beside the scenario")
                    }
                    fn visit_newtype_struct<D: Deserializer<'de>>(
                        self,
                        deserializer: D,
                    ) -> Result<$type, D::Error> {
                        let ($written, $path, $text) =
                            <(String, PathBuf, $content)>::deserialize(deserializer)?;
                        Ok($build)
                    }
                }
                deserializer.deserialize_newtype_struct($name, Resolved)
            }
        }

        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "minLength": 1, "description": $description })
            }
        }
    };
}

file_type!(
    ScenarioFile,
    special::PATH,
    String,
    |written, path, _content| ScenarioFile { written, path },
    "The path of a file, from the scenario's folder."
);
file_type!(
    TextFile,
    special::TEXT,
    String,
    |written, path, text| TextFile {
        written,
        path,
        text
    },
    "The path of a text file, from the scenario's folder. Variables in it are replaced."
);
file_type!(
    JsonFile,
    special::JSON,
    Json,
    |written, path, value| JsonFile {
        written,
        path,
        value
    },
    "The path of a JSON file, from the scenario's folder. Variables in its strings are replaced."
);
