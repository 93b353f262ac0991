//! Data of a fresh Postgres, made once: `initdb` needs more processor time than all the rest of a start of Postgres.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::components::Sri;
use crate::private;
use crate::runs::state_dir;
use crate::services::ServiceName;
use crate::services::launch::{LaunchError, Preparation, Site};

/// Copies `$0` to `$1` whole or not at all: `$2` is its name until then.
const COPY: &str = r#"cp -a -- "$0" "$2" && mv -T -- "$2" "$1""#;

/// Data that is the same for every run.
pub(super) struct Template(PathBuf);

impl Template {
    /// For data that depends on these words alone.
    pub(super) fn of(made_by: &[String]) -> Self {
        let key = Sri::of(made_by.join("\n").as_bytes()).short_hex();
        Self(
            state_dir()
                .join("templates")
                .join(format!("postgres-{key}")),
        )
    }

    pub(super) fn exists(&self) -> bool {
        self.0.is_dir()
    }

    /// What makes data from it.
    pub(super) fn unpack(&self, site: &Site<'_>, data: &Path) -> Result<Preparation, LaunchError> {
        job(site, COPY, &self.0, data)
    }

    /// What makes it from fresh data; nothing where it cannot be kept.
    pub(super) fn keep(
        &self,
        site: &Site<'_>,
        data: &Path,
    ) -> Result<Option<Preparation>, LaunchError> {
        let made = self
            .0
            .parent()
            .map(|parent| private::directory(parent, 0o700));
        match made {
            // Another start may have been faster, and a start without a template is as good.
            Some(Ok(())) => {
                let keep = format!(r#"{COPY} || rm -rf -- "$2""#);
                job(site, &keep, data, &self.0).map(Some)
            }
            _ => Ok(None),
        }
    }
}

fn job(site: &Site<'_>, script: &str, from: &Path, to: &Path) -> Result<Preparation, LaunchError> {
    // In the run, on the same file system: what a killed start leaves is cleared with it.
    let part = site.directory(ServiceName::Postgres)?.join("data.part");
    let mut argv = ["/bin/sh", "-c", script].map(str::to_owned).to_vec();
    argv.extend([from, to, &part].map(|path| path.display().to_string()));
    let mut job = site.process(ServiceName::Postgres, argv, BTreeMap::new())?;
    job.name = "postgres-template".to_owned();
    job.hidden = true;
    Ok(job.into())
}
