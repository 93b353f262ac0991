//! Where runs live: a directory each, so that `lab status`, `logs` and `down` find them from another terminal.
//!
//! ```text
//! <state>/runs/<id>/lock         held by the guard as long as the run lives
//!                   guard.sock   its socket
//!                   about.json   what it is for
//!                   log/         a file a service; kept when the run has ended
//!                   <service>/   settings and data; removed when the run has ended
//! ```

mod about;
mod forgotten;
mod place;

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::fcntl::{Flock, FlockArg};

use crate::guard::sweep;
use crate::private;

pub use about::About;
pub use place::check;

/// How many ended runs keep their logs; as many again of those that ended before any service had begun.
const KEPT: usize = 5;

/// Where the keys of a secure stack are.
pub(crate) const KEYS: &str = "security";

/// A guard is there long before a run is so old.
const BEGINNING: Duration = Duration::from_secs(60);

/// The directory of one run.
#[derive(Debug, Clone)]
pub struct RunDir {
    path: PathBuf,
    id: String,
    _lock: Option<Arc<Flock<File>>>,
}

/// Where runs are kept: `$LAB_STATE_DIR`, else `$XDG_STATE_HOME/kafka-connect-lab`, else
/// `~/.local/state/kafka-connect-lab`. Root uses `/var/tmp/kafka-connect-lab`, since its home is closed to the
/// unprivileged user that Postgres then runs as.
pub fn state_dir() -> PathBuf {
    let named = |variable: &str| {
        std::env::var_os(variable)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    if let Some(path) = named("LAB_STATE_DIR") {
        // Services have working directories of their own.
        return std::path::absolute(&path).unwrap_or(path);
    }
    if nix::unistd::geteuid().is_root() {
        return PathBuf::from("/var/tmp/kafka-connect-lab");
    }
    named("XDG_STATE_HOME")
        .or_else(|| named("HOME").map(|home| home.join(".local/state")))
        .unwrap_or_else(std::env::temp_dir)
        .join("kafka-connect-lab")
}

/// Bytes of the files below a directory, of which others may go meanwhile.
pub(crate) fn size(directory: &Path) -> u64 {
    walkdir::WalkDir::new(directory)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.metadata().ok())
        .filter(fs::Metadata::is_file)
        .map(|file| file.len())
        .sum()
}

impl RunDir {
    /// Makes the directory of a new run, after clearing what dead runs left. `about`: what it is for.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn create(about: &About) -> io::Result<Self> {
        let state = place::made(state_dir())?;
        let runs = state.join("runs");
        // Others may pass through, since Postgres of a root run is another user, but not look in.
        private::directory(&runs, 0o711)?;
        prune(&runs);
        loop {
            let id = new_id();
            let path = runs.join(&id);
            match DirBuilder::new().mode(0o711).create(&path) {
                Ok(()) => {
                    let filled = fs::set_permissions(&path, Permissions::from_mode(0o711))
                        .and_then(|()| private::directory(&path.join("log"), 0o711))
                        .and_then(|()| about.write(&path));
                    if let Err(error) = filled {
                        // Nobody clears a run away that never began.
                        let _ = fs::remove_dir_all(&path);
                        return Err(error);
                    }
                    return Ok(Self::at(&path));
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Takes the run for its guard: the lock is held until the process ends.
    ///
    /// # Errors
    /// When another guard holds it.
    pub fn hold(path: &Path) -> io::Result<Self> {
        // Locked before it is seen under its name: a run with an unlocked lock is a dead one, which others clear away.
        let unseen = path.join("lock.new");
        let file = OpenOptions::new().create(true).append(true).open(&unseen)?;
        let lock = Flock::lock(file, FlockArg::LockExclusiveNonblock)
            .map_err(|(_, errno)| io::Error::from(errno))?;
        fs::rename(unseen, path.join("lock"))?;
        Ok(Self {
            _lock: Some(Arc::new(lock)),
            ..Self::at(path)
        })
    }

    fn at(path: &Path) -> Self {
        let id = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        Self {
            path: path.to_owned(),
            id,
            _lock: None,
        }
    }

    /// Looks whether runs can be found at all: where they are must be readable, or not be there.
    ///
    /// # Errors
    /// Why not.
    pub fn can_be_found() -> io::Result<()> {
        match fs::read_dir(state_dir().join("runs")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Runs whose guard lives, oldest first.
    pub fn living() -> Vec<Self> {
        all(&state_dir().join("runs"))
            .into_iter()
            .filter(Self::is_held)
            .collect()
    }

    /// Runs that have ended and whose logs are kept, in the order in which they ended.
    pub fn ended() -> Vec<Self> {
        by_end(&state_dir().join("runs"))
    }

    /// Directories of runs that are over, oldest first, also of those whose guard never began.
    pub fn dead() -> Vec<Self> {
        dead(&state_dir().join("runs"))
    }

    /// Bytes of its files.
    pub fn size(&self) -> u64 {
        size(&self.path)
    }

    /// Ends what a dead run left running, and removes its directory with its logs.
    ///
    /// # Errors
    /// When it cannot be removed, or lives.
    pub fn remove(&self) -> io::Result<()> {
        if self.is_held() {
            return Err(io::Error::other("its guard lives"));
        }
        sweep(&self.id);
        match fs::remove_dir_all(&self.path) {
            // Somebody else clears as well.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            result => {
                if result.is_ok() {
                    forgotten::add(&state_dir(), &[&self.id]);
                }
                result
            }
        }
    }

    /// Ids of runs of this machine that are over, also of those whose directories are gone, for a few days.
    pub fn over() -> Vec<String> {
        let mut ids = forgotten::read(&state_dir());
        ids.extend(Self::dead().into_iter().map(|run| run.id));
        ids
    }

    /// Whether a guard lives.
    pub fn is_held(&self) -> bool {
        let Ok(file) = OpenOptions::new().append(true).open(self.path.join("lock")) else {
            return false;
        };
        // Shared, so that two who look at the same time do not take each other for the guard.
        Flock::lock(file, FlockArg::LockSharedNonblock).is_err()
    }

    /// When it wrote to its logs last.
    fn last_words(&self) -> SystemTime {
        let logs = self.logs();
        let written = logs.filter_map(|log| log.metadata().ok()?.modified().ok());
        written.max().unwrap_or(UNIX_EPOCH)
    }

    /// Whether any service had begun.
    fn has_services(&self) -> bool {
        self.logs().any(|log| log.file_name() != "guard.log")
    }

    fn logs(&self) -> impl Iterator<Item = fs::DirEntry> {
        let entries = fs::read_dir(self.path.join("log"));
        entries.into_iter().flatten().flatten()
    }

    /// The folder of the keys of a secure stack, if it is one.
    pub fn keys(&self) -> Option<PathBuf> {
        let folder = self.path.join(KEYS);
        folder.is_dir().then_some(folder)
    }

    /// What it is for; none where an older lab made it.
    pub fn about(&self) -> Option<About> {
        About::read(&self.path)
    }

    /// From now on it stays for its user, whatever it was made for.
    ///
    /// # Errors
    /// When that cannot be written down.
    pub fn stay(&self) -> io::Result<()> {
        let about = self.about().unwrap_or_else(About::this_process);
        About {
            stays: true,
            ..about
        }
        .write(&self.path)
    }

    /// Id of the run.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The log of a service.
    pub fn log(&self, service: &str) -> PathBuf {
        self.path.join("log").join(format!("{service}.log"))
    }

    /// A service's own directory, made when it is not there.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn service(&self, service: &str) -> io::Result<PathBuf> {
        let path = self.path.join(service);
        match DirBuilder::new().mode(0o711).create(&path) {
            // Not less than that: the umask of a strict user locks Postgres out.
            Ok(()) => fs::set_permissions(&path, Permissions::from_mode(0o711))?,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
        Ok(path)
    }

    /// Binds the guard's socket.
    pub(crate) fn bind_socket(&self) -> io::Result<UnixListener> {
        let directory = File::open(&self.path)?;
        let listener = UnixListener::bind(socket_below(&directory))?;
        fs::set_permissions(self.path.join("guard.sock"), Permissions::from_mode(0o600))?;
        Ok(listener)
    }

    pub(crate) fn connect(&self) -> io::Result<UnixStream> {
        let directory = File::open(&self.path)?;
        UnixStream::connect(socket_below(&directory))
    }

    /// Removes everything but the logs, and what says whose they are.
    pub(crate) fn discard(&self) {
        for entry in fs::read_dir(&self.path).into_iter().flatten().flatten() {
            let name = entry.file_name();
            if !["log", "lock", "guard.sock", about::FILE]
                .iter()
                .any(|kept| name == *kept)
            {
                // What cannot be removed now is tried again by the next run's pruning.
                let path = entry.path();
                let _ = if path.is_dir() {
                    fs::remove_dir_all(&path)
                } else {
                    fs::remove_file(&path)
                };
            }
        }
        // Last, since it says that there is something to clear.
        let _ = fs::remove_file(self.path.join("guard.sock"));
    }
}

/// A socket's path may have 107 bytes at most; through the descriptor of its directory any depth will do.
fn socket_below(directory: &File) -> PathBuf {
    PathBuf::from(format!(
        "/proc/self/fd/{}/guard.sock",
        directory.as_raw_fd()
    ))
}

/// All, oldest first.
fn all(runs: &Path) -> Vec<RunDir> {
    let mut found: Vec<_> = fs::read_dir(runs)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.path().is_dir())
        .map(|entry| RunDir::at(&entry.path()))
        .collect();
    found.sort_by(|a, b| a.id.cmp(&b.id));
    found
}

fn dead(runs: &Path) -> Vec<RunDir> {
    let mut found = all(runs);
    found.retain(|run| {
        let age = began(&run.id).and_then(|began| began.elapsed().ok());
        match run.path.join("lock").exists() {
            true => !run.is_held(),
            // One that begins has no lock for a moment.
            false => age.is_some_and(|age| age > BEGINNING),
        }
    });
    found
}

/// Runs that have ended, in the order in which they did.
fn by_end(runs: &Path) -> Vec<RunDir> {
    let mut dead = dead(runs);
    dead.sort_by_cached_key(RunDir::last_words);
    dead
}

/// Ends what dead runs left behind, drops their data, and all but the newest logs.
fn prune(runs: &Path) {
    let dead = by_end(runs);
    for run in &dead {
        // A guard that ended in order took its socket along.
        if run.path.join("guard.sock").exists() {
            sweep(&run.id);
            run.discard();
        }
    }
    // Who tries six times to begin does not want the logs of what went before to go.
    let (begun, failed): (Vec<_>, Vec<_>) = dead.into_iter().partition(RunDir::has_services);
    let kept = [begun, failed];
    let old = kept.iter().flat_map(|runs| runs.iter().rev().skip(KEPT));
    let mut gone = Vec::new();
    for run in old {
        if fs::remove_dir_all(&run.path).is_ok() {
            gone.push(run.id());
        }
    }
    if let Some(state) = runs.parent() {
        forgotten::add(state, &gone);
    }
}

/// Sorts by time of creation: milliseconds in base 36, then the process.
fn new_id() -> String {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    format!(
        "{}{}",
        base36(since.as_millis()),
        base36(u128::from(std::process::id() % 1296))
    )
}

/// How many digits of an id are its time. There are as many until the year 2059.
const TIME: usize = 8;

/// When the run of this id began, if it has the form of an id.
pub fn began(id: &str) -> Option<SystemTime> {
    let time = id.get(..TIME).filter(|_| {
        id.len() <= TIME + 2
            && id
                .bytes()
                .all(|c| c.is_ascii_digit() || c.is_ascii_lowercase())
    })?;
    let since = Duration::from_millis(u64::from_str_radix(time, 36).ok()?);
    UNIX_EPOCH.checked_add(since)
}

fn base36(mut number: u128) -> String {
    let mut digits = Vec::new();
    while number > 0 || digits.is_empty() {
        let digit = u32::try_from(number % 36).unwrap_or(0);
        digits.push(char::from_digit(digit, 36).unwrap_or('0'));
        number /= 36;
    }
    digits.iter().rev().collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// A directory of a run that is over, with these logs.
    fn over(runs: &Path, id: &str, logs: &[&str]) {
        let log = runs.join(id).join("log");
        fs::create_dir_all(&log).unwrap();
        fs::write(runs.join(id).join("lock"), "").unwrap();
        for name in logs {
            fs::write(log.join(format!("{name}.log")), "").unwrap();
        }
    }

    fn ids(runs: &Path) -> Vec<String> {
        by_end(runs).iter().map(|run| run.id.clone()).collect()
    }

    #[test]
    fn logs_of_a_stack_outlive_six_starts_that_failed_and_runs_count_by_their_end() {
        let runs = tempfile::tempdir().unwrap();
        let runs = runs.path();
        for number in 0..6 {
            over(runs, &format!("failed{number}"), &["guard"]);
        }
        for number in 0..6 {
            over(runs, &format!("stack{number}"), &["guard", "kafka"]);
        }
        // The one that began first has ended last.
        let late = runs.join("stack0/log/kafka.log");
        let file = OpenOptions::new().write(true).open(late).unwrap();
        file.set_modified(SystemTime::now() + Duration::from_secs(60))
            .unwrap();
        prune(runs);
        let left = ids(runs);
        assert_eq!(left.last().map(String::as_str), Some("stack0"));
        for (id, stays) in [
            ("stack1", false),
            ("stack2", true),
            ("failed0", false),
            ("failed1", true),
        ] {
            assert_eq!(
                left.iter().any(|left| left == id),
                stays,
                "{id} of {left:?}"
            );
        }
    }

    #[test]
    fn an_id_tells_when_its_run_began() {
        let age = began(&new_id()).and_then(|began| began.elapsed().ok());
        assert!(
            age.is_some_and(|age| age < Duration::from_secs(60)),
            "{age:?}"
        );
        for wrong in ["", "backup", "MWSJG9AB1", "mwsjg9ab123", "mwsjg9-b1"] {
            assert_eq!(began(wrong), None, "{wrong}");
        }
    }
}
