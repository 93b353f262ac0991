//! An artificial slow-down, for calibration: the stack's processes stand still for a share of the time.
//!
//! Everything stands still together, so that nothing gets ahead meanwhile: what is left of a second is what a machine slower by
//! that share would have had.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::cpu::{children, descendants};

/// From one stop to the next: short against a window, and against every time-out. Each costs the JVMs' hundreds of threads some
/// milliseconds beside: 25 stops a second made a tenth a quarter.
const PERIOD: Duration = Duration::from_millis(400);

/// Brakes as long as it is there.
pub(super) struct Brake {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Brake {
    /// `services`: process ids; what they have started stands still with them. `share`: of the time, 0 to 1.
    pub(super) fn new(services: Vec<(String, i32)>, share: f64) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        // Prometheus keeps the time of its scrapes.
        let roots: Vec<i32> = services
            .into_iter()
            .filter(|(name, _)| name != "prometheus")
            .map(|(_, pid)| pid)
            .collect();
        let thread = std::thread::spawn(move || {
            let still = PERIOD.mul_f64(share.clamp(0.0, 0.9));
            let mut round = 0_u32;
            let mut all = Vec::new();
            while !told.load(Ordering::Relaxed) {
                // Postgres starts processes as connections come.
                if round.is_multiple_of(3) {
                    let children = children();
                    all = roots
                        .iter()
                        .flat_map(|root| descendants(*root, &children))
                        .collect();
                }
                round = round.wrapping_add(1);
                signal(&all, Signal::STOP);
                std::thread::sleep(still);
                signal(&all, Signal::CONT);
                std::thread::sleep(PERIOD.saturating_sub(still));
            }
        });
        Self {
            stop,
            thread: Some(thread),
        }
    }
}

impl Drop for Brake {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // It lets go of everything before it ends.
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn signal(pids: &[i32], signal: Signal) {
    for pid in pids.iter().filter_map(|pid| Pid::from_raw(*pid)) {
        // One that has ended needs no brake.
        let _ = kill_process(pid, signal);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use std::process::Command;

    #[test]
    fn what_is_braked_goes_on_afterwards() {
        let mut child = Command::new("sleep").arg("30").spawn().unwrap();
        let pid = i32::try_from(child.id()).unwrap();
        let state = || {
            let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
            text.rsplit_once(") ").unwrap().1.chars().next().unwrap()
        };
        let brake = Brake::new(vec![("connect".to_owned(), pid)], 0.5);
        let begun = std::time::Instant::now();
        let mut seen = Vec::new();
        while begun.elapsed() < Duration::from_millis(1200) {
            seen.push(state());
            std::thread::sleep(Duration::from_millis(3));
        }
        drop(brake);
        let after = state();
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(seen.contains(&'T') && seen.contains(&'S'), "{seen:?}");
        assert_eq!(after, 'S');
    }
}
