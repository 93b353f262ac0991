//! `./lab`, the script: what it finds missing, what it does about it, and how it starts the runner.
//!
//! The machine is a directory that is the whole PATH: a machine that lacks a tool is one whose directory lacks it.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use rstest::rstest;
use tempfile::TempDir;

const SCRIPT: &str = include_str!("../../../lab");

/// What every system has.
const SYSTEM: [&str; 15] = [
    "cat", "chmod", "cksum", "cp", "cut", "dirname", "env", "find", "head", "mkdir", "readlink",
    "rm", "sed", "sh", "sleep",
];

/// Builds nothing, but answers like Cargo, and leaves a runner that tells its arguments.
const CARGO: &str = r#"
if [ "$1" = --version ]; then echo "cargo 1.95.0 (f2d3ce0bd 2026-03-21)"; exit; fi
printf '%s|' "$@" >> "$LOG/cargo"
target=${CARGO_TARGET_DIR:-target}
mkdir -p "$target/release"; target=$(readlink -f "$target")
printf '#!/bin/sh\nprintf "<%%s>" "$@"; pwd; exit ${LAB_STATUS-0}\n' > "$target/release/lab"
chmod +x "$target/release/lab"
echo '{"reason":"compiler-artifact","target":{"kind":["lib"],"crate_types":["lib"],"name":"lab"},"executable":null,"fresh":true}'
echo '{"reason":"compiler-artifact","target":{"kind":["bin"],"crate_types":["bin"],"name":"lab"},"executable":"'"$target"'/release/lab","fresh":true}'
"#;
const JAVA: &str = r#"echo 'openjdk version "17.0.15" 2025-04-15' >&2"#;
/// Gives whoever installs it what was missing.
const APT: &str = r#"
echo "$@ $DEBIAN_FRONTEND" >> "$LOG/apt"
case $1 in
    install)
        [ ! -e "$LOG/lists-missing" ] || exit 100
        if [ -e "$LOG/unknown" ]; then case " $* " in *" $(cat "$LOG/unknown") "*) exit 100 ;; esac; fi
        cp "$LOG"/packages/* "$BIN" ;;
    update) rm -f "$LOG/lists-missing" ;;
esac
"#;

/// What tests want and nothing else does.
const FOR_TESTS: [&str; 5] = ["chromium", "xmllint", "shellcheck", "ip", "python3"];
/// The packages that hold it.
const TEST_PACKAGES: &str = "chromium libxml2-utils shellcheck iproute2 python3-prometheus-client";

struct Machine {
    dir: TempDir,
}

impl Machine {
    /// A machine that has everything, an ordinary user, and a checkout in a directory with spaces.
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let machine = Machine { dir };
        let checkout =
            ["components", "services", "harness"].map(|part| format!("the checkout/{part}"));
        for part in ["bin", "log/packages", "home"]
            .map(String::from)
            .iter()
            .chain(&checkout)
        {
            fs::create_dir_all(machine.path(part)).unwrap();
        }
        for file in ["Cargo.toml", "Cargo.lock"] {
            fs::write(machine.path("the checkout").join(file), "").unwrap();
        }
        fs::write(machine.script(), SCRIPT).unwrap();
        fs::set_permissions(machine.script(), fs::Permissions::from_mode(0o755)).unwrap();
        for program in SYSTEM {
            symlink(which::which(program).unwrap(), machine.bin(program)).unwrap();
        }
        for program in ["cc", "c++", "make", "pkg-config", "mvn"] {
            machine.install(program, "");
        }
        machine.install("cargo", CARGO);
        machine.install("java", JAVA);
        machine.install("id", "echo 1000");
        machine.install("apt-get", APT);
        machine
    }

    fn path(&self, inner: &str) -> PathBuf {
        self.dir.path().join(inner)
    }

    fn bin(&self, program: &str) -> PathBuf {
        self.path("bin").join(program)
    }

    fn script(&self) -> PathBuf {
        self.path("the checkout/lab")
    }

    fn install(&self, program: &str, text: &str) {
        write_script(&self.bin(program), text);
    }

    fn remove(&self, program: &str) {
        fs::remove_file(self.bin(program)).unwrap();
    }

    /// Takes a program away, but into the package that `apt-get install` brings.
    fn uninstall(&self, program: &str) {
        fs::rename(self.bin(program), self.path("log/packages").join(program)).unwrap();
    }

    /// Has what tests want, but in the package that `apt-get install` brings.
    fn offers_test_tools(&self) {
        for program in FOR_TESTS {
            self.install(program, "");
            self.uninstall(program);
        }
    }

    fn command(&self, script: &Path) -> Command {
        let mut command = Command::new(script);
        command
            .env_clear()
            .env("PATH", self.path("bin"))
            .env("BIN", self.path("bin"))
            .env("LOG", self.path("log"))
            .env("HOME", self.path("home"))
            .current_dir(self.dir.path());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(&self.script())
            .args(arguments)
            .output()
            .unwrap()
    }

    fn run_with(&self, variable: &str, value: impl AsRef<std::ffi::OsStr>) -> Output {
        self.command(&self.script())
            .env(variable, value)
            .output()
            .unwrap()
    }

    fn log(&self, name: &str) -> String {
        fs::read_to_string(self.path("log").join(name)).unwrap_or_default()
    }
}

fn write_script(path: &Path, text: &str) {
    fs::write(path, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn assert_runs(output: &Output, expected: &str) {
    assert!(output.status.success(), "{}", stderr(output));
    assert!(stdout(output).starts_with(expected), "{}", stdout(output));
}

/// It ended with status 2 and said this; nothing was installed.
fn assert_refuses(machine: &Machine, output: &Output, parts: &[&str]) {
    let text = stderr(output);
    assert_eq!(output.status.code(), Some(2), "{text}");
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in: {text}");
    }
    assert_eq!(machine.log("apt"), "", "apt-get was called");
}

#[test]
fn passes_everything_on_where_nothing_is_missing() {
    let machine = Machine::new();
    let output = machine.run(&["run", "a b", "", "*", "--yes"]);
    let expected = format!("<run><a b><><*><--yes>{}\n", machine.dir.path().display());
    assert_eq!(
        stdout(&output),
        expected,
        "the runner starts where the user is"
    );
    assert_eq!(machine.log("apt"), "");
    assert_eq!(
        machine.log("cargo"),
        "build|--release|--locked|-p|lab|-p|exporter|-p|producer|--message-format|json-render-diagnostics|"
    );
}

#[test]
fn gives_the_status_of_the_runner() {
    let machine = Machine::new();
    assert_eq!(machine.run_with("LAB_STATUS", "7").status.code(), Some(7));
}

#[test]
fn is_found_through_links_from_anywhere() {
    let machine = Machine::new();
    symlink("../the checkout/lab", machine.path("home/first link")).unwrap();
    symlink("first link", machine.path("home/lab")).unwrap();
    let output = machine
        .command(Path::new("home/lab"))
        .arg("list")
        .output()
        .unwrap();
    assert_runs(&output, "<list>");
}

#[test]
fn lets_cargo_be_quiet_when_nothing_has_changed() {
    let machine = Machine::new();
    let quiet = || machine.log("cargo").matches("--quiet").count();
    machine.run(&[]);
    assert_eq!(quiet(), 0);
    machine.run(&[]);
    assert_eq!(quiet(), 1);
    let changed = machine.path("the checkout/services/settings.json");
    fs::write(&changed, "{}").unwrap();
    let later = fs::metadata(&changed).unwrap().modified().unwrap() + Duration::from_secs(2);
    let file = fs::File::options().write(true).open(&changed).unwrap();
    file.set_modified(later).unwrap();
    machine.run(&[]);
    assert_eq!(quiet(), 1);
}

/// librdkafka's configure fails in a directory with a space in its path: "$MKL_OUTDBG: ambiguous redirect".
#[test]
fn builds_elsewhere_where_the_path_has_a_space() {
    let machine = Machine::new();
    let output = machine.run(&[]);
    assert_runs(&output, "<>");
    let cache = machine.path("home/.cache/kafka-connect-lab");
    assert!(stderr(&output).contains(&format!("building in {}/target-", cache.display())));
    assert!(!machine.path("the checkout/target").exists());
    assert_eq!(stderr(&machine.run(&[])), "", "it is said once");

    let spaces = machine.path("else where");
    for variable in ["CARGO_TARGET_DIR", "XDG_CACHE_HOME"] {
        let output = machine.run_with(variable, &spaces);
        let parts = [&spaces.display().to_string(), "without a space in its path"];
        assert_refuses(&machine, &output, &parts);
    }
}

#[test]
fn builds_beside_the_sources_where_the_path_has_none() {
    let machine = Machine::new();
    fs::rename(machine.path("the checkout"), machine.path("checkout")).unwrap();
    let output = machine
        .command(&machine.path("checkout/lab"))
        .output()
        .unwrap();
    assert_runs(&output, "<>");
    assert_eq!(stderr(&output), "");
    assert!(machine.path("checkout/target/release/lab").exists());
}

#[test]
fn starts_the_runner_from_where_cargo_put_it() {
    let machine = Machine::new();
    let elsewhere = machine.path("elsewhere");
    assert_runs(&machine.run_with("CARGO_TARGET_DIR", &elsewhere), "<>");
    assert!(elsewhere.join("release/lab").exists());
    assert!(!machine.path("the checkout/target").exists());
}

#[rstest]
#[case::c_compiler("cc", "build-essential")]
#[case::cpp_compiler("c++", "build-essential")]
#[case::make("make", "build-essential")]
#[case::pkg_config("pkg-config", "pkg-config libssl-dev")]
#[case::java("java", "default-jre-headless")]
#[case::maven("mvn", "maven")]
fn an_ordinary_user_is_told_the_one_line(#[case] program: &str, #[case] packages: &str) {
    let machine = Machine::new();
    machine.remove(program);
    let line = format!("apt-get update && apt-get install -y --no-install-recommends {packages}\n");
    assert_refuses(&machine, &machine.run(&["demo"]), &[&line]);
    assert_eq!(machine.log("cargo"), "", "nothing is built");
}

#[test]
fn all_that_is_missing_is_in_one_line() {
    let machine = Machine::new();
    for program in ["cc", "pkg-config", "java", "mvn"] {
        machine.remove(program);
    }
    let packages = "build-essential pkg-config libssl-dev default-jre-headless maven\n";
    assert_refuses(&machine, &machine.run(&["demo"]), &[packages]);
}

#[test]
fn headers_of_openssl_are_looked_for() {
    let machine = Machine::new();
    machine.install("pkg-config", "exit 1");
    assert_refuses(&machine, &machine.run(&[]), &["recommends libssl-dev\n"]);
    assert_runs(&machine.run_with("OPENSSL_DIR", "/opt/openssl"), "<>");
}

#[rstest]
#[case::java_8("java version \"1.8.0_402\"")]
#[case::java_11("openjdk version \"11.0.22\" 2024-01-16")]
#[case::broken("Error: could not find libjava.so")]
fn an_old_java_is_none(#[case] says: &str) {
    let machine = Machine::new();
    machine.install("java", &format!("echo '{says}' >&2"));
    assert_refuses(&machine, &machine.run(&[]), &["default-jre-headless"]);
}

#[rstest]
#[case::java_17("openjdk version \"17.0.15\" 2025-04-15")]
#[case::java_21("openjdk version \"21\" 2023-09-19")]
#[case::early_access("openjdk version \"26-ea\" 2026-03-17")]
#[case::below_other_lines(
    "Picked up JAVA_TOOL_OPTIONS: -Xmx1g\nopenjdk version \"17.0.15\" 2025-04-15"
)]
fn a_new_java_is_enough(#[case] says: &str) {
    let machine = Machine::new();
    machine.install("java", &format!("echo '{says}' >&2"));
    assert_runs(&machine.run(&[]), "<>");
}

#[test]
fn the_version_of_java_is_read_without_starting_it() {
    let machine = Machine::new();
    let home = machine.path("java home");
    fs::create_dir_all(home.join("bin")).unwrap();
    write_script(&home.join("bin/java"), "echo started >> \"$LOG/java\"");
    fs::write(
        home.join("release"),
        "IMPLEMENTOR=\"X\"\nJAVA_VERSION=\"21.0.1\"\n",
    )
    .unwrap();
    assert_runs(&machine.run_with("JAVA_HOME", &home), "<>");
    assert_eq!(machine.log("java"), "");
}

#[test]
fn a_java_home_that_is_none_is_named() {
    let machine = Machine::new();
    let output = machine.run_with("JAVA_HOME", "/nowhere");
    assert_refuses(&machine, &output, &["JAVA_HOME is /nowhere"]);
}

/// Ubuntu 22.04, where the default is Java 11.
#[test]
fn where_the_default_java_is_too_old_another_one_is_named() {
    let machine = Machine::new();
    machine.remove("java");
    let answer =
        r"printf 'default-jre-headless:\n  Installed: (none)\n  Candidate: 2:1.11-72build2\n'";
    machine.install("apt-cache", answer);
    assert_refuses(&machine, &machine.run(&[]), &["openjdk-17-jre-headless"]);
}

#[test]
fn root_installs_what_is_missing_and_goes_on() {
    let machine = Machine::new();
    machine.install("id", "echo 0");
    machine.uninstall("mvn");
    machine.uninstall("cc");
    assert_runs(&machine.run(&["demo"]), "<demo>");
    assert_eq!(
        machine.log("apt"),
        "install -y --no-install-recommends build-essential maven noninteractive\n"
    );
}

#[test]
fn root_installs_what_tests_want_and_only_to_test() {
    let machine = Machine::new();
    machine.install("id", "echo 0");
    machine.offers_test_tools();
    for arguments in [&["demo"][..], &["test", "--help"], &["run", "test"]] {
        assert!(machine.run(arguments).status.success());
        assert_eq!(machine.log("apt"), "", "{arguments:?}");
    }
    assert_runs(&machine.run(&["test", "--jobs", "2"]), "<test><--jobs><2>");
    assert_eq!(
        machine.log("apt"),
        format!("install -y --no-install-recommends {TEST_PACKAGES} noninteractive\n")
    );
    machine.run(&["test"]);
    assert_eq!(machine.log("apt").lines().count(), 1, "it is done once");
}

#[test]
fn what_tests_want_is_installed_through_sudo_after_yes() {
    let machine = Machine::new();
    machine.offers_test_tools();
    machine.install("sudo", "echo sudo >> \"$LOG/sudo\"; exec \"$@\"");
    assert_runs(&machine.run(&["--yes", "test"]), "<test>");
    assert_eq!(machine.log("sudo"), "sudo\n");
}

#[test]
fn an_ordinary_user_is_told_what_tests_want_and_tests() {
    let machine = Machine::new();
    machine.install("shellcheck", "");
    let output = machine.run(&["test"]);
    assert_runs(&output, "<test>");
    // The test that wants `ip` is one for root.
    let line =
        "install -y --no-install-recommends chromium libxml2-utils python3-prometheus-client\n";
    assert!(stderr(&output).contains(line), "{}", stderr(&output));
    assert_eq!(machine.log("apt"), "");
}

/// As on Ubuntu, which has Chromium as a snap only.
#[test]
fn a_package_that_there_is_not_keeps_nothing_else_from_the_tests() {
    let machine = Machine::new();
    machine.install("id", "echo 0");
    machine.offers_test_tools();
    fs::remove_file(machine.path("log/packages/chromium")).unwrap();
    fs::write(machine.path("log/unknown"), "chromium").unwrap();
    let output = machine.run(&["test"]);
    assert_runs(&output, "<test>");
    assert!(machine.bin("xmllint").exists());
    let told = stderr(&output);
    for part in ["could not install chromium", "recommends chromium\n"] {
        assert!(told.contains(part), "{part:?} is not in: {told}");
    }
}

#[test]
fn without_a_network_it_tests_all_the_same() {
    let machine = Machine::new();
    machine.install("id", "echo 0");
    machine.install("apt-get", "exit 100");
    assert_runs(&machine.run(&["test"]), "<test>");
}

#[test]
fn a_python_of_ones_own_is_left_alone() {
    let machine = Machine::new();
    for program in FOR_TESTS {
        machine.install(program, "");
    }
    machine.install("python3", "exit 1");
    let output = machine.run(&["test"]);
    assert_runs(&output, "<test>");
    assert!(!stderr(&output).contains("skipped"), "{}", stderr(&output));
}

#[test]
fn package_lists_are_fetched_only_where_that_helps() {
    let machine = Machine::new();
    machine.install("id", "echo 0");
    machine.uninstall("mvn");
    fs::write(machine.path("log/lists-missing"), "").unwrap();
    assert_runs(&machine.run(&["demo"]), "<demo>");
    let log = machine.log("apt");
    let verbs: Vec<_> = log
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();
    assert_eq!(verbs, ["install", "update", "install"]);
}

#[test]
fn yes_installs_through_sudo_and_stays_in_the_script() {
    let machine = Machine::new();
    machine.uninstall("mvn");
    machine.install("sudo", "echo sudo >> \"$LOG/sudo\"; exec \"$@\"");
    assert_runs(&machine.run(&["--yes", "demo"]), "<demo>");
    assert_eq!(machine.log("sudo"), "sudo\n");
}

#[test]
fn yes_without_sudo_tells_the_line() {
    let machine = Machine::new();
    machine.remove("mvn");
    let output = machine.run(&["--yes", "demo"]);
    assert_refuses(&machine, &output, &["as root", "apt-get install"]);
}

#[test]
fn what_is_missing_even_after_its_installation_is_named() {
    let machine = Machine::new();
    machine.install("id", "echo 0");
    machine.remove("mvn");
    fs::write(machine.path("log/packages/other"), "").unwrap();
    let output = machine.run(&["demo"]);
    assert_eq!(output.status.code(), Some(2));
    let text = stderr(&output);
    assert!(
        text.contains("still missing after their installation: maven"),
        "{text}"
    );
}

#[test]
fn without_apt_the_packages_are_named() {
    let machine = Machine::new();
    machine.remove("mvn");
    machine.remove("apt-get");
    let parts = ["Debian's packages: maven", "nix run .#lab"];
    assert_refuses(&machine, &machine.run(&["demo"]), &parts);
}

#[rstest]
#[case::none(None, "there is none")]
#[case::old(
    Some("echo 'cargo 1.66.0 (7d6a1e1e5 2022-12-13)'"),
    "found cargo 1.66.0"
)]
#[case::without_toolchain(
    Some("echo 'error: rustup could not choose a version of cargo' >&2; exit 1"),
    "rustup could not choose"
)]
fn without_a_toolchain_the_way_to_one_is_told(#[case] cargo: Option<&str>, #[case] found: &str) {
    let machine = Machine::new();
    machine.remove("cargo");
    if let Some(text) = cargo {
        machine.install("cargo", text);
    }
    let parts = ["cargo 1.90 or later", found, "https://sh.rustup.rs"];
    assert_refuses(&machine, &machine.run(&["demo"]), &parts);
}

#[test]
fn a_toolchain_that_is_not_on_the_path_yet_is_found() {
    let machine = Machine::new();
    fs::create_dir_all(machine.path("home/.cargo/bin")).unwrap();
    fs::rename(machine.bin("cargo"), machine.path("home/.cargo/bin/cargo")).unwrap();
    assert_runs(&machine.run(&[]), "<>");
}

#[test]
fn nix_takes_over_where_there_is_no_toolchain() {
    let machine = Machine::new();
    // With Nix nothing of the system is needed.
    for program in ["cargo", "cc", "java"] {
        machine.remove(program);
    }
    let nix = "case $3 in eval) [ -e Cargo.toml ] ;; run) shift 3; printf '<%s>' \"$@\" ;; esac";
    machine.install("nix", nix);
    let output = machine.run(&["run", "a b"]);
    let checkout = machine.path("the checkout");
    assert_eq!(
        stdout(&output),
        format!("<{}#lab><--><run><a b>", checkout.display()),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_nix_that_cannot_evaluate_is_no_reason_to_leave_cargo() {
    let machine = Machine::new();
    machine.install("nix", "echo used >> \"$LOG/nix\"; exit 1");
    assert_runs(&machine.run(&[]), "<>");
    assert_eq!(machine.log("nix"), "", "Cargo comes first");
    machine.remove("cargo");
    assert_refuses(&machine, &machine.run(&[]), &["https://sh.rustup.rs"]);
}

#[test]
fn a_build_directory_that_cannot_be_written_is_named() {
    let machine = Machine::new();
    // Not even root can make a directory there.
    let output = machine.run_with("CARGO_TARGET_DIR", "/proc/target");
    assert_refuses(
        &machine,
        &output,
        &["cannot write to /proc/target", "CARGO_TARGET_DIR"],
    );
}

#[test]
fn a_build_that_fails_shows_why() {
    let machine = Machine::new();
    let cargo =
        "if [ $1 = --version ]; then echo cargo 1.95.0; else echo 'error[E0432]' >&2; exit 101; fi";
    machine.install("cargo", cargo);
    assert_refuses(
        &machine,
        &machine.run(&[]),
        &["error[E0432]", "the build failed"],
    );
}

#[test]
fn an_interrupt_during_the_build_leaves_nothing_behind() {
    let machine = Machine::new();
    let cargo =
        "if [ $1 = --version ]; then echo cargo 1.95.0; else echo building >&2; sleep 600; fi";
    machine.install("cargo", cargo);
    let mut command = machine.command(&machine.script());
    let mut script = command
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .unwrap();
    script
        .stderr
        .as_mut()
        .unwrap()
        .read_exact(&mut [0; 9])
        .unwrap();
    let group = rustix::process::Pid::from_raw(script.id().try_into().unwrap()).unwrap();
    // What a terminal does on Ctrl-C.
    rustix::process::kill_process_group(group, rustix::process::Signal::INT).unwrap();
    assert!(!script.wait().unwrap().success());
    let started = Instant::now();
    while rustix::process::test_kill_process_group(group).is_ok() {
        assert!(
            started.elapsed() < Duration::from_secs(5),
            "something of the group is left"
        );
        std::thread::yield_now();
    }
}

#[test]
fn is_clean_for_shellcheck() {
    let Ok(shellcheck) = which::which("shellcheck") else {
        println!("skipped: there is no shellcheck on the PATH");
        return;
    };
    let machine = Machine::new();
    let output = Command::new(shellcheck)
        .arg(machine.script())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", stdout(&output));
}

/// The crates that Cargo builds for these arguments, each with its sets of features: one that a build script has, too, may have two.
fn features(arguments: &[&str]) -> BTreeMap<String, BTreeSet<String>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args([
            "tree",
            "--locked",
            "--offline",
            "--prefix",
            "none",
            "--no-dedupe",
        ])
        .args(["--format", "{p}|{f}"])
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let mut features = BTreeMap::<_, BTreeSet<_>>::new();
    for (package, enabled) in stdout(&output)
        .lines()
        .filter_map(|line| line.split_once('|'))
    {
        features
            .entry(package.to_owned())
            .or_default()
            .insert(enabled.to_owned());
    }
    features
}

/// Without it, tests ran other builds of nearly every crate than users had: one with a parser of numbers that was more exact.
#[test]
fn tests_and_programs_share_one_build() {
    // What the script builds.
    assert!(SCRIPT.contains("-p lab -p exporter -p producer"));
    let programs = features(&[
        "-p",
        "lab",
        "-p",
        "exporter",
        "-p",
        "producer",
        "--edges",
        "normal,build",
    ]);
    let tests = features(&["--workspace", "--edges", "normal,build,dev"]);
    let differing: Vec<_> = programs
        .iter()
        .filter_map(|(package, features)| {
            let of_tests = tests.get(package)?;
            (of_tests != features).then(|| format!("{package}: {features:?} -> {of_tests:?}"))
        })
        .collect();
    assert!(
        differing.is_empty(),
        "name what tests want in the manifest of `features`: {differing:#?}"
    );
}

/// `lab test` runs `cli` beside `[!c]*` and `c[!l]*`: what else began with these letters would be left out.
#[test]
fn no_other_test_has_a_name_that_begins_like_that_of_the_command_line() {
    let mut names = Vec::new();
    for manifest in ["services", "harness"].map(|folder| {
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../..")
            .join(folder)
    }) {
        for package in std::fs::read_dir(manifest).unwrap() {
            let tests = package.unwrap().path().join("tests");
            let Ok(tests) = std::fs::read_dir(tests) else {
                continue;
            };
            names.extend(tests.map(|test| test.unwrap().file_name().into_string().unwrap()));
        }
    }
    names.retain(|name| name.starts_with("cl"));
    assert_eq!(names, ["cli"]);
}
