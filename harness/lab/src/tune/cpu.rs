//! Who uses the processor: from `/proc`, for the stack's own processes.

use std::collections::BTreeMap;
use std::fs;
use std::time::Instant;

use serde::Serialize;

/// Processor time over a window.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(crate) struct Cpu {
    /// The busy share of all processors of the machine, whoever it was: 0 to 1.
    pub busy: Option<f64>,
    /// Processors that programs used that are not the stack's: the lab's own, and whatever else runs on this machine.
    pub others: Option<f64>,
    /// Processors that each service used, its children included.
    pub processes: BTreeMap<String, f64>,
    /// Processors that groups of the worker's threads used: `source` (Debezium's), `task`, `producer`, `gc`, `compiler`.
    pub threads: BTreeMap<String, f64>,
}

impl Cpu {
    pub(super) fn thread(&self, group: &str) -> Option<f64> {
        self.threads.get(group).copied()
    }

    /// Services by what they used, the largest first.
    pub(super) fn words(&self) -> String {
        let mut all: Vec<_> = self.processes.iter().collect();
        all.sort_by(|one, other| other.1.total_cmp(one.1));
        let words: Vec<_> = all
            .iter()
            .filter(|(_, used)| **used >= 0.01)
            .map(|(name, used)| format!("{name} {used:.2}"))
            .collect();
        let others = self
            .others
            .filter(|used| *used >= 0.05)
            .map_or_else(String::new, |used| format!(", other programs {used:.2}"));
        match words.is_empty() {
            true => "no process is seen from here".to_owned(),
            false => format!("{}{others} processors", words.join(", ")),
        }
    }

    /// Groups of the worker's threads by what they used, the largest first.
    pub(super) fn thread_words(&self) -> String {
        let mut all: Vec<_> = self.threads.iter().collect();
        all.sort_by(|one, other| other.1.total_cmp(one.1));
        let words: Vec<_> = all
            .iter()
            .filter(|(_, used)| **used >= 0.01)
            .map(|(name, used)| format!("{name} {used:.2}"))
            .collect();
        match words.is_empty() {
            true => "–".to_owned(),
            false => words.join(", "),
        }
    }

    /// Means over measurements; what only some have is a mean of those.
    pub(super) fn mean<'a>(all: impl IntoIterator<Item = &'a Self>) -> Self {
        let all: Vec<_> = all.into_iter().collect();
        let mean = |values: Vec<f64>| {
            let number = values.len() as f64;
            (number > 0.0).then(|| values.iter().sum::<f64>() / number)
        };
        let maps = |of: fn(&Self) -> &BTreeMap<String, f64>| {
            let names: std::collections::BTreeSet<_> =
                all.iter().flat_map(|one| of(one).keys()).collect();
            names
                .into_iter()
                .filter_map(|name| {
                    let values = all.iter().filter_map(|one| of(one).get(name).copied());
                    Some((name.clone(), mean(values.collect())?))
                })
                .collect()
        };
        Self {
            busy: mean(all.iter().filter_map(|one| one.busy).collect()),
            others: mean(all.iter().filter_map(|one| one.others).collect()),
            processes: maps(|one| &one.processes),
            threads: maps(|one| &one.threads),
        }
    }
}

/// Ticks at one moment.
pub(super) struct Snapshot {
    taken: Instant,
    /// Busy and all ticks of the machine.
    machine: Option<(u64, u64)>,
    processes: BTreeMap<String, u64>,
    threads: BTreeMap<String, u64>,
}

impl Snapshot {
    /// `services`: the processes to look at. The threads are those of the one called `connect`.
    pub(super) fn take(services: &[(String, i32)]) -> Self {
        let children = children();
        let mut threads = BTreeMap::new();
        let processes = services
            .iter()
            .map(|(name, pid)| {
                if name == "connect" {
                    for (comm, ticks) in threads_of(*pid) {
                        *threads.entry(group(&comm).to_owned()).or_default() += ticks;
                    }
                }
                (name.clone(), tree_ticks(*pid, &children))
            })
            .collect();
        Self {
            taken: Instant::now(),
            machine: machine(),
            processes,
            threads,
        }
    }

    /// What was used since an earlier moment.
    pub(super) fn since(&self, earlier: &Self) -> Cpu {
        let seconds = self.taken.duration_since(earlier.taken).as_secs_f64();
        let per_second = rustix::param::clock_ticks_per_second() as f64;
        let used = |now: &BTreeMap<String, u64>, before: &BTreeMap<String, u64>| {
            now.iter()
                .map(|(name, ticks)| {
                    // A child that has ended takes its ticks with it.
                    let ticks = ticks.saturating_sub(before.get(name).copied().unwrap_or(0));
                    (name.clone(), ticks as f64 / per_second / seconds)
                })
                .collect()
        };
        let busy = self.machine.zip(earlier.machine).and_then(|(now, before)| {
            let all = now.1.checked_sub(before.1).filter(|all| *all > 0)?;
            Some(now.0.saturating_sub(before.0) as f64 / all as f64)
        });
        let processes: BTreeMap<String, f64> = used(&self.processes, &earlier.processes);
        let others = self.machine.zip(earlier.machine).map(|(now, before)| {
            let all = now.0.saturating_sub(before.0) as f64 / per_second / seconds;
            (all - processes.values().sum::<f64>()).max(0.0)
        });
        Cpu {
            busy,
            others,
            processes,
            threads: used(&self.threads, &earlier.threads),
        }
    }
}

/// The group of a thread by its name, of which the kernel keeps 15 bytes.
fn group(comm: &str) -> &'static str {
    const GROUPS: [(&str, &str); 10] = [
        ("task-thread-", "task"),
        ("debezium-", "source"),
        // Debezium runs a snapshot in a pool without a name, and Connect has none such.
        ("pool-", "source"),
        ("kafka-producer-", "producer"),
        ("GC Thread", "gc"),
        ("G1 ", "gc"),
        ("ParGC", "gc"),
        ("VM Thread", "gc"),
        ("C1 Compiler", "compiler"),
        ("C2 Compiler", "compiler"),
    ];
    GROUPS
        .iter()
        .find(|(start, _)| comm.starts_with(start))
        .map_or("other", |(_, group)| group)
}

/// Busy and all ticks since the machine came up.
fn machine() -> Option<(u64, u64)> {
    let text = fs::read_to_string("/proc/stat").ok()?;
    let numbers: Vec<u64> = text
        .lines()
        .next()?
        .split_whitespace()
        .skip(1)
        .take(8)
        .filter_map(|number| number.parse().ok())
        .collect();
    let all: u64 = numbers.iter().sum();
    // Idle, and waiting for a disk.
    let idle = numbers.get(3)? + numbers.get(4)?;
    Some((all - idle, all))
}

/// Name and ticks in user and kernel mode, from the text of a `stat` file.
fn stat(text: &str) -> Option<(&str, u64)> {
    let (name, rest) = text.split_once('(')?.1.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let kernel: u64 = fields.next()?.parse().ok()?;
    Some((name, user + kernel))
}

/// Time that a process has used so far in user and kernel mode, in seconds.
pub(crate) fn processor_seconds(pid: i32) -> Option<f64> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, ticks) = stat(&text)?;
    Some(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
}

fn threads_of(pid: i32) -> Vec<(String, u64)> {
    let entries = fs::read_dir(format!("/proc/{pid}/task"));
    entries
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let text = fs::read_to_string(entry.path().join("stat")).ok()?;
            let (name, ticks) = stat(&text)?;
            Some((name.to_owned(), ticks))
        })
        .collect()
}

/// Processor seconds of the compilers of Java processes, since each came up; `None` when there are no such processes.
pub(super) fn compiled(processes: &[(String, i32)]) -> Option<f64> {
    let per_second = rustix::param::clock_ticks_per_second() as f64;
    (!processes.is_empty()).then(|| {
        let threads = processes.iter().flat_map(|(_, pid)| threads_of(*pid));
        let compilers = threads.filter(|(comm, _)| group(comm) == "compiler");
        compilers.map(|(_, ticks)| ticks).sum::<u64>() as f64 / per_second
    })
}

fn ticks(pid: i32) -> u64 {
    fs::read_to_string(format!("/proc/{pid}/stat"))
        .ok()
        .and_then(|text| Some(stat(&text)?.1))
        .unwrap_or(0)
}

fn tree_ticks(root: i32, children: &BTreeMap<i32, Vec<i32>>) -> u64 {
    descendants(root, children).into_iter().map(ticks).sum()
}

/// A process and everything below it.
pub(super) fn descendants(root: i32, children: &BTreeMap<i32, Vec<i32>>) -> Vec<i32> {
    let mut found = vec![root];
    let mut next = 0;
    while let Some(pid) = found.get(next).copied() {
        found.extend(children.get(&pid).into_iter().flatten());
        next += 1;
    }
    found
}

/// Children by parent, of all processes.
pub(super) fn children() -> BTreeMap<i32, Vec<i32>> {
    let mut children: BTreeMap<i32, Vec<i32>> = BTreeMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok())
        else {
            continue;
        };
        let parent = fs::read_to_string(entry.path().join("stat"))
            .ok()
            .and_then(|text| {
                let (_, rest) = text.rsplit_once(')')?;
                rest.split_whitespace().nth(1)?.parse().ok()
            });
        if let Some(parent) = parent {
            children.entry(parent).or_default().push(pid);
        }
    }
    children
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use rstest::rstest;

    #[test]
    fn ticks_are_read_past_a_name_with_parentheses() {
        let text = "12 (a (b) c) S 1 2 3 4 5 6 7 8 9 10 100 23 0 0";
        assert_eq!(stat(text), Some(("a (b) c", 123)));
    }

    #[rstest]
    #[case("task-thread-kcl", "task")]
    #[case("debezium-postgr", "source")]
    #[case("pool-21-thread-", "source")]
    #[case("kafka-producer-", "producer")]
    #[case("G1 Main Marker", "gc")]
    #[case("C2 CompilerThre", "compiler")]
    #[case("qtp123-45", "other")]
    fn threads_are_told_apart_by_their_names(#[case] comm: &str, #[case] expected: &str) {
        assert_eq!(group(comm), expected);
    }

    #[test]
    fn who_computes_is_seen() {
        let own = [("connect".to_owned(), std::process::id() as i32)];
        let before = Snapshot::take(&own);
        let begun = Instant::now();
        let mut number = 1_u64;
        // A tenth of a second of processor time, which a busy machine takes longer to give.
        while ticks(own[0].1) < before.processes["connect"] + 10 && begun.elapsed().as_secs() < 30 {
            number = (0..1_000_000).fold(number, |number, _| {
                std::hint::black_box(number.wrapping_mul(3))
            });
        }
        let used = Snapshot::take(&own).since(&before);
        assert!(used.processes["connect"] > 0.0, "{used:?}");
        assert!(used.busy.unwrap() > 0.0, "{used:?}");
    }
}
