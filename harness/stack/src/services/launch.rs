//! What a service needs to know about its run, and what comes of it.

use std::collections::BTreeMap;
use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::components::{self, Installed};
use crate::endpoints::{EndpointError, Endpoints};
use crate::guard::{SpawnSpec, StopPhase, StopSpec};
use crate::links::Link;
use crate::private;
use crate::profile::Profile;
use crate::runs::RunDir;
use crate::security::Keys;
use crate::services::{JvmMode, ServiceName};

/// Processes that bring a service up.
#[derive(Debug)]
pub struct Launch {
    /// Each runs to its end, with success, before the next.
    pub prepare: Vec<Preparation>,
    /// The service.
    pub main: SpawnSpec,
}

/// What runs before a service.
#[derive(Debug)]
pub struct Preparation {
    /// It.
    pub job: SpawnSpec,
    /// What a user hears of it.
    pub about: Option<String>,
}

impl From<SpawnSpec> for Preparation {
    fn from(job: SpawnSpec) -> Self {
        Self { job, about: None }
    }
}

/// What runs without standing in the lock.
#[derive(Debug, Default)]
pub struct Programs {
    /// Programs by name: `java`, `exporter`, `producer`.
    pub paths: BTreeMap<&'static str, PathBuf>,
    /// Prometheus.
    pub prometheus: Option<components::prometheus::Prometheus>,
}

/// What a Connect worker gets over the settings of the project.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WorkerOverrides {
    /// Properties by name.
    pub properties: BTreeMap<String, serde_json::Value>,
    /// Options of its JVM. A collector chosen here replaces that of the mode.
    pub jvm: Vec<String>,
}

/// What a service sees of its run.
#[derive(Debug)]
pub struct Site<'a> {
    /// The run's directory.
    pub run: &'a RunDir,
    /// Where everything will be reached.
    pub endpoints: &'a Endpoints,
    /// This service's ports by key.
    pub ports: BTreeMap<&'static str, u16>,
    /// Verified components by name.
    pub installed: &'a BTreeMap<&'static str, Installed>,
    /// Programs that are no component.
    pub programs: &'a Programs,
    /// Where Kafka keeps its metadata.
    pub profile: Profile,
    /// How JVMs are run.
    pub jvm: JvmMode,
    /// What the Connect worker gets over its settings.
    pub worker: WorkerOverrides,
    /// Where class data of JVMs is kept.
    pub class_data: &'a Path,
    /// Leave out those settings of ours that only make the start fast.
    pub defaults: bool,
    /// Services of this run.
    pub members: &'a [ServiceName],
    /// Links to this service, with the port behind the proxy of each: where the service itself listens for it.
    pub behind_links: Vec<(Link, u16)>,
}

/// Why a service cannot be launched.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// A settings file cannot be written.
    #[error("cannot write {path}")]
    Write {
        /// The file.
        path: PathBuf,
        /// Cause.
        #[source]
        source: io::Error,
    },
    /// A settings file of the project has not the shape that its service needs.
    #[error("the settings in services/{file} are wrong")]
    Settings {
        /// File below `services/`.
        file: &'static str,
        /// Cause.
        #[source]
        source: serde_json::Error,
    },
    /// A program or component was not made ready before the start.
    #[error("{0} was not made ready before the start")]
    NotReady(String),
    /// A neighbour has no address.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// A component is not as it should be.
    #[error(transparent)]
    Component(#[from] components::Error),
    /// Root may not become the user that Postgres runs as.
    #[error("no user `nobody` to run Postgres as: it refuses to run as root")]
    NoUser,
    /// That user may not come to its files.
    #[error(
        "Postgres runs as `nobody` below root, who may not pass through {0}: `chmod o+x` it, or set LAB_STATE_DIR to another place"
    )]
    Closed(PathBuf),
}

impl Site<'_> {
    /// What the parts of a secure stack know each other by.
    pub(super) fn keys(&self) -> Option<&Keys> {
        self.endpoints.keys()
    }

    /// The component, verified.
    pub(super) fn component(&self, name: &str) -> Result<&Installed, LaunchError> {
        self.installed
            .get(name)
            .ok_or_else(|| LaunchError::NotReady(name.to_owned()))
    }

    /// The brokers of this run.
    pub(super) fn brokers(&self) -> Vec<ServiceName> {
        ServiceName::Kafka.among(self.members).collect()
    }

    /// Whether a component is there that the service can do without.
    pub(super) fn has(&self, name: &str) -> bool {
        self.installed.contains_key(name)
    }

    /// The directory of an unpacked component, verified.
    pub(super) fn tree(&self, name: &str) -> Result<&Path, LaunchError> {
        self.component(name)?
            .root()
            .ok_or_else(|| LaunchError::NotReady(name.to_owned()))
    }

    /// Path of a program.
    pub(super) fn program(&self, name: &str) -> Result<&Path, LaunchError> {
        self.programs
            .paths
            .get(name)
            .map(PathBuf::as_path)
            .ok_or_else(|| LaunchError::NotReady(name.to_owned()))
    }

    /// The port behind an endpoint of this service.
    pub(super) fn port(&self, key: &str) -> Result<u16, LaunchError> {
        self.ports
            .get(key)
            .copied()
            .ok_or_else(|| LaunchError::NotReady(format!("the port `{key}`")))
    }

    /// The service's own directory.
    pub(super) fn directory(&self, service: ServiceName) -> Result<PathBuf, LaunchError> {
        let made = self.run.service(service.as_str()).and_then(|path| {
            // What is on a disk is no more for strangers than what is on the wire. That of Postgres has another owner below it.
            if self.keys().is_some() && service != ServiceName::Postgres {
                std::fs::set_permissions(&path, Permissions::from_mode(0o700))?;
            }
            Ok(path)
        });
        made.map_err(|source| LaunchError::Write {
            path: self.run.path().join(service.as_str()),
            source,
        })
    }

    /// A process of this service, with a plain environment, ended by SIGTERM.
    pub(super) fn process(
        &self,
        service: ServiceName,
        argv: Vec<String>,
        env: BTreeMap<String, String>,
    ) -> Result<SpawnSpec, LaunchError> {
        let mut environment: BTreeMap<String, String> = ["PATH", "HOME", "TZ", "JAVA_HOME"]
            .into_iter()
            .filter_map(|name| Some((name.to_owned(), std::env::var(name).ok()?)))
            .collect();
        // A JVM takes names of files to be in the encoding of its locale.
        environment.insert("LC_ALL".to_owned(), "C.UTF-8".to_owned());
        environment.extend(env);
        Ok(SpawnSpec {
            name: service.as_str().to_owned(),
            argv,
            env: environment,
            cwd: self.directory(service)?,
            log: self.run.log(service.as_str()),
            user: None,
            stop: StopSpec {
                phase: StopPhase::Servers,
                signal: nix::libc::SIGTERM,
                at_end: nix::libc::SIGKILL,
                grace_ms: 10_000,
                parent_death_signal: nix::libc::SIGKILL,
            },
            endpoints: self.endpoints.of(service.as_str()),
            hidden: false,
        })
    }
}

/// A settings file of the project, from its text.
pub(crate) fn settings<T: DeserializeOwned>(
    file: &'static str,
    text: &str,
) -> Result<T, LaunchError> {
    serde_json::from_str(text).map_err(|source| LaunchError::Settings { file, source })
}

/// The usual port of each endpoint key, from the text of a settings file. 0 where the file has none: a test looks for that.
pub(super) fn ports<const N: usize>(
    text: &str,
    keys: [&'static str; N],
) -> [(&'static str, u16); N] {
    #[derive(Default, Deserialize)]
    struct Ports {
        ports: BTreeMap<String, u16>,
    }
    let Ports { ports } = serde_json::from_str(text).unwrap_or_default();
    keys.map(|key| (key, ports.get(key).copied().unwrap_or_default()))
}

/// Writes a settings file.
pub(super) fn write(path: &Path, text: &str) -> Result<(), LaunchError> {
    std::fs::write(path, text).map_err(|source| LaunchError::Write {
        path: path.to_owned(),
        source,
    })
}

/// Writes a file that holds a secret: for its owner alone.
pub(super) fn write_secret(path: &Path, text: &str) -> Result<(), LaunchError> {
    private::write(path, text.as_bytes()).map_err(|source| LaunchError::Write {
        path: path.to_owned(),
        source,
    })
}
