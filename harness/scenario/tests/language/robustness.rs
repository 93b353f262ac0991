//! Hostile files: a clear error, in bounded time.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rstest::rstest;
use scenario::load;

use crate::steps::{inputs, registry};

/// Far above what any of these needs, and far below what an attack costs without a limit.
const PATIENCE: Duration = Duration::from_secs(20);

/// Time that this thread has had a processor: what else the machine does is not of the file.
fn worked() -> Duration {
    // proc(5): nanoseconds on a processor, waiting for one, and time slices.
    let statistics = fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    let worked = statistics.split(' ').next().unwrap().parse().unwrap();
    Duration::from_nanos(worked)
}

struct Project {
    folder: tempfile::TempDir,
}

impl Project {
    /// A project with one scenario, `scenarios/area/example.toml`.
    fn new(text: impl AsRef<[u8]>) -> Self {
        let project = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        project.write("scenarios/area/example.toml", text);
        project
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// What is wrong with the scenario, without the path of the project.
    fn problems(&self) -> String {
        let root = self.path("scenarios");
        let begun = worked();
        let loaded = load(
            &root.join("area/example.toml"),
            &registry(),
            &inputs(root.to_str().unwrap()),
        );
        let text = match loaded {
            Ok(_) => "nothing is wrong".to_owned(),
            Err(problems) => problems.to_string(),
        };
        let took = worked() - begun;
        assert!(took < PATIENCE, "took {took:?}");
        text.replace(&format!("{}/", root.display()), "")
    }
}

/// A scenario that names a file.
const NAMES_A_FILE: &str =
    "# X.\n[[step]]\nput_connector = { name = \"a\", file = \"connector.json\" }\n";

#[test]
fn a_huge_scenario_is_not_read() {
    let project = Project::new("# X.\n");
    let file = fs::File::create(project.path("scenarios/area/example.toml")).unwrap();
    file.set_len(100 << 20).unwrap();
    assert_eq!(
        project.problems(),
        "area/example.toml:1:1: the file is too large\n  at most 1048576 bytes; what a laboratory does not need to read belongs elsewhere"
    );
}

#[test]
fn a_huge_file_beside_it_is_not_read() {
    let project = Project::new(NAMES_A_FILE);
    let file = fs::File::create(project.path("scenarios/area/connector.json")).unwrap();
    file.set_len(100 << 20).unwrap();
    let problems = project.problems();
    assert!(
        problems.starts_with("area/example.toml:3:38: the file is too large"),
        "{problems}"
    );
    assert!(problems.contains("at most 16777216 bytes"), "{problems}");
}

#[rstest]
#[case::arrays(format!("a = {}", "[".repeat(10_000)))]
#[case::closed_arrays(format!("a = {}{}", "[".repeat(10_000), "]".repeat(10_000)))]
#[case::inline_tables(format!("a = {}", "{ a = ".repeat(10_000)))]
#[case::headers(format!("[{}]", vec!["a"; 10_000].join(".")))]
#[case::keys(format!("{} = 1", vec!["a"; 10_000].join(".")))]
fn deep_nesting_is_refused(#[case] text: String) {
    let problems = Project::new(format!("# X.\n{text}\n[[step]]\nsql = \"SELECT 1\"\n")).problems();
    assert!(problems.contains("2:"), "{problems}");
    assert!(problems.contains("nested too deeply\n"), "{problems}");
}

#[test]
fn deep_nesting_of_json_is_refused() {
    let project = Project::new(NAMES_A_FILE);
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    project.write("scenarios/area/connector.json", deep);
    let problems = project.problems();
    assert!(
        problems.starts_with("area/connector.json:1:128: nested too deeply\n"),
        "{problems}"
    );
}

#[rstest]
#[case::unknown_keys((0..60_000).map(|n| format!("k{n} = 1\n")).collect())]
#[case::one_long_line("a".repeat(1_000_000))]
#[case::equals_signs("password=".repeat(100_000))]
#[case::quotes("\"".repeat(1_000_000))]
#[case::step_tables("[[step]]\n".repeat(100_000))]
#[case::variables((0..30_000).map(|n| format!("vars.a{n} = \"${{b}}\"\n")).collect())]
#[case::chain((1..30_000).map(|n| format!("vars.a{n} = \"${{a{}}}\"\n", n - 1)).collect())]
#[case::placeholders(format!("summary = 1\n[[step]]\nsql = \"{}\"", "${a}".repeat(200_000)))]
#[case::open_placeholders(format!("[[step]]\nsql = \"{}\"", "${".repeat(400_000)))]
#[case::axis_values(format!("matrix.a = [{}]", (0..100_000).map(|n| format!("{n},")).collect::<String>()))]
#[case::axes((0..50_000).map(|n| format!("matrix.a{n} = [1, 2]\n")).collect())]
#[case::tags(format!("tags = [{}]", "\"A B\",".repeat(100_000)))]
#[case::records(format!("[[step]]\nproduce = {{ topic = 't', records = [{}] }}", "{ vlue = 1 },".repeat(60_000)))]
fn many_mistakes_take_bounded_time(#[case] text: String) {
    let problems = Project::new(format!("# X.\n{text}\n")).problems();
    assert!(
        problems.starts_with("area/example.toml:"),
        "{}",
        &problems[..200]
    );
    assert!(
        problems.len() < 1 << 20,
        "{} bytes of messages",
        problems.len()
    );
}

#[test]
fn too_many_steps_are_refused() {
    let steps = "[[step]]\nsql = \"SELECT 1\"\n".repeat(1001);
    let problems = Project::new(format!("# X.\n{steps}")).problems();
    assert!(
        problems.starts_with("area/example.toml:2002:1: the scenario has too many steps"),
        "{problems}"
    );
}

/// Ten includes of ten includes and so on, without an action in them: a hundred million files, were they all read.
#[test]
fn includes_that_multiply_are_refused() {
    let ten = |name: &str| format!("[[step]]\ninclude = \"{name}\"\n").repeat(10);
    let project = Project::new(format!("# X.\n{}", ten("include/0.toml")));
    for level in 0..7 {
        project.write(
            &format!("scenarios/area/include/{level}.toml"),
            ten(&format!("{}.toml", level + 1)),
        );
    }
    project.write("scenarios/area/include/7.toml", ten("8.toml"));
    let problems = project.problems();
    assert!(
        problems.contains("the scenario has too many steps"),
        "{problems}"
    );
}

#[test]
fn the_largest_matrix_of_the_longest_scenario_takes_bounded_time() {
    let mut text =
        "# X.\n[matrix]\na = [1, 2, 3, 4, 5, 6, 7, 8]\nb = [1, 2, 3, 4, 5, 6, 7, 8]\n".to_owned();
    for _ in 0..1000 {
        text.push_str("[[step]]\nsql = \"SELECT ${a}, ${b}\"\n");
    }
    assert_eq!(Project::new(text).problems(), "nothing is wrong");
}

#[rstest]
#[case::file("connector.json", "connector.json")]
#[case::in_a_folder("shared/connector.json", "shared")]
#[case::by_dots("../../secret/connector.json", "unused")]
#[case::by_dots_through_a_folder("../area/../../secret/connector.json", "unused")]
#[case::through_a_linked_folder("shared/../connector.json", "shared")]
fn paths_that_leave_the_project_are_refused(#[case] written: &str, #[case] link: &str) {
    let text = NAMES_A_FILE.replace("connector.json", written);
    let project = Project::new(text);
    project.write("secret/connector.json", "{\"password\": \"hunter2\"}");
    project.write("connector.json", "{\"password\": \"hunter2\"}");
    let target = match link {
        "connector.json" => project.path("secret/connector.json"),
        _ => project.path("secret"),
    };
    symlink(target, project.path("scenarios/area").join(link)).unwrap();
    let problems = project.problems();
    assert!(
        problems.starts_with(&format!(
            "area/example.toml:3:38: \"{written}\" is outside the scenarios\n"
        )),
        "{problems}"
    );
    assert!(!problems.contains("hunter2"), "{problems}");
}

#[test]
fn a_scenario_that_is_a_link_out_of_the_project_is_refused() {
    let project = Project::new("");
    project.write("elsewhere.toml", "# X.\n[[step]]\nsql = \"SELECT 1\"\n");
    let place = project.path("scenarios/area/example.toml");
    fs::remove_file(&place).unwrap();
    symlink(project.path("elsewhere.toml"), place).unwrap();
    assert_eq!(
        project.problems(),
        "area/example.toml:1:1: the file is a link that leads out of the scenarios\n  a scenario uses only files below the scenarios' root, so that the folder is all that a run needs"
    );
}

#[test]
fn a_link_within_the_project_is_followed() {
    let project = Project::new(NAMES_A_FILE);
    project.write("scenarios/shared/connector.json", "{}");
    symlink(
        "../shared/connector.json",
        project.path("scenarios/area/connector.json"),
    )
    .unwrap();
    assert_eq!(project.problems(), "nothing is wrong");
}

#[test]
fn a_link_to_itself_is_an_error() {
    let project = Project::new(NAMES_A_FILE);
    symlink(
        "connector.json",
        project.path("scenarios/area/connector.json"),
    )
    .unwrap();
    let problems = project.problems();
    assert!(
        problems.starts_with("area/example.toml:3:38: cannot open \"connector.json\""),
        "{problems}"
    );
}

/// Opening a pipe waits for a writer, and a device has no end.
#[rstest]
#[case::socket(|path: &Path| drop(std::os::unix::net::UnixListener::bind(path).unwrap()))]
#[case::folder(|path: &Path| fs::create_dir(path).unwrap())]
fn what_is_no_file_is_not_opened(#[case] make: fn(&Path)) {
    let project = Project::new(NAMES_A_FILE);
    make(&project.path("scenarios/area/connector.json"));
    let problems = project.problems();
    assert!(
        problems.starts_with("area/example.toml:3:38: \"connector.json\" is not a file"),
        "{problems}"
    );
}

#[rstest]
#[case::nothing(None, "cannot read the file: No such file or directory")]
#[case::folder(Some(()), "this is not a file")]
fn a_scenario_that_cannot_be_read_is_named(#[case] folder: Option<()>, #[case] expected: &str) {
    let project = Project::new("");
    let place = project.path("scenarios/area/example.toml");
    fs::remove_file(&place).unwrap();
    if folder.is_some() {
        fs::create_dir(&place).unwrap();
    }
    let problems = project.problems();
    assert!(
        problems.starts_with(&format!("area/example.toml:1:1: {expected}")),
        "{problems}"
    );
}
