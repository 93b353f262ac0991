//! How a JVM is started.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::ServiceName;
use super::class_data::Plan;
use super::launch::{self, LaunchError, Preparation, Site, write};
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
    /// What has to run before, once, and then program and arguments; writes the log settings into the service's directory.
    pub(super) fn command(
        self,
        site: &Site<'_>,
        service: ServiceName,
        directory: &Path,
    ) -> Result<(Option<Preparation>, Vec<String>), LaunchError> {
        let modes: BTreeMap<String, Vec<String>> =
            launch::settings("jvm.json", include_str!("../../../../services/jvm.json"))?;
        let mode = modes
            .get(&site.jvm.to_string())
            .cloned()
            .unwrap_or_default();
        let logging = logging(site.profile, directory)?;
        let java = site.program("java")?;
        let jars: Vec<_> = self
            .class_path
            .iter()
            .map(|jar| jar.display().to_string())
            .collect();
        let class_path = jars.join(":");
        let shared = Plan::new(
            site.class_data,
            site.jvm,
            (site.run.id(), service.as_str()),
            java,
            self.main_class,
            self.class_path,
        );
        let prepare = shared
            .make(java, &mode, &class_path)
            .map(|argv| preparation(site, service, argv))
            .transpose()?;

        let mut argv = vec![java.display().to_string()];
        argv.extend(mode);
        argv.extend(shared.options());
        argv.push(format!("-Xmx{}", self.heap));
        argv.push("-Djava.awt.headless=true".to_owned());
        // Codecs unpack native libraries there, which a killed JVM leaves.
        let temporary = directory.join("tmp");
        std::fs::create_dir_all(&temporary).map_err(|source| LaunchError::Write {
            path: temporary.clone(),
            source,
        })?;
        argv.push(format!("-Djava.io.tmpdir={}", temporary.display()));
        argv.push(logging);
        argv.extend(self.agent.map(|agent| format!("-javaagent:{agent}")));
        argv.extend(["-cp".to_owned(), class_path, self.main_class.to_owned()]);
        argv.extend(self.args);
        Ok((prepare, argv))
    }
}

/// What makes class data.
fn preparation(
    site: &Site<'_>,
    service: ServiceName,
    argv: Vec<String>,
) -> Result<Preparation, LaunchError> {
    let mut job = site.process(service, argv, BTreeMap::new())?;
    job.name = format!("{service}-class-data");
    job.hidden = true;
    let about = format!("{service}: making class data, once; starts take less time from now on");
    Ok(Preparation {
        job,
        about: Some(about),
    })
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
