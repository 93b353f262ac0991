//! Postgres with logical decoding, its data made anew for each run.

mod template;

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder};
use std::os::unix::fs::{DirBuilderExt, MetadataExt as _, chown};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use serde::Deserialize;

use self::template::Template;
use super::launch::{self, Launch, LaunchError, Site, write, write_secret};
use super::properties::{Settings, postgresql_conf};
use super::{Service, ServiceName};
use crate::components::shared_tree;
use crate::profile::Profile;
use crate::runs::state_dir;
use crate::security::{Keys, Security, User};

/// Who connects, to what, and how the server is set up.
#[derive(Debug, Deserialize)]
pub struct PostgresSettings {
    /// Superuser; it may replicate.
    pub user: String,
    /// Its password.
    pub password: String,
    /// Databases that are there from the start.
    pub databases: Vec<String>,
    settings: Settings,
}

const SETTINGS: &str = include_str!("../../../../../services/postgres/settings.json");

/// `services/postgres/settings.json`.
///
/// # Errors
/// When the file has another shape.
pub fn settings() -> Result<PostgresSettings, LaunchError> {
    launch::settings("postgres/settings.json", SETTINGS)
}

const COMPONENT: &str = "postgres";

pub(super) struct Postgres;

impl Service for Postgres {
    fn needs(&self, _: Profile) -> &'static [ServiceName] {
        &[]
    }

    fn ports(&self, _: Profile) -> &'static [(&'static str, u16)] {
        static PORTS: LazyLock<[(&str, u16); 1]> =
            LazyLock::new(|| launch::ports(SETTINGS, ["sql"]));
        &*PORTS
    }

    fn address(&self, port: u16, security: Security) -> String {
        // Without the settings there is no user to connect as; `launch` reports what is wrong with them.
        let (user, password) = settings().map_or_else(
            |_| Default::default(),
            |settings| (settings.user, settings.password),
        );
        match security {
            Security::Plain => format!("postgresql://{user}:{password}@127.0.0.1:{port}/postgres"),
            Security::Secure => format!("postgresql://{user}@127.0.0.1:{port}/postgres"),
        }
    }

    fn components(&self) -> &'static [&'static str] {
        &[COMPONENT]
    }

    fn launch(&self, site: &Site<'_>) -> Result<Launch, LaunchError> {
        let name = ServiceName::Postgres;
        let mut settings = settings()?;
        if let Some(keys) = site.keys() {
            settings.password = keys.password(User::Postgres).to_owned();
        }
        let directory = site.directory(name)?;
        let user = unprivileged_user()?;

        if user.is_some()
            && let Some(closed) = directory.ancestors().find(|path| is_closed(path))
        {
            return Err(LaunchError::Closed(closed.to_owned()));
        }
        let programs = match user {
            // That user may not be able to enter the cache below root's home.
            Some(_) => shared_tree(
                site.component(COMPONENT)?,
                &state_dir().join("programs"),
                &directory,
            )?,
            None => site.tree(COMPONENT)?.to_owned(),
        };
        let data = directory.join("data");
        let fresh = !data.exists();
        let own = |path: &Path| match user {
            Some((user, group)) => chown(path, Some(user), Some(group)),
            None => Ok(()),
        };
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| LaunchError::Write { path, source }
        };
        let password = directory.join("password");
        let mut prepare = Vec::new();
        let process = |argv: Vec<String>| -> Result<_, LaunchError> {
            let mut spec = site.process(name, argv, BTreeMap::new())?;
            spec.user = user;
            spec.stop.signal = nix::libc::SIGINT;
            spec.stop.at_end = nix::libc::SIGINT;
            // SIGKILL would leave shared memory behind.
            spec.stop.parent_death_signal = nix::libc::SIGQUIT;
            Ok(spec)
        };
        let how = [
            format!("--username={}", settings.user),
            "--auth=scram-sha-256".to_owned(),
            "--encoding=UTF8".to_owned(),
            "--no-locale".to_owned(),
            "--no-sync".to_owned(),
            "--no-instructions".to_owned(),
        ];
        let initdb = programs.join("bin/initdb").display().to_string();
        let template = {
            let mut made_by = vec![
                initdb.clone(),
                settings.password.clone(),
                format!("{user:?}"),
            ];
            made_by.extend(how.clone());
            Template::of(&made_by)
        };
        // Whoever has a password of their own has data of their own.
        let is_usual = site.keys().is_none();
        if fresh && is_usual && template.exists() {
            prepare.push(template.unpack(site, &data)?);
        } else if fresh {
            DirBuilder::new()
                .mode(0o700)
                .create(&data)
                .map_err(failed(&data))?;
            own(&data).map_err(failed(&data))?;
            write_secret(&password, &settings.password)?;
            own(&password).map_err(failed(&password))?;
            let mut argv = vec![
                initdb,
                format!("--pgdata={}", data.display()),
                format!("--pwfile={}", password.display()),
            ];
            argv.extend(how);
            let mut initdb = process(argv)?;
            initdb.name = "initdb".to_owned();
            initdb.hidden = true;
            prepare.push(initdb.into());
            if is_usual {
                prepare.extend(template.keep(site, &data)?);
            }
        }
        let config = directory.join("postgresql.conf");
        let mut ours = vec![
            ("listen_addresses", "127.0.0.1".to_owned()),
            ("port", site.port("sql")?.to_string()),
            ("unix_socket_directories", String::new()),
            ("data_directory", data.display().to_string()),
            ("hba_file", data.join("pg_hba.conf").display().to_string()),
            (
                "ident_file",
                data.join("pg_ident.conf").display().to_string(),
            ),
        ];
        if let Some(keys) = site.keys() {
            for (setting, path) in secure(keys, &directory)? {
                own(&path).map_err(failed(&path))?;
                let path = path.display().to_string();
                ours.retain(|(name, _)| *name != setting);
                ours.push((setting, path));
            }
            ours.push(("ssl", "on".to_owned()));
        }
        write(&config, &postgresql_conf(&settings.settings, &ours))?;
        own(&config).map_err(failed(&config))?;
        let main = process(vec![
            programs.join("bin/postgres").display().to_string(),
            "-c".to_owned(),
            format!("config_file={}", config.display()),
        ])?;
        if user.is_some() {
            // The log is opened by the guard; the directory is where Postgres starts in.
            fs::set_permissions(
                &directory,
                std::os::unix::fs::PermissionsExt::from_mode(0o755),
            )
            .map_err(failed(&directory))?;
        }
        Ok(Launch { prepare, main })
    }
}

/// Who is let in to a secure stack: whoever has a password, by TLS alone.
const ADMITTED: &str = "hostssl all all 127.0.0.1/32 scram-sha-256\nhostssl replication all 127.0.0.1/32 scram-sha-256\n";

/// Files of a secure stack by their settings, to be given to whom Postgres runs as.
fn secure(keys: &Keys, directory: &Path) -> Result<[(&'static str, PathBuf); 3], LaunchError> {
    let read = |path: PathBuf| {
        fs::read_to_string(&path).map_err(|source| LaunchError::Write { path, source })
    };
    let files = [
        ("hba_file", "admitted.conf", ADMITTED.to_owned()),
        (
            "ssl_cert_file",
            "server.pem",
            read(keys.certificate("postgres"))?,
        ),
        ("ssl_key_file", "server.key", read(keys.key("postgres"))?),
    ];
    let mut written = files
        .each_ref()
        .map(|(setting, name, _)| (*setting, directory.join(name)));
    for ((_, _, text), (_, path)) in files.iter().zip(&mut written) {
        write_secret(path, text)?;
    }
    Ok(written)
}

/// Whether strangers may not pass through.
fn is_closed(directory: &Path) -> bool {
    fs::metadata(directory).is_ok_and(|about| about.mode() & 0o001 == 0)
}

/// Postgres refuses to run as root: `nobody` then.
fn unprivileged_user() -> Result<Option<(u32, u32)>, LaunchError> {
    if !nix::unistd::geteuid().is_root() {
        return Ok(None);
    }
    let user = nix::unistd::User::from_name("nobody")
        .ok()
        .flatten()
        .ok_or(LaunchError::NoUser)?;
    Ok(Some((user.uid.as_raw(), user.gid.as_raw())))
}
