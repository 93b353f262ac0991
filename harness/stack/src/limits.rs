//! What a stack needs of its machine, and whether that is there: asked before anything starts, since a stack that runs out of it
//! midway looks like a defect of what was tested.

use std::fmt;
use std::path::Path;

use rustix::process::{Resource, getrlimit};

use crate::services::ServiceName;

/// Set to `off`, whoever starts a stack knows better.
pub const VARIABLE: &str = "LAB_LIMITS";

/// Amounts that are needed, or free.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Amounts {
    /// Memory, in MiB.
    pub memory: Option<u64>,
    /// Space for data and logs, in MiB.
    pub disk: Option<u64>,
    /// File descriptors that a process may have: the hard limit, to which a JVM raises its own.
    pub files: Option<u64>,
}

/// A machine that has too little.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not enough {}", lacks.iter().map(Lack::to_string).collect::<Vec<_>>().join(", nor "))]
pub struct TooLittle {
    /// What is too little.
    pub lacks: Vec<Lack>,
}

/// Too little of one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lack {
    what: &'static str,
    unit: &'static str,
    free: u64,
    needed: u64,
}

impl fmt::Display for Lack {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            what,
            unit,
            free,
            needed,
        } = self;
        write!(
            formatter,
            "{what}: these services need {needed}{unit}, and {free}{unit} are free"
        )
    }
}

/// What a service takes soon after its start, in MiB: resident memory of the `quick` mode, rounded up.
fn memory(service: ServiceName) -> u64 {
    match service.kind() {
        ServiceName::Connect => 700,
        ServiceName::Kafka => 450,
        ServiceName::Zookeeper => 150,
        ServiceName::Postgres | ServiceName::Prometheus => 120,
        _ => 30,
    }
}

impl Amounts {
    /// What these services need.
    pub fn needed(members: &[ServiceName]) -> Self {
        Self {
            memory: Some(members.iter().copied().map(memory).sum()),
            // Kafka sets space for its indexes aside, Postgres for its log.
            disk: Some(100 + 150 * members.len() as u64),
            files: Some(1024),
        }
    }

    /// What is free; nothing of what cannot be told. `state`: where runs are.
    pub fn free(state: &Path) -> Self {
        // What is no file system for data, as /proc, has no room in all: making a directory there says more.
        let disk = room(state).filter(|room| room.total > 0);
        Self {
            memory: [available_memory(), of_group()].into_iter().flatten().min(),
            disk: disk.map(|room| room.free),
            // No limit is none.
            files: getrlimit(Resource::Nofile).maximum,
        }
    }

    /// Whether there is enough.
    ///
    /// # Errors
    /// [`TooLittle`], with all of which there is.
    pub fn suffice(self, needed: Self) -> Result<(), TooLittle> {
        let pairs = [
            ("memory", " MiB", self.memory, needed.memory),
            ("room on the disk", " MiB", self.disk, needed.disk),
            (
                "file descriptors (ulimit -Hn)",
                "",
                self.files,
                needed.files,
            ),
        ];
        let lacks: Vec<_> = pairs
            .into_iter()
            .filter_map(|(what, unit, free, needed)| {
                let (free, needed) = (free?, needed?);
                (free < needed).then_some(Lack {
                    what,
                    unit,
                    free,
                    needed,
                })
            })
            .collect();
        if lacks.is_empty() {
            Ok(())
        } else {
            Err(TooLittle { lacks })
        }
    }
}

/// Room on a file system, in MiB.
#[derive(Debug, Clone, Copy)]
pub struct Room {
    /// In all.
    pub total: u64,
    /// What is left.
    pub free: u64,
}

/// Room where this path is, or will be.
pub fn room(path: &Path) -> Option<Room> {
    let there = path.ancestors().find(|path| path.exists())?;
    let stat = rustix::fs::statvfs(there).ok()?;
    let mib = |blocks: u64| blocks.saturating_mul(stat.f_frsize) >> 20;
    Some(Room {
        total: mib(stat.f_blocks),
        free: mib(stat.f_bavail),
    })
}

/// Memory of the machine that can be had without swapping, in MiB.
pub fn available_memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text
        .lines()
        .find(|line| line.starts_with("MemAvailable:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? >> 10)
}

/// Of the control group that this process is in, as a container has one: its limit without what is used. Version 2.
fn of_group() -> Option<u64> {
    let groups = std::fs::read_to_string("/proc/self/cgroup").ok()?;
    let own = groups.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let folder = Path::new("/sys/fs/cgroup").join(own);
    let read = |name: &str| {
        let text = std::fs::read_to_string(folder.join(name)).ok()?;
        // `max` is no limit.
        text.trim().parse::<u64>().ok()
    };
    Some(read("memory.max")?.saturating_sub(read("memory.current")?) >> 20)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Profile;

    #[test]
    fn a_machine_that_has_what_is_needed_suffices_and_so_does_one_that_cannot_tell() {
        let needed = Amounts::needed(&Profile::Zookeeper.services());
        assert_eq!(needed.suffice(needed), Ok(()));
        assert_eq!(Amounts::default().suffice(needed), Ok(()));
    }

    #[test]
    fn everything_that_is_too_little_is_named_with_how_much_is_needed() {
        let needed = Amounts::needed(&[ServiceName::Kafka]);
        let free = Amounts {
            memory: Some(100),
            files: Some(256),
            ..needed
        };
        let error = free.suffice(needed).map_err(|error| error.to_string());
        assert_eq!(
            error,
            Err("not enough memory: these services need 450 MiB, and 100 MiB are free, nor file descriptors (ulimit -Hn): these services need 1024, and 256 are free".to_owned())
        );
    }

    #[test]
    fn this_machine_can_tell() {
        let free = Amounts::free(Path::new("/tmp/not/there"));
        assert!(free.memory.is_some() && free.disk.is_some(), "{free:?}");
    }
}
