//! Finding and ending whatever a run left behind.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::child::RUN_MARK;

/// How long those get that end by themselves when the guard is gone: Postgres does, by SIGQUIT, and killed instead it would
/// leave its children and its shared memory.
const BY_THEMSELVES: Duration = Duration::from_secs(1);

/// What cannot be killed is not waited for.
const LIMIT: Duration = Duration::from_secs(3);

/// Process ids of everything below `root`, children before grandchildren.
pub(super) fn of(root: i32) -> Vec<i32> {
    below(vec![root], &processes())
}

/// Ends every process of a run: those that carry its mark, and what is below them, which may have overwritten its own, as
/// Postgres does with the titles of its processes.
///
/// For when the guard itself was killed: the kernel ended its children, but not what those had started.
pub fn sweep(run: &str) {
    let mark = format!("{RUN_MARK}={run}");
    let is_marked = |pid: &i32| {
        fs::read(format!("/proc/{pid}/environ")).is_ok_and(|environ| {
            environ
                .split(|byte| *byte == 0)
                .any(|entry| entry == mark.as_bytes())
        })
    };
    let own = std::process::id().cast_signed();
    let begun = Instant::now();
    // Once found, a process is known by when it started, even if its parent goes first.
    let mut known = HashMap::new();
    loop {
        let mut alive = processes();
        alive.remove(&own);
        known.retain(|pid, started| alive.get(pid).is_some_and(|one| one.started == *started));
        let mut found: Vec<i32> = alive.keys().copied().filter(is_marked).collect();
        found.extend(known.keys());
        found.extend(below(found.clone(), &alive));
        known.extend(found.into_iter().map(|pid| (pid, alive[&pid].started)));
        if known.is_empty() || begun.elapsed() > LIMIT {
            return;
        }
        // What is paused hears nothing else.
        let signal = if begun.elapsed() < BY_THEMSELVES {
            Signal::SIGCONT
        } else {
            Signal::SIGKILL
        };
        for pid in known.keys() {
            // It may have gone meanwhile.
            let _ = kill(Pid::from_raw(*pid), signal);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// What is below some processes.
fn below(mut queue: Vec<i32>, alive: &BTreeMap<i32, Process>) -> Vec<i32> {
    let mut children: HashMap<i32, Vec<i32>> = HashMap::new();
    for (pid, process) in alive {
        children.entry(process.parent).or_default().push(*pid);
    }
    let mut found = Vec::new();
    while let Some(parent) = queue.pop() {
        for child in children.remove(&parent).unwrap_or_default() {
            found.push(child);
            queue.push(child);
        }
    }
    found
}

struct Process {
    parent: i32,
    /// Clock ticks after the start of the machine.
    started: u64,
}

/// All that run; not those that have ended and that nobody has waited for.
fn processes() -> BTreeMap<i32, Process> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return BTreeMap::new();
    };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(|pid| Some((pid, process(pid)?)))
        .collect()
}

/// As proc_pid_stat(5) has it.
fn process(pid: i32) -> Option<Process> {
    let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
    let stat = String::from_utf8_lossy(&stat);
    // The name in parentheses may hold spaces and parentheses itself; what follows the last one is plain.
    let (_, rest) = stat.rsplit_once(')')?;
    let fields: Vec<_> = rest.split_whitespace().collect();
    if matches!(*fields.first()?, "Z" | "X") {
        return None;
    }
    Some(Process {
        parent: fields.get(1)?.parse().ok()?,
        started: fields.get(19)?.parse().ok()?,
    })
}
