//! Maven's client: the one way to the files, because it knows the user's mirrors, proxies and credentials.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::Duration;

use super::child::Child;
use super::coordinates::Coordinates;
use super::error::Error;
use super::progress::Progress;

/// Pinned, because Maven would take whatever its own version was built with. 3.10.0 fetches an artifact without its pom,
/// and so without the poms' parents and the repositories that they name.
const DEPENDENCY_PLUGIN: &str = "3.10.0";

/// How often a running Maven is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// What one module of the generated project does.
pub(crate) enum Task<'a> {
    /// Fetches these artifacts alone.
    Copy(Vec<Coordinates>),
    /// Fetches these artifacts and what they need at run time, into `out/<name>` in repository layout.
    Closure(&'a [Coordinates]),
}

/// A Maven project in a directory of its own, with a local repository of its own.
pub(crate) struct Project {
    program: PathBuf,
    dir: PathBuf,
}

/// How a run of Maven ended.
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    /// The lines that say why, if it failed.
    pub(crate) tail: String,
}

impl Project {
    /// Writes the project. Each task is a module, so that Maven works on four of them at a time.
    pub(crate) fn write(
        program: &Path,
        dir: &Path,
        tasks: &BTreeMap<String, Task<'_>>,
    ) -> Result<Self, Error> {
        let write = |path: PathBuf, text: &str| {
            fs::write(&path, text).map_err(|source| Error::io("write", &path, source))
        };
        let make = |path: PathBuf| {
            fs::create_dir_all(&path).map_err(|source| Error::io("create", &path, source))
        };
        // Maven looks for `.mvn` in every directory above, and would take options from one in the user's home.
        make(dir.join(".mvn"))?;
        let mut modules = String::new();
        for (name, task) in tasks {
            let _ = write!(modules, "<module>{name}</module>");
            make(dir.join(name))?;
            write(
                dir.join(name).join("pom.xml"),
                &pom(name, &module(name, task)),
            )?;
        }
        write(
            dir.join("pom.xml"),
            &pom("lab", &format!("<modules>{modules}</modules>")),
        )?;
        Ok(Project {
            program: program.to_owned(),
            dir: dir.to_owned(),
        })
    }

    /// The file of an artifact in the project's own repository, whether it is there yet or not. Maven puts a file there
    /// under this name only when it is complete; before, its name goes on after this one.
    pub(crate) fn artifact(&self, path: &str) -> PathBuf {
        self.dir.join("repository").join(path)
    }

    /// Where a [`Task::Closure`] leaves its files.
    pub(crate) fn out(&self, name: &str) -> PathBuf {
        self.dir.join("out").join(name)
    }

    /// Runs Maven, and calls `look` several times a second and once more at the end.
    pub(crate) fn run(
        &self,
        progress: &dyn Progress,
        mut look: impl FnMut() -> Result<(), Error>,
    ) -> Result<Ended, Error> {
        let log_path = self.dir.join("mvn.log");
        let log =
            File::create(&log_path).map_err(|source| Error::io("create", &log_path, source))?;
        let mut command = Command::new(&self.program);
        let mut repository = std::ffi::OsString::from("-Dmaven.repo.local=");
        repository.push(self.dir.join("repository"));
        command
            .args([
                "--batch-mode",
                "--no-transfer-progress",
                "-Dstyle.color=never",
                "--threads",
                "4",
            ])
            .arg(repository)
            .arg("initialize")
            .current_dir(&self.dir);
        if std::env::var_os(OPTIONS).is_none() {
            command.env(OPTIONS, SHORT_LIVED);
        }
        let child = Child::start(command, &log)
            .map_err(|source| Error::io("run", &self.program, source))?;
        loop {
            let ended = child
                .wait(LOOK)
                .map_err(|source| Error::io("wait for", &self.program, source))?;
            look()?;
            if progress.cancelled() {
                return Err(Error::Cancelled);
            }
            if let Some(status) = ended {
                let text =
                    fs::read(&log_path).map_err(|source| Error::io("read", &log_path, source))?;
                return Ok(Ended {
                    status,
                    tail: tail(&String::from_utf8_lossy(&text)),
                });
            }
        }
    }
}

/// What Maven's script gives its JVM.
const OPTIONS: &str = "MAVEN_OPTS";

/// For a JVM that waits for the network, and ends before its second compiler has paid for itself.
const SHORT_LIVED: &str = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC";

/// Maven on the PATH.
pub(crate) fn locate() -> Result<PathBuf, Error> {
    which::which("mvn").map_err(|_| Error::ProgramMissing {
        program: "mvn",
        remedy: "install Maven (Debian, Ubuntu: `apt-get install maven`; Nix: `nix develop`)",
    })
}

/// The last lines that matter: Maven's errors if there are any, else its last lines.
pub(crate) fn tail(log: &str) -> String {
    const LINES: usize = 12;
    let errors: Vec<&str> = log
        .lines()
        .filter(|line| line.starts_with("[ERROR]") && line.trim() != "[ERROR]")
        .take(LINES)
        .collect();
    if !errors.is_empty() {
        return errors.join("\n");
    }
    let lines: Vec<&str> = log.lines().filter(|line| !line.trim().is_empty()).collect();
    lines
        .get(lines.len().saturating_sub(LINES)..)
        .unwrap_or_default()
        .join("\n")
}

fn pom(name: &str, content: &str) -> String {
    format!(
        r#"<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion><groupId>lab</groupId><artifactId>{name}</artifactId><version>1</version><packaging>pom</packaging>
{content}
</project>
"#
    )
}

/// The content of a module's pom. `Coordinates` holds no character that XML gives a meaning to.
fn module(name: &str, task: &Task<'_>) -> String {
    let (dependencies, goal, configuration) = match task {
        Task::Copy(items) => {
            let items: String = items
                .iter()
                .map(|item| element("artifactItem", item))
                .collect();
            (
                String::new(),
                "copy",
                format!("<artifactItems>\n{items}</artifactItems>"),
            )
        }
        Task::Closure(roots) => {
            let roots: String = roots
                .iter()
                .map(|root| element("dependency", root))
                .collect();
            let configuration = "<includeScope>runtime</includeScope><useRepositoryLayout>true</useRepositoryLayout>";
            (
                format!("<dependencies>\n{roots}</dependencies>\n"),
                "copy-dependencies",
                configuration.to_owned(),
            )
        }
    };
    format!(
        "{dependencies}<build><plugins><plugin>\
         <groupId>org.apache.maven.plugins</groupId><artifactId>maven-dependency-plugin</artifactId>\
         <version>{DEPENDENCY_PLUGIN}</version><executions><execution><phase>initialize</phase>\
         <goals><goal>{goal}</goal></goals><configuration>\
         <outputDirectory>${{session.executionRootDirectory}}/out/{name}</outputDirectory>\n{configuration}\
         </configuration></execution></executions></plugin></plugins></build>"
    )
}

fn element(tag: &str, coordinates: &Coordinates) -> String {
    let Coordinates {
        group,
        artifact,
        version,
        kind,
        classifier,
    } = coordinates;
    let classifier = classifier.as_ref().map_or(String::new(), |text| {
        format!("<classifier>{text}</classifier>")
    });
    format!(
        "<{tag}><groupId>{group}</groupId><artifactId>{artifact}</artifactId><version>{version}</version>\
         <type>{kind}</type>{classifier}</{tag}>\n"
    )
}
