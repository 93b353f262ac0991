//! A child process that cannot outlive this one.

use std::fs::File;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, getppid, kill_process_group,
    set_parent_process_death_signal, waitid,
};

/// A running child. It is killed, with its process group, when this value is dropped, and by the kernel when this process
/// ends in any other way.
///
/// Linux sends the parent-death signal when the *thread* that forked ends, not the process: so a thread of its own forks,
/// and stays until the child has ended.
pub(crate) struct Child {
    ended: Receiver<io::Result<ExitStatus>>,
    /// The group, as long as its number cannot have been given to another one.
    group: Arc<Mutex<Option<Pid>>>,
}

impl Child {
    /// Starts a command, without input, with both its outputs in `log`.
    pub(crate) fn start(mut command: Command, log: &File) -> io::Result<Self> {
        command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log.try_clone()?);
        // A group of its own: Maven's start script may leave a JVM as its child, which has to be killed too.
        command.process_group(0);
        let parent = rustix::process::getpid();
        // SAFETY: between fork and exec only system calls are made, nothing is allocated and no lock is taken.
        unsafe {
            command.pre_exec(move || {
                set_parent_process_death_signal(Some(Signal::KILL))?;
                // If the parent ended before the line above, no signal will come.
                if getppid() != Some(parent) {
                    return Err(io::ErrorKind::BrokenPipe.into());
                }
                Ok(())
            });
        }
        let (started, wait_for_start) = sync_channel(1);
        let (send_end, ended) = sync_channel(1);
        let group = Arc::new(Mutex::new(None));
        let shared = Arc::clone(&group);
        thread::Builder::new().name("child".into()).spawn(move || {
            let mut child = match command.spawn() {
                Ok(child) => child,
                Err(error) => return drop(started.send(Err(error))),
            };
            let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
            *shared.lock().unwrap_or_else(PoisonError::into_inner) = pid;
            // The receiver may be gone already; the child has to be waited for all the same.
            let _ = started.send(Ok(()));
            if let Some(pid) = pid {
                // Waits without reaping, so that the number stays taken until nobody can send a signal to it any more.
                let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
                while matches!(
                    waitid(WaitId::Pid(pid), options),
                    Err(rustix::io::Errno::INTR)
                ) {}
            }
            *shared.lock().unwrap_or_else(PoisonError::into_inner) = None;
            let _ = send_end.send(child.wait());
        })?;
        wait_for_start
            .recv()
            .unwrap_or_else(|_| Err(io::Error::other("the thread of a child ended")))?;
        Ok(Child { ended, group })
    }

    /// Waits for at most `patience`; `None` if the child still runs.
    pub(crate) fn wait(&self, patience: Duration) -> io::Result<Option<ExitStatus>> {
        match self.ended.recv_timeout(patience) {
            Ok(status) => status.map(Some),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => {
                Err(io::Error::other("the thread of a child ended"))
            }
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if let Some(group) = *self.group.lock().unwrap_or_else(PoisonError::into_inner) {
            // It may have ended in this moment, which is as good.
            let _ = kill_process_group(group, Signal::KILL);
        } else {
            return;
        }
        // Its files are removed next: nothing may write to them any more.
        let _ = self.ended.recv();
    }
}
