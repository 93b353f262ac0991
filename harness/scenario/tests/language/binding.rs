//! What happens to variables when the scenario runs.

use std::path::Path;

use rstest::rstest;
use scenario::{Bound, Inputs, Kind, Problems, Registry, Scenario, Vars, load, parse_str};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use crate::steps::{inputs, registry};

/// A step that is whatever its arguments are.
#[derive(Debug, Deserialize, schemars::JsonSchema)]
pub struct Echo(pub Json);

pub fn echo() -> Registry<Echo> {
    Registry::new([
        Kind::action::<Echo>("echo", "Says what it was given.").captures(),
        Kind::check::<Echo>("check", "Checks what it was given."),
    ])
    .unwrap()
}

pub fn scenario(text: &str, inputs: &Inputs) -> Scenario<Echo> {
    parse_str(Path::new("area/example.toml"), text, &echo(), inputs)
        .unwrap_or_else(|problems| panic!("should be right:\n{problems}"))
}

/// Binds the last step.
fn bind(text: &str, inputs: &Inputs, set: &[(&str, Json)]) -> Result<Bound<Echo>, Problems> {
    let scenario = scenario(text, inputs);
    let mut vars = scenario.instances[0].vars();
    for (name, value) in set {
        vars.set(*name, value.clone());
    }
    scenario.all_steps().last().unwrap().bind(&vars)
}

fn runtime() -> Inputs {
    Inputs::default().with_builtins(["run.prefix"])
}

#[rstest]
#[case::alone_keeps_its_type("'${run.prefix}'", json!({"a": [1, null]}))]
#[case::in_text_is_text("'<${run.prefix}>'", json!("<{\"a\":[1,null]}>"))]
#[case::in_a_list("[1, '${run.prefix}']", json!([1, {"a": [1, null]}]))]
#[case::through_a_declared_variable("'${own}'", json!("own {\"a\":[1,null]}"))]
fn a_value_set_by_the_run_is_put_in(#[case] argument: &str, #[case] expected: Json) {
    let text = format!("# X.\nvars.own = 'own ${{run.prefix}}'\n[[step]]\necho = {argument}");
    let set = [("run.prefix", json!({"a": [1, null]}))];
    assert_eq!(bind(&text, &runtime(), &set).unwrap().step.0, expected);
}

#[rstest]
#[case::text("text", "12", json!("12"))]
#[case::number("number", "12", json!(12))]
#[case::fraction("fraction", "12", json!(12.0))]
#[case::boolean("boolean", "true", json!(true))]
#[case::list("list", "[1, \"x\"]", json!([1, "x"]))]
fn the_command_line_sets_a_variable_of_its_type(
    #[case] name: &str,
    #[case] given: &str,
    #[case] expected: Json,
) {
    let vars = "text = ''\nnumber = 0\nfraction = 0.5\nboolean = false\nlist = []";
    let text = format!("# X.\n[vars]\n{vars}\n[[step]]\necho = '${{{name}}}'");
    let inputs = Inputs::default().with_variable(name, given);
    assert_eq!(bind(&text, &inputs, &[]).unwrap().step.0, expected);
}

#[rstest]
#[case::builtin(
    "[[step]]\necho = 'a ${run.prefix}'",
    "4:11: the variable `run.prefix` has no value yet"
)]
#[case::captured(
    "[[step]]\necho = 1\ncapture = { id = '$' }\n[[step]]\necho = '${id}'",
    "7:9: the variable `id` has no value yet"
)]
#[case::through_a_variable(
    "[vars]\nx = '${run.prefix}'\n[[step]]\necho = '${x}'",
    "6:9: the variable `x` has no value yet"
)]
#[case::environment(
    "[[step]]\necho = '${env.HOME}'",
    "4:9: the variable `env.HOME` has no value yet"
)]
fn a_variable_without_a_value_is_named(#[case] steps: &str, #[case] expected: &str) {
    let problems = bind(&format!("# X.\n\n{steps}"), &runtime(), &[]).unwrap_err();
    let text = problems.to_string();
    assert!(
        text.starts_with(&format!("area/example.toml:{expected}")),
        "{text}"
    );
}

#[test]
fn a_captured_value_that_does_not_fit_is_shown_where_it_is_used() {
    let text = "# X.\n[[step]]\nsql = 'SELECT 1'\ncapture = { id = '$' }\n[[step]]\nproduce = { topic = 't', records = [], repeat = '${id}' }";
    let scenario = parse_str(
        Path::new("x.toml"),
        text,
        &registry(),
        &inputs("tests/right"),
    )
    .unwrap();
    let mut vars = scenario.instances[0].vars();
    vars.set("id", -1);
    let problems = scenario.all_steps()[1].bind(&vars).unwrap_err().to_string();
    assert_eq!(
        problems,
        "x.toml:6:49: not possible: the number -1\n  |\n6 | produce = { topic = 't', records = [], repeat = '${id}' }\n  |                                                 ^^^^^^^\n  expected a whole number from 0 to 4294967295"
    );
}

#[test]
fn a_captured_secret_stays_out_of_the_message() {
    let text = "# X.\n[[step]]\nsql = 'SELECT 1'\ncapture = { session_token = '$' }\n[[step]]\nkill = '${session_token}'";
    let scenario = parse_str(
        Path::new("x.toml"),
        text,
        &registry(),
        &inputs("tests/right"),
    )
    .unwrap();
    let mut vars = scenario.instances[0].vars();
    vars.set("session_token", "hunter2");
    let problems = scenario.all_steps()[1].bind(&vars).unwrap_err().to_string();
    assert!(
        problems.contains("\"[redacted]\" is not known here"),
        "{problems}"
    );
    assert!(!problems.contains("hunter2"), "{problems}");
}

/// An include that names its variable like one that a variable of the scenario uses would otherwise change that too.
#[test]
fn variables_of_an_include_do_not_change_those_of_the_scenario() {
    let file = Path::new("tests/right/language/include-in-include.toml");
    let scenario = load(file, &registry(), &inputs("tests/right")).unwrap();
    let instance = &scenario.instances[1];
    let mut vars = instance.vars();
    vars.set("answer", 7);
    let steps: Vec<String> = scenario
        .steps(instance)
        .map(|step| format!("{:?}", step.bind(&vars).unwrap().step))
        .collect();
    assert!(steps[0].contains("SELECT 'hello b'"), "{steps:?}");
    assert!(
        steps[1].contains("SELECT 'hello b!' -- from everybody"),
        "{steps:?}"
    );
}

#[rstest]
#[case::check("check = 1", Some("30s"), "0s", "100ms")]
#[case::action("echo = 1", None, "0s", "100ms")]
#[case::check_of_its_own("check = 1\nwithin = '5s'\nfor = '1s'", Some("5s"), "1s", "100ms")]
#[case::action_of_its_own("echo = 1\nwithin = '5s'", Some("5s"), "0s", "100ms")]
fn times_without_defaults(
    #[case] step: &str,
    #[case] within: Option<&str>,
    #[case] hold: &str,
    #[case] poll: &str,
) {
    let bound = bind(&format!("# X.\n[[step]]\n{step}"), &runtime(), &[]).unwrap();
    assert_eq!(
        times(&bound),
        (within.map(str::to_owned), hold.to_owned(), poll.to_owned())
    );
}

#[rstest]
#[case::check("check = 1", Some("1m"), "2s", "10ms")]
#[case::action_keeps_no_limit("echo = 1", None, "0s", "10ms")]
#[case::the_step_wins("check = 1\nwithin = '5s'\nfor = '0s'", Some("5s"), "0s", "10ms")]
fn times_with_defaults(
    #[case] step: &str,
    #[case] within: Option<&str>,
    #[case] hold: &str,
    #[case] poll: &str,
) {
    let defaults = "[defaults]\nwithin = '1m'\nfor = '2s'\npoll = '10ms'";
    let bound = bind(
        &format!("# X.\n{defaults}\n[[step]]\n{step}"),
        &runtime(),
        &[],
    )
    .unwrap();
    assert_eq!(
        times(&bound),
        (within.map(str::to_owned), hold.to_owned(), poll.to_owned())
    );
}

fn times(bound: &Bound<Echo>) -> (Option<String>, String, String) {
    (
        bound.within.map(|within| within.to_string()),
        bound.hold.to_string(),
        bound.poll.to_string(),
    )
}

#[test]
fn variables_tell_their_values_but_not_to_a_log() {
    let text = "# X.\n[vars]\ndb_password = 'hunter2'\nurl = 'postgres://u:${db_password}@h'\n[[step]]\necho = 1";
    let vars: Vars = scenario(text, &runtime()).instances[0].vars();
    assert_eq!(vars.get("url"), Some(json!("postgres://u:hunter2@h")));
    assert_eq!(vars.get("run.prefix"), None);
    assert_eq!(vars.get("nowhere"), None);
    assert_eq!(vars.all().len(), 2);
    let shown = vars.redactor().redact(&format!("{:?}", vars.all()));
    assert!(!shown.contains("hunter2"), "{shown}");
    assert!(!format!("{vars:?}").contains("hunter2"), "{vars:?}");
}

#[test]
fn a_title_has_no_secret() {
    let text = "# X.\n[vars]\napi_token = 'hunter2'\n[[step]]\nname = 'as ${api_token}'\necho = '${api_token}'";
    let bound = bind(text, &runtime(), &[]).unwrap();
    assert_eq!(bound.title, "as [redacted]");
    assert_eq!(bound.step.0, json!("hunter2"));
}

/// The runner's variables do not have those of an included file, so its redactor would not know them.
#[test]
fn secrets_of_an_include_are_redacted_too() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("include")).unwrap();
    let write = |path: &str, text: &str| std::fs::write(folder.path().join(path), text).unwrap();
    write(
        "include/login.toml",
        "[vars]\npassword = ''\n[[step]]\necho = '${password}'",
    );
    write(
        "example.toml",
        "# X.\n[[step]]\ninclude = 'include/login.toml'\nvars = { password = 'hunter2' }",
    );
    let file = folder.path().join("example.toml");
    let scenario = load(&file, &echo(), &Inputs::default()).unwrap();
    let vars = scenario.instances[0].vars();
    let bound = scenario.all_steps()[0].bind(&vars).unwrap();
    assert_eq!(bound.step.0, json!("hunter2"));
    assert_eq!(bound.redactor.redact("it is hunter2"), "it is [redacted]");
}

/// A scenario of its own once ran on a stack without the service whose address it used.
#[rstest]
#[case::in_a_step("echo = 'jdbc:postgresql://${postgres.host}'", &["postgres"])]
#[case::through_a_declared_variable("echo = '${own}'", &["kafka"])]
#[case::the_run_itself_is_no_service("echo = '${run.prefix}'", &[])]
fn a_scenario_needs_the_services_whose_variables_it_uses(
    #[case] step: &str,
    #[case] needs: &[&str],
) {
    let declared = if step.contains("own") {
        "vars.own = '${kafka.bootstrap}'\n"
    } else {
        ""
    };
    let text = format!("# X.\n{declared}[[step]]\n{step}");
    let inputs = runtime().with_builtins(["postgres.host", "kafka.bootstrap"]);
    let found = scenario(&text, &inputs).needs;
    assert_eq!(found.keys().collect::<Vec<_>>(), needs);
}
