//! Starting one process that cannot outlive the guard.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use nix::sys::prctl;
use nix::sys::signal::{SigSet, SigmaskHow, Signal, sigprocmask};
use nix::unistd::{getpid, getppid};

use super::protocol::SpawnSpec;

/// Environment variable that marks every process of a run.
pub(super) const RUN_MARK: &str = "LAB_RUN";

/// Starts the process in a process group of its own and returns its process id.
pub(super) fn spawn(spec: &SpawnSpec, run: &str) -> io::Result<i32> {
    let Some((program, args)) = spec.argv.split_first() else {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "no program to start",
        ));
    };
    let death_signal = Signal::try_from(spec.stop.parent_death_signal)?;
    let log = open_log(&spec.log)?;
    let mut command = Command::new(program);
    command
        .args(args)
        .env_clear()
        .envs(&spec.env)
        .env(RUN_MARK, run)
        .current_dir(&spec.cwd)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log);
    if let Some((user, group)) = spec.user {
        command.uid(user).gid(group);
    }
    // Of its own, so that the terminal's Ctrl-C does not reach it. A session of its own would do that, too, but each is scheduled
    // as one (autogroup, sched(7)), and a broker whose session competes with a busy one has been seen without a processor for
    // ten seconds and more (Linux 6.18, 2 processors): clients lose it, and its ZooKeeper session expires.
    command.process_group(0);
    let guard = getpid();
    // SAFETY: the closure makes system calls only; it allocates nothing and takes no lock. It runs after the change
    // of user, which would clear the parent-death signal.
    unsafe {
        command.pre_exec(move || {
            sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None)?;
            prctl::set_pdeathsig(death_signal)?;
            // The guard may have died before the line above.
            if getppid() != guard {
                return Err(io::Error::other("the guard is gone"));
            }
            Ok(())
        });
    }
    let child = command.spawn()?;
    // The guard reaps by wait(-1), so that it also sees what was re-parented to it; std's handle is not needed.
    Ok(child.id().cast_signed())
}

fn open_log(path: &Path) -> io::Result<std::fs::File> {
    OpenOptions::new().create(true).append(true).open(path)
}
