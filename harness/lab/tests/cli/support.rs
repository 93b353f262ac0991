//! A `lab` with a state directory of its own, and what is left of it.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// Stacks are heavy: one test at a time has one.
static ONE_STACK: Mutex<()> = Mutex::new(());

pub struct Lab {
    state: TempDir,
    variables: Vec<(String, String)>,
    /// None where another one's is held meanwhile.
    _one: Option<MutexGuard<'static, ()>>,
}

impl Lab {
    pub fn new() -> Self {
        let one = ONE_STACK.lock().unwrap_or_else(PoisonError::into_inner);
        Self::of(Some(one))
    }

    /// A second one, for a test with two stacks at a time.
    pub fn second(&self) -> Self {
        Self::of(None)
    }

    fn of(one: Option<MutexGuard<'static, ()>>) -> Self {
        // Not in a home directory: as root, Postgres runs as a user who cannot enter one.
        let state = tempfile::Builder::new()
            .prefix("lab-test-")
            .tempdir()
            .unwrap();
        fs::set_permissions(state.path(), fs::Permissions::from_mode(0o711)).unwrap();
        Self {
            state,
            variables: Vec::new(),
            _one: one,
        }
    }

    /// The state directory.
    pub fn state(&self) -> &Path {
        self.state.path()
    }

    pub fn with(mut self, variable: &str, value: impl Into<String>) -> Self {
        self.variables.push((variable.to_owned(), value.into()));
        self
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lab"));
        command
            .args(arguments)
            .env("LAB_STATE_DIR", self.state.path())
            .stdin(Stdio::null());
        // What a `lab test` around this one set is not for this one.
        command.env_remove("LAB_RUN");
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Ended {
        Ended::from(self.command(arguments).output().unwrap())
    }

    pub fn start(&self, arguments: &[&str]) -> Child {
        // A shell starts what runs in its background with SIGINT ignored, and children inherit that.
        let lab = self.command(arguments);
        let mut command = Command::new("env");
        command
            .arg("--default-signal=INT")
            .arg(lab.get_program())
            .args(lab.get_args());
        for (name, value) in lab.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// `lab status --json`, if there is a run that answers.
    pub fn status(&self) -> Option<Value> {
        let ended = self.run(&["status", "--json"]);
        serde_json::from_str(&ended.stdout)
            .ok()
            .filter(Value::is_object)
    }

    /// Waits until every service of the run is ready.
    pub fn wait_ready(&self, services: usize) -> Value {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.status() {
                let ready = status["services"].as_array().unwrap();
                if ready.len() == services
                    && ready.iter().all(|service| service["state"] == "ready")
                {
                    return status;
                }
            }
            assert!(
                begun.elapsed() < Duration::from_secs(90),
                "not ready: {:?}",
                self.status()
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Processes that belong to a run below this state directory, as (pid, command line).
    pub fn processes(&self) -> Vec<(i32, String)> {
        let state = self.state.path().display().to_string();
        let runs: Vec<String> = fs::read_dir(self.state.path().join("runs"))
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| format!("LAB_RUN={}", entry.file_name().to_string_lossy()))
            .collect();
        let read = |path: PathBuf| {
            String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).replace('\0', " ")
        };
        let mut found = Vec::new();
        for entry in fs::read_dir("/proc").unwrap().flatten() {
            let Some(pid) = entry
                .file_name()
                .to_str()
                .and_then(|name| name.parse::<i32>().ok())
            else {
                continue;
            };
            let command = read(entry.path().join("cmdline"));
            let environment = read(entry.path().join("environ"));
            let marked = runs
                .iter()
                .any(|mark| environment.split(' ').any(|variable| variable == mark));
            // Postgres writes the titles of its processes over both.
            let folder = fs::read_link(entry.path().join("cwd")).unwrap_or_default();
            // Zombies have none of it.
            if marked || command.contains(&state) || folder.starts_with(self.state.path()) {
                found.push((pid, command));
            }
        }
        found
    }

    /// Waits until the processes are as is wanted; gives them.
    pub fn wait_for(&self, wanted: impl Fn(&[(i32, String)]) -> bool) -> Vec<(i32, String)> {
        let begun = Instant::now();
        loop {
            let processes = self.processes();
            if wanted(&processes) {
                return processes;
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "{processes:#?}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Asserts that within five seconds no process is left and these ports are free.
    pub fn assert_nothing_left(&self, ports: &[u16], what: &str) {
        let begun = Instant::now();
        loop {
            let left = self.processes();
            let taken: Vec<_> = ports
                .iter()
                .filter(|port| TcpListener::bind(("127.0.0.1", **port)).is_err())
                .collect();
            if left.is_empty() && taken.is_empty() {
                return;
            }
            assert!(
                begun.elapsed() < Duration::from_secs(5),
                "{what}: five seconds later there are still {left:#?}, and ports {taken:?}"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        // A test that failed must not leave a stack behind for the next.
        if std::thread::panicking() {
            for (pid, _) in self.processes() {
                let _ = Command::new("kill").args(["-9", &pid.to_string()]).status();
            }
        }
    }
}

/// Scenarios in a folder of their own, as name and text; and the folder as an argument.
pub fn scenarios(files: &[(&str, &str)]) -> (TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name).with_extension("toml");
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let root = folder.path().display().to_string();
    (folder, root)
}

/// Whether the command line of one of them has this in it.
pub fn one_has(processes: &[(i32, String)], words: &str) -> bool {
    processes.iter().any(|(_, command)| command.contains(words))
}

/// Asserts that a process that was sent a signal ends within five seconds.
pub fn assert_ends(child: &mut Child, what: &str) {
    let begun = Instant::now();
    while child.try_wait().unwrap().is_none() {
        assert!(
            begun.elapsed() < Duration::from_secs(5),
            "{what}: five seconds later the runner still runs"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Ports of every endpoint in a status.
pub fn ports(status: &Value) -> Vec<u16> {
    let services = status["services"].as_array().into_iter().flatten();
    services
        .flat_map(|service| service["endpoints"].as_object().into_iter().flatten())
        .filter_map(|(_, address)| {
            let after = address.as_str()?.rsplit(':').next()?;
            after.split('/').next()?.parse().ok()
        })
        .collect()
}

#[derive(Debug)]
pub struct Ended {
    pub status: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Self {
            status: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Ended {
    /// Asserts the exit status, and that standard error says all of these.
    pub fn assert_says(&self, status: i32, words: &[&str]) {
        assert_eq!(self.status, Some(status), "{self:#?}");
        for words in words {
            assert!(
                self.stderr.contains(words),
                "{words:?} is not in\n{}",
                self.stderr
            );
        }
    }
}

pub fn signal(pid: u32, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    rustix::process::kill_process(pid, signal).unwrap();
}
