//! The guard's own process: one thread, one loop, no async.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl;
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid, waitpid};
use nix::unistd::{Pid, getpid};

use super::protocol::{
    Answer, JobState, JobStatus, PortRequest, Request, SpawnSpec, Status, StopPhase,
};
use super::{ENDED_BY_REQUEST, child, descendants, ports};
use crate::runs::RunDir;

/// How long each phase of a shutdown may take before SIGKILL: the whole stays well below five seconds.
const PHASE_LIMIT: Duration = Duration::from_millis(1000);

struct Job {
    spec: SpawnSpec,
    state: JobState,
    pid: Option<i32>,
    ended: Option<String>,
    /// Asked to stop: its end is no failure; killed when this passes.
    kill_at: Option<Instant>,
}

impl Job {
    /// Whom its signals go to. A scenario's process may be a shell with processes of its own, which end with it; a service
    /// looks after its own.
    fn receiver(&self, pid: i32) -> Pid {
        Pid::from_raw(if self.spec.hidden { -pid } else { pid })
    }

    /// A process that is gone already needs no signal.
    fn send(&self, pid: i32, signal: Signal) {
        let _ = kill(self.receiver(pid), signal);
    }
}

struct Server {
    run: String,
    jobs: Vec<Job>,
    reservations: Vec<ports::Reservation>,
    owned: bool,
    ending: bool,
}

/// Runs the guard of the run in `directory` until its end. Standard input is the owner's end of a socket pair.
///
/// # Errors
/// What keeps the guard from starting, or its loop from going on.
pub fn main(directory: &Path) -> io::Result<()> {
    prctl::set_child_subreaper(true)?;
    prctl::set_name(c"lab-guard")?;
    let mut mask = SigSet::empty();
    for signal in [
        Signal::SIGCHLD,
        Signal::SIGTERM,
        Signal::SIGINT,
        Signal::SIGHUP,
    ] {
        mask.add(signal);
    }
    mask.thread_block()?;
    let signals = SignalFd::with_flags(&mask, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)?;

    let run = RunDir::hold(directory)?;
    let listener = run.bind_socket()?;
    let mut owner = owner_stream()?;
    owner.write_all(b"ready\n")?;

    let mut server = Server {
        run: run.id().to_owned(),
        jobs: Vec::new(),
        reservations: Vec::new(),
        owned: true,
        ending: false,
    };
    while !server.ending {
        let mut waited = vec![
            PollFd::new(signals.as_fd(), PollFlags::POLLIN),
            PollFd::new(listener.as_fd(), PollFlags::POLLIN),
        ];
        if server.owned {
            waited.push(PollFd::new(owner.as_fd(), PollFlags::POLLIN));
        }
        match poll(&mut waited, server.next_deadline()) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
        let ready: Vec<bool> = waited
            .iter()
            .map(|fd| fd.revents().is_some_and(|events| !events.is_empty()))
            .collect();
        if ready[0] {
            server.on_signal(&signals)?;
        }
        server.kill_overdue();
        if ready[1] {
            server.on_connection(&listener);
        }
        if server.owned && ready.get(2) == Some(&true) && owner_is_gone(&mut owner) {
            note("ends: its owner is gone");
            server.ending = true;
        }
    }
    server.end_everything();
    note("everything has ended");
    run.discard();
    Ok(())
}

/// The socket pair that the owner made, handed over as standard input so that no descriptor number is agreed on.
fn owner_stream() -> io::Result<UnixStream> {
    let stream = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    stream.set_nonblocking(true)?;
    Ok(stream)
}

fn owner_is_gone(owner: &mut UnixStream) -> bool {
    let mut byte = [0_u8; 1];
    loop {
        match owner.read(&mut byte) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return error.kind() != io::ErrorKind::WouldBlock,
        }
    }
}

impl Server {
    fn on_signal(&mut self, signals: &SignalFd) -> io::Result<()> {
        while let Some(info) = signals.read_signal()? {
            if info.ssi_signo == Signal::SIGCHLD as u32 {
                self.reap();
            } else {
                note(format_args!("ends: signal {}", info.ssi_signo));
                self.ending = true;
            }
        }
        Ok(())
    }

    fn reap(&mut self) {
        let looked = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
        loop {
            // Until it is reaped, its number is nobody else's, and neither is that of its group.
            let ended = match waitid(Id::All, looked) {
                Ok(WaitStatus::Exited(pid, _) | WaitStatus::Signaled(pid, ..)) => pid,
                Ok(_) | Err(Errno::ECHILD) => return,
                Err(Errno::EINTR) => continue,
                Err(_) => return,
            };
            let of_it = |job: &&Job| job.pid == Some(ended.as_raw()) && job.spec.hidden;
            if let Some(job) = self.jobs.iter().find(of_it) {
                job.send(ended.as_raw(), Signal::SIGKILL);
            }
            let (pid, words, clean) = match waitpid(ended, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::Exited(pid, code)) => {
                    (pid, format!("exited with status {code}"), code == 0)
                }
                Ok(WaitStatus::Signaled(pid, signal, _)) => {
                    (pid, format!("was ended by {signal}"), false)
                }
                Ok(WaitStatus::StillAlive) | Err(Errno::ECHILD) => return,
                Ok(_) | Err(Errno::EINTR) => continue,
                Err(_) => return,
            };
            if let Some(job) = self
                .jobs
                .iter_mut()
                .find(|job| job.pid == Some(pid.as_raw()))
            {
                note(format_args!("{} (process {pid}) {words}", job.spec.name));
                job.pid = None;
                let asked = job.kill_at.take().is_some();
                job.state = if asked || (clean && job.spec.hidden) {
                    JobState::Stopped
                } else {
                    JobState::Failed
                };
                job.ended = Some(words);
            }
        }
    }

    fn next_deadline(&self) -> PollTimeout {
        let Some(next) = self.jobs.iter().filter_map(|job| job.kill_at).min() else {
            return PollTimeout::NONE;
        };
        let wait = next.saturating_duration_since(Instant::now()) + Duration::from_millis(1);
        PollTimeout::try_from(wait).unwrap_or(PollTimeout::MAX)
    }

    fn kill_overdue(&mut self) {
        let now = Instant::now();
        for job in &mut self.jobs {
            if let (Some(pid), Some(at)) = (job.pid, job.kill_at)
                && at <= now
            {
                job.send(pid, Signal::SIGKILL);
            }
        }
    }

    fn on_connection(&mut self, listener: &UnixListener) {
        let Ok((stream, _)) = listener.accept() else {
            return;
        };
        // A client that hangs must not hold the guard up.
        let limit = Some(Duration::from_millis(500));
        if stream
            .set_read_timeout(limit)
            .and_then(|()| stream.set_write_timeout(limit))
            .is_err()
        {
            return;
        }
        let mut line = String::new();
        if BufReader::new(&stream).read_line(&mut line).is_err() {
            return;
        }
        let answer = match serde_json::from_str(&line) {
            Ok(request) => self.answer(request),
            Err(error) => Answer::Refused(format!("not a request: {error}")),
        };
        if let Ok(mut text) = serde_json::to_vec(&answer) {
            text.push(b'\n');
            // The client may be gone already; it is the only one who would want to know.
            let _ = (&stream).write_all(&text);
        }
    }

    fn answer(&mut self, request: Request) -> Answer {
        let result = match request {
            Request::Reserve { ports } => self.reserve(&ports),
            Request::Spawn { spec } => self.spawn(*spec),
            Request::Stop { name } => self.stop(&name),
            Request::Signal { name, signal } => self.signal(&name, signal),
            Request::Ready { name } => self.running(&name).map(|(job, _)| {
                if job.state == JobState::Starting {
                    job.state = JobState::Ready;
                }
                Answer::Done
            }),
            Request::Status => Ok(Answer::Status(self.status())),
            Request::Detach => {
                note("goes on without its owner");
                self.owned = false;
                Ok(Answer::Done)
            }
            Request::Shutdown => {
                note(ENDED_BY_REQUEST);
                self.ending = true;
                Ok(Answer::Done)
            }
        };
        result.unwrap_or_else(Answer::Refused)
    }

    fn reserve(&mut self, requests: &[PortRequest]) -> Result<Answer, String> {
        let mut reserved = BTreeMap::new();
        for request in requests {
            let reservation = match request.exactly {
                Some(port) => {
                    ports::exactly(port).map_err(|error| format!("{}: {error}", request.key))?
                }
                None => ports::free(1).map_err(|error| error.to_string())?.remove(0),
            };
            reserved.insert(request.key.clone(), reservation.port);
            self.reservations.push(reservation);
        }
        Ok(Answer::Ports(reserved))
    }

    fn spawn(&mut self, spec: SpawnSpec) -> Result<Answer, String> {
        let same = |job: &&Job| job.spec.name == spec.name && job.pid.is_some();
        if let Some(job) = self.jobs.iter().find(same) {
            let paused = match job.state {
                JobState::Paused => ": it is paused, and has to be resumed",
                _ => "",
            };
            return Err(format!("{} runs already{paused}", spec.name));
        }
        let pid = child::spawn(&spec, &self.run).map_err(|error| {
            format!(
                "cannot start {} ({}): {error}",
                spec.name,
                spec.argv.join(" ")
            )
        })?;
        note(format_args!("{} is process {pid}", spec.name));
        let job = Job {
            state: JobState::Starting,
            pid: Some(pid),
            ended: None,
            kill_at: None,
            spec,
        };
        match self
            .jobs
            .iter_mut()
            .find(|known| known.spec.name == job.spec.name)
        {
            Some(known) => *known = job,
            None => self.jobs.push(job),
        }
        Ok(Answer::Pid(pid))
    }

    fn stop(&mut self, name: &str) -> Result<Answer, String> {
        let (job, pid) = self.running(name)?;
        job.kill_at = Some(Instant::now() + Duration::from_millis(job.spec.stop.grace_ms));
        // A paused process sees no signal before it goes on.
        job.send(pid, Signal::SIGCONT);
        kill(job.receiver(pid), signal(job.spec.stop.signal)?)
            .map_err(|error| error.to_string())?;
        Ok(Answer::Done)
    }

    fn signal(&mut self, name: &str, number: i32) -> Result<Answer, String> {
        let (job, pid) = self.running(name)?;
        let signal = signal(number)?;
        kill(job.receiver(pid), signal).map_err(|error| error.to_string())?;
        match signal {
            Signal::SIGSTOP => job.state = JobState::Paused,
            Signal::SIGCONT if job.state == JobState::Paused => job.state = JobState::Ready,
            _ => {}
        }
        Ok(Answer::Done)
    }

    fn running(&mut self, name: &str) -> Result<(&mut Job, i32), String> {
        let job = self
            .jobs
            .iter_mut()
            .find(|job| job.spec.name == name)
            .ok_or_else(|| format!("there is no {name}"))?;
        match job.pid {
            Some(pid) => Ok((job, pid)),
            None => Err(format!(
                "{name} does not run: it {}",
                job.ended.as_deref().unwrap_or("ended")
            )),
        }
    }

    fn status(&self) -> Status {
        let services = self
            .jobs
            .iter()
            .map(|job| JobStatus {
                name: job.spec.name.clone(),
                state: job.state,
                pid: job.pid,
                endpoints: job.spec.endpoints.clone(),
                log: PathBuf::clone(&job.spec.log),
                ended: job.ended.clone(),
                hidden: job.spec.hidden,
            })
            .collect();
        Status {
            run: self.run.clone(),
            services,
        }
    }

    /// Clients first, then servers, then whatever is left below this process.
    fn end_everything(&mut self) {
        for phase in [StopPhase::Clients, StopPhase::Servers] {
            for job in self
                .jobs
                .iter_mut()
                .filter(|job| job.spec.stop.phase == phase)
            {
                if let Some(pid) = job.pid {
                    let grace = Duration::from_millis(job.spec.stop.grace_ms).min(PHASE_LIMIT);
                    job.kill_at = Some(Instant::now() + grace);
                    job.send(pid, Signal::SIGCONT);
                    job.send(pid, signal(job.spec.stop.at_end).unwrap_or(Signal::SIGTERM));
                }
            }
            while self
                .jobs
                .iter()
                .any(|job| job.spec.stop.phase == phase && job.pid.is_some())
            {
                std::thread::sleep(Duration::from_millis(5));
                self.reap();
                self.kill_overdue();
            }
        }
        let limit = Instant::now() + PHASE_LIMIT;
        loop {
            let left = descendants::of(getpid().as_raw());
            if left.is_empty() || Instant::now() > limit {
                return;
            }
            for pid in left {
                // It may be gone already.
                let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
            }
            std::thread::sleep(Duration::from_millis(5));
            self.reap();
        }
    }
}

/// A line in the guard's log, `lab logs guard`. A log that cannot be written keeps it from nothing.
fn note(what: impl std::fmt::Display) {
    let now = humantime::format_rfc3339_millis(std::time::SystemTime::now());
    let _ = writeln!(io::stderr(), "{now} {what}");
}

fn signal(number: i32) -> Result<Signal, String> {
    Signal::try_from(number).map_err(|_| format!("{number} is not a signal"))
}
