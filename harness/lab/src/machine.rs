//! What the lab needs of the machine.

use std::path::PathBuf;

use rustix::fs::{Access, access};
use stack::components::{Cache, Error, Lock, Plan, java, prometheus};
use stack::limits::{self, Amounts};
use stack::native::requirements;
use stack::runs::{self, state_dir};
use stack::{Flavour, Profile};

use crate::groups::JDBC;
use crate::words::count;

/// One thing that is needed.
#[derive(Debug, serde::Serialize)]
pub struct Finding {
    /// What.
    pub what: &'static str,
    /// What was found, or what is wrong.
    pub seen: String,
    /// Whether it will do.
    pub good: bool,
    /// Whether it is missing, but only for what few want.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub note: bool,
    /// The line that mends it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mend: Option<String>,
}

/// Names the directory of runs.
const STATE: &str = "LAB_STATE_DIR";
/// Free memory below which a full stack will not do well, in MiB.
const MEMORY: u64 = 3000;
/// Free disk space that the cache and a run need, in MiB.
const DISK: u64 = 3000;

/// Looks at everything.
pub fn examine() -> Vec<Finding> {
    let cache = Lock::embedded().and_then(Cache::open);
    let mut found = vec![java_found(), maven()];
    // Where there is no cache, what is said of the components says why.
    found.extend(cache.as_ref().ok().map(prometheus_found));
    found.push(components(&cache));
    let state = (STATE, state_dir());
    let cache = cache
        .ok()
        .map(|cache| ("LAB_CACHE_DIR", cache.dir().to_owned()));
    let directories: Vec<_> = [state].into_iter().chain(cache).collect();
    found.push(writable(&directories));
    found.extend([memory(), disk(&directories), descriptors()]);
    found
}

fn good(what: &'static str, seen: String) -> Finding {
    Finding {
        what,
        seen,
        good: true,
        note: false,
        mend: None,
    }
}

fn bad(what: &'static str, seen: String, mend: &str) -> Finding {
    Finding {
        what,
        seen,
        good: false,
        note: false,
        mend: Some(mend.to_owned()),
    }
}

fn java_found() -> Finding {
    match java::locate() {
        Ok(java) => good(
            "java",
            format!("{} ({})", java.program.display(), java.version),
        ),
        Err(error) => bad(
            "java",
            error.to_string(),
            "sudo apt-get install -y openjdk-17-jre-headless",
        ),
    }
}

fn maven() -> Finding {
    match which::which("mvn") {
        Ok(path) => good("maven", path.display().to_string()),
        Err(_) => bad(
            "maven",
            "mvn is not on the PATH".to_owned(),
            "sudo apt-get install -y maven",
        ),
    }
}

fn prometheus_found(cache: &Cache) -> Finding {
    match prometheus::locate(cache) {
        Ok(Some(found)) => good(
            "prometheus",
            format!("{} ({})", found.server.display(), found.version),
        ),
        Ok(None) => bad(
            "prometheus",
            "neither on the PATH nor fetched yet".to_owned(),
            "./lab fetch",
        ),
        Err(error) => bad("prometheus", error.to_string(), &mending(&error)),
    }
}

/// The line that mends what keeps components from being looked at.
fn mending(error: &Error) -> String {
    match error {
        Error::NoCacheDirectory => "export LAB_CACHE_DIR=DIRECTORY".to_owned(),
        Error::UnusableDirectory { variable, .. } => format!("unset {variable}"),
        _ => "./lab fetch".to_owned(),
    }
}

fn components(cache: &Result<Cache, Error>) -> Finding {
    const WHAT: &str = "components";
    const MEND: &str = "./lab fetch";
    let cache = match cache {
        Ok(cache) => cache,
        Err(error) => return bad(WHAT, error.to_string(), &mending(error)),
    };
    let (usual, all) = match plans(cache) {
        Ok(plans) => plans,
        Err(error) => return bad(WHAT, format!("{error:#}"), MEND),
    };
    let missing = |plan: &Plan| {
        format!(
            "not fetched yet: {}, {} MB; not unpacked yet: {}",
            count(plan.files.len(), "file"),
            plan.bytes() / 1_000_000,
            plan.trees.len()
        )
    };
    match (usual.is_empty(), all.is_empty()) {
        (_, true) => good(WHAT, "all are in the cache".to_owned()),
        (true, false) => Finding {
            note: true,
            mend: Some(MEND.to_owned()),
            ..good(
                WHAT,
                format!(
                    "those of the usual stack are in the cache; others, such as --profile kraft wants, are {}",
                    missing(&all)
                ),
            )
        },
        (false, _) => bad(WHAT, missing(&all), MEND),
    }
}

/// What is to be fetched for a stack as it is without further wishes, and for everything that can be wished.
fn plans(cache: &Cache) -> anyhow::Result<(Plan, Plan)> {
    let profile = Profile::default();
    let mut flavour = Flavour::of(profile);
    // Scenarios of the usual profile have the sink in it.
    let sink = cache.lock().resolve(JDBC, None)?.version().to_owned();
    flavour.versions.insert(JDBC.to_owned(), sink);
    let usual = requirements(&profile.services(), &flavour)?;
    let usual: Vec<_> = usual.into_values().collect();
    Ok((cache.plan(&usual)?, cache.plan(&cache.lock().all())?))
}

fn memory() -> Finding {
    amount(
        "memory",
        limits::available_memory(),
        MEMORY,
        "end something: a full stack takes about 2 GiB",
    )
}

/// Directories, each with the variable that names it: whether they can be written, or made.
fn writable(directories: &[(&str, PathBuf)]) -> Finding {
    const WHAT: &str = "directories";
    for (variable, directory) in directories {
        let Some(there) = directory.ancestors().find(|path| path.exists()) else {
            continue;
        };
        let writable = Access::WRITE_OK | Access::EXEC_OK;
        let problem = if !there.is_dir() {
            Some(format!("{} is not a directory", there.display()))
        } else if let Err(error) = access(there, writable) {
            Some(format!("{} cannot be written: {error}", there.display()))
        } else if *variable == STATE {
            let unfit = runs::check(directory).err();
            unfit.map(|error| format!("{}: {error}", directory.display()))
        } else {
            None
        };
        if let Some(problem) = problem {
            let mend = format!("export {variable}=DIRECTORY, with another one");
            return bad(WHAT, problem, &mend);
        }
    }
    let all: Vec<_> = directories
        .iter()
        .map(|(_, directory)| directory.display().to_string())
        .collect();
    good(WHAT, all.join(", "))
}

fn disk(directories: &[(&str, PathBuf)]) -> Finding {
    let rooms = directories
        .iter()
        .filter_map(|(_, directory)| limits::room(directory));
    amount(
        "disk",
        rooms.map(|room| room.free).min(),
        DISK,
        "make room, or set LAB_STATE_DIR and LAB_CACHE_DIR to a larger disk",
    )
}

/// The hard limit, to which a JVM raises its own.
fn descriptors() -> Finding {
    const WHAT: &str = "descriptors";
    let wanted = Amounts::needed(&Profile::default().services()).files;
    match (Amounts::free(&state_dir()).files, wanted) {
        (None, _) | (_, None) => good(WHAT, "no limit".to_owned()),
        (Some(limit), Some(wanted)) if limit >= wanted => {
            good(WHAT, format!("{limit} for a process"))
        }
        (Some(limit), Some(wanted)) => bad(
            WHAT,
            format!("{limit} for a process (ulimit -Hn), {wanted} wanted"),
            "raise the hard limit of `nofile` in /etc/security/limits.conf, and log in anew",
        ),
    }
}

fn amount(what: &'static str, free: Option<u64>, wanted: u64, mend: &str) -> Finding {
    match free {
        None => good(what, "cannot be told".to_owned()),
        Some(free) if free >= wanted => good(what, format!("{free} MiB free")),
        Some(free) => bad(what, format!("{free} MiB free, {wanted} MiB wanted"), mend),
    }
}
