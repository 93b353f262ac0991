//! Each scenario is a case: its file is right. Where `LAB_TEST_ENDPOINTS` names a file of endpoints, it also runs there.
//!
//! Found as the tests run, not as they are compiled: a list made by a macro needs a build script that watches the folder, and
//! each edit of a scenario would then build the whole runner anew.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Output};

use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::Value;

/// A stack, or a cluster, to run the scenarios on; unset, none runs.
const ENDPOINTS: &str = "LAB_TEST_ENDPOINTS";

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let root = workspace.canonicalize().unwrap().join("scenarios");
    let files = match scenario::discover(&root) {
        Ok(files) => files,
        Err(problems) => {
            eprintln!("{problems}");
            return ExitCode::FAILURE;
        }
    };
    let endpoints = std::env::var_os(ENDPOINTS).map(PathBuf::from);
    if endpoints.is_some() {
        // A cluster that others use as well is not the place for as many at a time as this machine has cores.
        arguments.test_threads.get_or_insert(1);
    }
    let case = |file: PathBuf| {
        let name = file.strip_prefix(&root).unwrap().with_extension("");
        let (root, endpoints) = (root.clone(), endpoints.clone());
        Trial::test(name.display().to_string(), move || {
            let read = lab(&root, &["validate"]).arg(&file).output()?;
            held(&read)?;
            let Some(endpoints) = &endpoints else {
                return Ok(());
            };
            let ran = lab(&root, &["run", "--json"])
                .arg("--endpoints")
                .args([endpoints, &file])
                .output()?;
            match skipped(&ran) {
                Some(reasons) => println!("skipped: {}: {reasons}", file.display()),
                None => held(&ran)?,
            }
            Ok(())
        })
    };
    libtest_mimic::run(&arguments, files.into_iter().map(case).collect()).exit_code()
}

fn lab(root: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lab"));
    command.args(arguments).arg("--scenarios").arg(root);
    command
}

fn held(output: &Output) -> Result<(), Failed> {
    if output.status.success() {
        return Ok(());
    }
    let said = [&output.stderr[..], &output.stdout].concat();
    Err(String::from_utf8_lossy(&said).into_owned().into())
}

/// Why nothing of it ran, where nothing did: the cluster is not one that it can run on.
fn skipped(output: &Output) -> Option<String> {
    let report: Value = serde_json::from_slice(&output.stdout).ok()?;
    let instances = report["scenarios"].as_array()?;
    let reasons: Option<Vec<&str>> = instances
        .iter()
        .map(|one| {
            one["reason"]
                .as_str()
                .filter(|_| one["outcome"] == "skipped")
        })
        .collect();
    reasons
        .filter(|all| !all.is_empty())
        .map(|all| all.join("; "))
}
