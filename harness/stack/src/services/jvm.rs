//! How a JVM is started.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::launch::{self, LaunchError, Site, write};
use super::properties::{Settings, java_properties};
use crate::profile::Profile;

/// What a JVM is tuned for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum JvmMode {
    /// Fast start: serial collector, first compiler only. Right for functional work, wrong for throughput.
    #[default]
    Quick,
    /// What the components' own scripts use.
    Server,
}

impl Display for JvmMode {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Quick => "quick",
            Self::Server => "server",
        })
    }
}

/// The JVM of one service.
pub(super) struct Jvm<'a> {
    pub heap: &'a str,
    pub class_path: &'a [PathBuf],
    pub main_class: &'a str,
    pub args: Vec<String>,
    pub agent: Option<String>,
}

impl Jvm<'_> {
    /// Program and arguments; writes the log settings into the service's directory.
    pub(super) fn argv(
        self,
        site: &Site<'_>,
        directory: &Path,
    ) -> Result<Vec<String>, LaunchError> {
        let modes: BTreeMap<String, Vec<String>> =
            launch::settings("jvm.json", include_str!("../../../../services/jvm.json"))?;
        let logging = logging(site.profile, directory)?;

        let mut argv = vec![site.program("java")?.display().to_string()];
        argv.extend(
            modes
                .get(&site.jvm.to_string())
                .cloned()
                .unwrap_or_default(),
        );
        argv.push(format!("-Xmx{}", self.heap));
        argv.push("-Djava.awt.headless=true".to_owned());
        argv.push(logging);
        argv.extend(self.agent.map(|agent| format!("-javaagent:{agent}")));
        let class_path: Vec<_> = self
            .class_path
            .iter()
            .map(|jar| jar.display().to_string())
            .collect();
        argv.extend([
            "-cp".to_owned(),
            class_path.join(":"),
            self.main_class.to_owned(),
        ]);
        argv.extend(self.args);
        Ok(argv)
    }
}

/// Writes the log settings; gives the option that names them. Kafka 4 logs through log4j2, Kafka 3 through its forerunner.
fn logging(profile: Profile, directory: &Path) -> Result<String, LaunchError> {
    let (name, file, text) = match profile {
        Profile::Zookeeper => (
            "log4j.configuration",
            "log4j.json",
            include_str!("../../../../services/log4j.json"),
        ),
        Profile::Kraft => (
            "log4j2.configurationFile",
            "log4j2.json",
            include_str!("../../../../services/log4j2.json"),
        ),
    };
    let settings: Settings = launch::settings(file, text)?;
    let path = directory.join(file).with_extension("properties");
    write(&path, &java_properties(&settings, &[]))?;
    Ok(format!("-D{name}=file:{}", path.display()))
}
