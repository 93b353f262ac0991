//! Whatever is killed, at whatever moment: nothing is left.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rustix::process::Signal;

use crate::support::{Lab, assert_ends, one_has, ports, scenarios, signal};

/// Kills of each kind.
const TIMES: u64 = 5;
/// A stack of all services is ready after about six seconds: half of the kills and more fall into its start.
const MOMENTS: u64 = 10_000;
/// What is killed, in turns: a stack that only stands, and one on which scenarios run with processes of their own.
const COMMANDS: [&[&str]; 2] = [&["up"], &["run", "exposure", "cdc", "--jobs", "4"]];
const POLITELY: [(Victim, Signal); 2] = [
    (Victim::Runner, Signal::INT),
    (Victim::Runner, Signal::TERM),
];
const AT_ONCE: [(Victim, Signal); 2] = [
    (Victim::Runner, Signal::KILL),
    (Victim::Guard, Signal::KILL),
];

#[derive(Debug, Clone, Copy)]
enum Victim {
    Runner,
    Guard,
}

#[test]
fn nothing_is_left_whoever_is_killed_and_when() {
    let seed = std::env::var("LAB_TEST_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok());
    let seed: u64 = seed.unwrap_or_else(|| rand::rng().random());
    println!("seed: LAB_TEST_SEED={seed}");
    let lab = Lab::new();
    std::thread::scope(|scope| {
        // Most of the time is spent on waiting for the moment, so two at a time.
        scope.spawn(|| rounds(&lab.second(), &POLITELY, seed));
        rounds(&lab, &AT_ONCE, seed.wrapping_add(1));
    });
}

fn rounds(lab: &Lab, kinds: &[(Victim, Signal); 2], seed: u64) {
    let mut random = StdRng::seed_from_u64(seed);
    for (round, command) in (0..TIMES).zip(COMMANDS.iter().cycle()) {
        for &(victim, kill) in kinds {
            let after = Duration::from_millis(random.random_range(0..MOMENTS));
            let what = format!("round {round}, {command:?}, {victim:?} {kill:?} after {after:?}");
            kill_once(lab, command, victim, kill, after, &what);
        }
    }
    // As root, what Postgres is copied from: a copy that was killed half-way goes with its run.
    let programs = fs::read_dir(lab.state().join("programs"));
    let hidden = programs.into_iter().flatten().flatten().find(|entry| {
        let name = entry.file_name();
        name.to_string_lossy().starts_with('.')
    });
    assert!(hidden.is_none(), "{hidden:?}");
}

fn kill_once(
    lab: &Lab,
    command: &[&str],
    victim: Victim,
    kill: Signal,
    after: Duration,
    what: &str,
) {
    let begun = Instant::now();
    let mut up = lab.start(command);
    while begun.elapsed() < after && up.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(5));
    }
    let taken = lab
        .status()
        .map(|status| ports(&status))
        .unwrap_or_default();
    let guard = || {
        lab.processes()
            .into_iter()
            .find(|(_, command)| command.contains(" guard "))
    };
    match victim {
        Victim::Runner => signal(up.id(), kill),
        Victim::Guard => match guard() {
            Some((pid, _)) => signal(u32::try_from(pid).unwrap(), kill),
            // Not there yet: the runner dies instead.
            None => signal(up.id(), kill),
        },
    }
    // A runner that was not heard would have nothing left either, if it had started nothing yet.
    assert_ends(&mut up, what);
    lab.assert_nothing_left(&taken, what);
}

/// Signals that came while nobody waited for one were lost, and a run with a report then went on for half a minute.
#[test]
fn an_interrupt_is_heard_whenever_it_comes() {
    let text = "# It takes long.\n[[step]]\nshell = \"exec sleep 61\"\n";
    let (folder, root) = scenarios(&[("area/one", text)]);
    let report = folder.path().join("report").display().to_string();
    let lab = Lab::new();
    for after in (0..400).step_by(20).map(Duration::from_millis) {
        let mut run = lab.start(&["run", "--scenarios", &root, "--report", &report]);
        std::thread::sleep(after);
        signal(run.id(), Signal::INT);
        assert_ends(&mut run, &format!("an interrupt after {after:?}"));
    }
    lab.assert_nothing_left(&[], "after interrupts");
}

/// The guard's children are ended by the kernel, but not what Postgres has started, which carries no mark; and a Postgres that is
/// ended by SIGKILL leaves its shared memory.
#[test]
fn a_busy_postgres_ends_with_its_guard_and_leaves_no_memory() {
    let query = "SELECT count(*) FROM generate_series(1, 100000000000)";
    let text = format!("# It never ends.\n[[step]]\nsql = \"{query}\"\nwithin = \"2m\"\n");
    let (_folder, root) = scenarios(&[("area/one", &text)]);
    let lab = Lab::new();
    let mut run = lab.start(&["run", "--scenarios", &root]);
    let processes = lab.wait_for(|all| one_has(all, "SELECT"));
    let memory: BTreeSet<PathBuf> = processes
        .iter()
        .flat_map(|(pid, _)| shared_memory(*pid))
        .collect();
    assert!(!memory.is_empty(), "{processes:#?}");
    let (guard, _) = processes
        .iter()
        .find(|(_, command)| command.contains(" guard "))
        .unwrap();
    signal(u32::try_from(*guard).unwrap(), Signal::KILL);
    lab.assert_nothing_left(&[], "after the guard of a busy Postgres was killed");
    assert_eq!(run.wait().unwrap().code(), Some(1));
    let left: Vec<_> = memory.iter().filter(|file| file.exists()).collect();
    assert!(left.is_empty(), "{left:?}");
}

/// Files below `/dev/shm` that a process has mapped.
fn shared_memory(pid: i32) -> Vec<PathBuf> {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap_or_default();
    let files = maps
        .lines()
        .filter_map(|line| line.find("/dev/shm/").map(|at| &line[at..]));
    files.map(|file| Path::new(file).to_owned()).collect()
}
