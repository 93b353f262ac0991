//! Prometheus and promtool: from the PATH, else the distribution's package, unpacked into the cache.
//!
//! It does not stand in lock.json. No Maven repository has it, and the version of a Debian package is the distribution's to
//! choose: pinned, it would be gone from the archive with the next security update. apt itself proves what it downloads
//! against the distribution's signature; the manifest that is written then is what later runs hold the files against.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::cache::{Cache, Held, check, install, read_manifest};
use super::child::Child;
use super::digest::on_all_cores;
use super::error::{Damage, Deleted, Error, Wrong};
use super::fetch::remove_if_there;
use super::manifest::Manifest;
use super::maven::tail;
use super::progress::Progress;

/// A Prometheus that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prometheus {
    /// The server.
    pub server: PathBuf,
    /// The program that checks rules, configurations and metrics, and asks PromQL queries.
    pub promtool: PathBuf,
    /// What `--web.local-assets` has to name for the web pages to work. Only Debian's build wants that: it looks for them
    /// below `/usr/share`, where an unpacked package does not put them.
    pub web_assets: Option<PathBuf>,
    /// Its version, such as `2.42.0+ds`.
    pub version: String,
}

const APT_MISSING: &str = "this system has no apt to get Prometheus from; install Prometheus so that `prometheus` and `promtool` are on the PATH (Nix: `nix develop`)";

/// Prometheus on the PATH, else the one in the cache, every byte of which is hashed first. `None` if there is neither.
///
/// # Errors
/// The one in the cache was changed; it is deleted.
pub fn locate(cache: &Cache) -> Result<Option<Prometheus>, Error> {
    if let (Ok(server), Ok(promtool)) = (which::which("prometheus"), which::which("promtool"))
        // One that does not run is as good as none: the distribution's may.
        && let Ok(version) = version(&server)
    {
        return Ok(Some(Prometheus {
            server,
            promtool,
            web_assets: None,
            version,
        }));
    }
    cached(cache)
}

/// [`locate`], or the distribution's package: downloaded, unpacked, nothing installed, no daemon started, no need to be
/// root.
///
/// # Errors
/// There is no apt, or apt could not download it, or it does not run.
pub fn ensure(cache: &Cache, progress: &dyn Progress) -> Result<Prometheus, Error> {
    match locate(cache) {
        Ok(Some(prometheus)) => return Ok(prometheus),
        Ok(None) => {}
        // It is deleted by now.
        Err(refused @ Error::Refused { .. }) => progress.note(&refused.to_string()),
        Err(error) => return Err(error),
    }
    let held = cache.hold(progress)?;
    // Another process may have got it while this one waited.
    if let Some(prometheus) = cached(cache)? {
        return Ok(prometheus);
    }
    progress.note("downloading Prometheus with apt-get");
    let scratch = held.scratch()?;
    let debs = download(&held, progress)?;
    let root = scratch.path().join("tree");
    for deb in &debs.files {
        let mut command = Command::new(program("dpkg-deb")?);
        command.arg("-x").args([deb, &root]);
        run(command, debs.dir.path(), progress)?;
    }
    prune(&root)?;
    let manifest = Manifest::of_tree(&root)?;
    version(&root.join("usr/bin/prometheus"))?;
    install(scratch, &manifest, &place(cache))?;
    cached(cache)?.ok_or_else(|| Error::PrometheusUnusable {
        program: place(cache),
        problem: "it has vanished".into(),
    })
}

/// Removes what no browser asks for. The time zones alone are there a hundred times as JSON, 210 MB of it.
fn prune(root: &Path) -> Result<(), Error> {
    for found in walkdir::WalkDir::new(root.join("usr/share")) {
        let found = found.map_err(|error| Error::io("read", root, error.into()))?;
        let documents = ["usr/share/doc", "usr/share/man"]
            .iter()
            .any(|dir| found.path().starts_with(root.join(dir)));
        let data = found.path().extension() == Some(OsStr::new("json"));
        if (documents || data) && !found.file_type().is_dir() {
            remove_if_there(found.path())?;
        }
    }
    Ok(())
}

fn place(cache: &Cache) -> PathBuf {
    cache.dir().join("prometheus")
}

/// The one in the cache, after every byte of it was hashed.
fn cached(cache: &Cache) -> Result<Option<Prometheus>, Error> {
    let dir = place(cache);
    if !dir.exists() {
        return Ok(None);
    }
    let root = dir.join("tree");
    let wrongs = match read_manifest(&dir.join("manifest"), None) {
        Ok(manifest) => {
            let mut to_hash = Vec::new();
            let mut wrongs = manifest.compare(&root, &mut to_hash);
            to_hash.sort_by_key(|(_, size, _)| std::cmp::Reverse(*size));
            let checked = on_all_cores(&to_hash, |(path, size, sha256)| check(path, *size, sha256));
            let paths = to_hash.into_iter().map(|(path, ..)| path);
            wrongs.extend(
                paths
                    .zip(checked)
                    .filter_map(|(path, wrong)| Some((path, wrong?))),
            );
            wrongs
        }
        Err(wrong) => vec![(dir.join("manifest"), wrong)],
    };
    if !wrongs.is_empty() {
        let deleted = match cache.delete_tree(&dir) {
            Ok(()) => Deleted::Tree,
            Err(error) => Deleted::Failed(error.to_string()),
        };
        let damage = |(path, wrong): (PathBuf, Wrong)| Damage {
            id: "Prometheus".into(),
            path,
            wrong,
            deleted: deleted.clone(),
        };
        return Err(Error::Refused {
            damages: wrongs.into_iter().map(damage).collect(),
        });
    }
    let server = root.join("usr/bin/prometheus");
    let version = version(&server)?;
    let web_assets = Some(root.join("usr/share/prometheus/web")).filter(|assets| assets.is_dir());
    Ok(Some(Prometheus {
        server,
        promtool: root.join("usr/bin/promtool"),
        web_assets,
        version,
    }))
}

/// `prometheus --version` begins with `prometheus, version 2.42.0+ds (branch: …`.
fn version(server: &Path) -> Result<String, Error> {
    let unusable = |problem: String| Error::PrometheusUnusable {
        program: server.to_owned(),
        problem,
    };
    let output = Command::new(server)
        .arg("--version")
        .output()
        .map_err(|error| unusable(error.to_string()))?;
    // Prometheus 2 says it on the one output, others on the other.
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    let version = text
        .strip_prefix("prometheus, version ")
        .and_then(|rest| rest.split_whitespace().next());
    version
        .map(str::to_owned)
        .filter(|_| output.status.success())
        .ok_or_else(|| {
            unusable(format!(
                "`--version` ended with {} and said {:?}",
                output.status,
                text.trim()
            ))
        })
}

/// Packages that were downloaded, and the directory that they go with.
struct Debs {
    dir: tempfile::TempDir,
    files: Vec<PathBuf>,
}

/// Downloads the package, and those that its web pages consist of.
fn download(held: &Held<'_>, progress: &dyn Progress) -> Result<Debs, Error> {
    let dir = held.scratch()?;
    let apt = |name: &'static str, options: &[OsString], arguments: &[&str]| {
        let mut command = Command::new(program(name)?);
        command.env("LC_ALL", "C").args(options).args(arguments);
        Ok::<_, Error>(command)
    };
    let get = |options: &[OsString]| -> Result<(), Error> {
        let mut packages = BTreeSet::from(["prometheus".to_owned()]);
        // Two steps are enough: rickshaw wants d3. Further ones lead to 200 MB of other frameworks.
        for _ in 0..2 {
            let names = packages.iter().map(String::as_str);
            let arguments: Vec<&str> = ["depends", "--important"]
                .into_iter()
                .chain(names)
                .collect();
            let depends = run(apt("apt-cache", options, &arguments)?, dir.path(), progress)?;
            packages.extend(web_packages(&depends));
        }
        let arguments: Vec<&str> = ["download"]
            .into_iter()
            .chain(packages.iter().map(String::as_str))
            .collect();
        run(apt("apt-get", options, &arguments)?, dir.path(), progress).map(drop)
    };
    // The system's own package lists, if it has any that are still true. A fresh container has none, and an ordinary user
    // cannot fetch them for the system: then into a place of our own, from the system's own sources.
    if get(&[]).is_err() {
        if progress.cancelled() {
            return Err(Error::Cancelled);
        }
        progress.note(
            "fetching apt's package lists, since the system's own are missing or out of date",
        );
        let options = private_state(dir.path())?;
        run(apt("apt-get", &options, &["update"])?, dir.path(), progress)?;
        get(&options)?;
    }
    let entries =
        fs::read_dir(dir.path()).map_err(|source| Error::io("read", dir.path(), source))?;
    let files = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension() == Some(OsStr::new("deb")));
    // In a fixed order: should two packages hold the same file, the same one wins everywhere.
    let files: BTreeSet<PathBuf> = files.collect();
    Ok(Debs {
        dir,
        files: files.into_iter().collect(),
    })
}

/// Options that let apt keep its lists and its cache below `dir`.
fn private_state(dir: &Path) -> Result<Vec<OsString>, Error> {
    let option = |name: &str, value: &OsStr| {
        let mut option = OsString::from(format!("{name}="));
        option.push(value);
        [OsString::from("-o"), option]
    };
    let (state, cache) = (dir.join("state"), dir.join("cache"));
    for place in [state.join("lists/partial"), cache.join("archives/partial")] {
        fs::create_dir_all(&place).map_err(|source| Error::io("create", &place, source))?;
    }
    let options = [
        option("Dir::State", state.as_os_str()),
        // Beside the lists, so it would move with them.
        option("Dir::State::status", OsStr::new("/var/lib/dpkg/status")),
        option("Dir::Cache", cache.as_os_str()),
        // Root's apt downloads as the user _apt, who cannot enter a directory of root's cache. Signatures hold all the same.
        option("APT::Sandbox::User", OsStr::new("root")),
    ];
    Ok(options.concat())
}

/// The packages that web pages are made of, out of the answer of `apt-cache depends`, where a line such as
/// `  Depends: libjs-d3` names each. Alternatives begin with `|` and are left out, as are virtual packages in `<>`.
fn web_packages(depends: &str) -> BTreeSet<String> {
    let names = depends
        .lines()
        .filter_map(|line| line.strip_prefix("  Depends: "));
    names
        .filter(|name| name.starts_with("libjs-") || name.starts_with("fonts-"))
        .map(Into::into)
        .collect()
}

fn program(name: &'static str) -> Result<PathBuf, Error> {
    which::which(name).map_err(|_| Error::ProgramMissing {
        program: name,
        remedy: APT_MISSING,
    })
}

/// Runs a command in `dir` until it ends, and gives what it printed.
fn run(mut command: Command, dir: &Path, progress: &dyn Progress) -> Result<String, Error> {
    let name = Path::new(command.get_program())
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let words = command
        .get_args()
        .map(OsStr::to_string_lossy)
        .filter(|word| !word.contains('=') && *word != "-o");
    let words: Vec<_> = [name.into()]
        .into_iter()
        .chain(words.take(2))
        .map(String::from)
        .collect();
    let log_path = dir.join("log");
    let log = File::create(&log_path).map_err(|source| Error::io("create", &log_path, source))?;
    command.current_dir(dir);
    let failed = |source| Error::Io {
        action: format!("run {}", words.join(" ")),
        source,
    };
    let child = Child::start(command, &log).map_err(failed)?;
    loop {
        let status = child.wait(Duration::from_millis(100)).map_err(failed)?;
        if progress.cancelled() {
            return Err(Error::Cancelled);
        }
        let Some(status) = status else { continue };
        let text = fs::read(&log_path).map_err(|source| Error::io("read", &log_path, source))?;
        let text = String::from_utf8_lossy(&text).into_owned();
        if status.success() {
            return Ok(text);
        }
        return Err(Error::Apt {
            command: words.join(" "),
            status: status.to_string(),
            tail: tail(&text),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_web_pages_come_along_and_nothing_else() {
        let depends = "prometheus\n  PreDepends: init-system-helpers\n |Depends: libjs-other\n  Depends: libjs-d3\n  Depends: adduser\n  Depends: <libjs-virtual>\n    libjs-real\n  Depends: fonts-glyphicons-halflings\n  Depends: libc6\n";
        let packages: Vec<String> = web_packages(depends).into_iter().collect();
        assert_eq!(packages, ["fonts-glyphicons-halflings", "libjs-d3"]);
    }
}
