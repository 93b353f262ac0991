//! Whatever is killed, at whatever moment: nothing is left.

use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rustix::process::Signal;

use crate::support::{Lab, ports, signal};

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
    let killed = Instant::now();
    while up.try_wait().unwrap().is_none() {
        assert!(
            killed.elapsed() < Duration::from_secs(5),
            "{what}: five seconds later the runner still runs"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
    lab.assert_nothing_left(&taken, what);
}
