//! The runner's side of the guard.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::ENDED_BY_REQUEST;
use super::descendants::sweep;
use super::protocol::{Answer, JobStatus, PortRequest, Request, SpawnSpec, Status};
use crate::runs::RunDir;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why the guard did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum GuardError {
    /// It could not be started.
    #[error("cannot start the guard of run {run} (its log: {log})")]
    Launch {
        /// Id of the run.
        run: String,
        /// Where it writes.
        log: PathBuf,
        /// Cause.
        #[source]
        source: io::Error,
    },
    /// It does not answer: it was killed, or the run ended.
    #[error("the guard of run {run} does not answer: the run has ended, or its guard was killed")]
    Gone {
        /// Id of the run.
        run: String,
        /// Cause.
        #[source]
        source: io::Error,
    },
    /// Somebody ended the run.
    #[error("run {run} was ended from elsewhere, as `lab down` does")]
    Ended {
        /// Id of the run.
        run: String,
    },
    /// It answered no; the text says why.
    #[error("{0}")]
    Refused(String),
}

/// A guard that anyone may talk to: `lab status`, `lab down`.
#[derive(Debug, Clone)]
pub struct Guard {
    run: RunDir,
}

/// A guard that ends everything when this handle goes.
#[derive(Debug)]
pub struct GuardHandle {
    guard: Guard,
    owner: UnixStream,
    pid: i32,
    detached: bool,
}

impl GuardHandle {
    /// Starts the guard of a new run: `PROGRAM guard DIRECTORY`, where the program is this one.
    ///
    /// # Errors
    /// [`GuardError::Launch`].
    pub fn launch(run: RunDir) -> Result<Self, GuardError> {
        let log = run.log("guard");
        let id = run.id().to_owned();
        Self::try_launch(run).map_err(|source| GuardError::Launch {
            run: id,
            log,
            source,
        })
    }

    fn try_launch(run: RunDir) -> io::Result<Self> {
        let (owner, guards_end) = UnixStream::pair()?;
        let log = std::fs::File::create(run.log("guard"))?;
        // Not by its path: a build may have put another program there since this one started.
        let mut command = Command::new("/proc/self/exe");
        command.arg0("lab");
        command
            .arg("guard")
            .arg(run.path())
            .stdin(Stdio::from(OwnedFd::from(guards_end)));
        command.stdout(log.try_clone()?).stderr(log);
        // A group of its own keeps the terminal's Ctrl-C away from the guard, which must outlive its owner long enough to end
        // everything. Not a session: see where processes are started.
        command.process_group(0);
        let child = command.spawn()?;
        let pid = child.id().cast_signed();
        // Reaps the guard when it ends before its owner.
        std::thread::spawn(move || {
            let mut child = child;
            let _ = child.wait();
        });
        owner.set_read_timeout(Some(Duration::from_secs(10)))?;
        let mut greeting = String::new();
        BufReader::new((&owner).take(6)).read_line(&mut greeting)?;
        if greeting != "ready\n" {
            return Err(io::Error::other("it ended before it was ready"));
        }
        owner.set_read_timeout(None)?;
        Ok(Self {
            guard: Guard { run },
            owner,
            pid,
            detached: false,
        })
    }

    /// Resolves when the guard is gone.
    pub async fn lost(&self) -> GuardError {
        let watched = self.owner.try_clone().and_then(|stream| {
            stream.set_nonblocking(true)?;
            tokio::net::UnixStream::from_std(stream)
        });
        let source = match watched {
            Ok(stream) => loop {
                if let Err(error) = stream.readable().await {
                    break error;
                }
                match stream.try_read(&mut [0; 8]) {
                    Ok(0) => break io::ErrorKind::UnexpectedEof.into(),
                    Ok(_) => {}
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(error) => break error,
                }
            },
            Err(error) => error,
        };
        self.guard.gone(source)
    }

    /// Lets the run go on without this owner.
    ///
    /// # Errors
    /// When the guard is gone.
    pub fn detach(mut self) -> Result<Guard, GuardError> {
        self.guard.ask(&Request::Detach)?;
        self.detached = true;
        Ok(self.guard.clone())
    }

    /// Process id of the guard.
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// The guard as anyone sees it.
    pub fn guard(&self) -> &Guard {
        &self.guard
    }
}

impl Drop for GuardHandle {
    /// Lets the guard see that its owner is gone, waits until it has ended everything, and ends what is left where it was
    /// killed. A detached guard does not look, and is not waited for.
    fn drop(&mut self) {
        let detached = self.detached;
        // Shut down and not just closed: a watcher may hold a copy of the descriptor.
        let _ = self.owner.shutdown(std::net::Shutdown::Both);
        let limit = Instant::now() + Duration::from_secs(5);
        while !detached && self.guard.run.is_held() && Instant::now() < limit {
            std::thread::sleep(Duration::from_millis(5));
        }
        if !detached {
            sweep(self.guard.run.id());
        }
    }
}

impl Guard {
    /// The guard of a run that somebody else started.
    pub fn of(run: RunDir) -> Self {
        Self { run }
    }

    /// The run's directory.
    pub fn run(&self) -> &RunDir {
        &self.run
    }

    /// Reserves ports for the whole run, by key.
    ///
    /// # Errors
    /// With the holder's name when a port is taken.
    pub fn reserve(&self, ports: Vec<PortRequest>) -> Result<BTreeMap<String, u16>, GuardError> {
        match self.ask(&Request::Reserve { ports })? {
            Answer::Ports(ports) => Ok(ports),
            other => Err(unexpected(&other)),
        }
    }

    /// Starts a process; returns its process id.
    ///
    /// # Errors
    /// When it runs already or cannot be started.
    pub fn spawn(&self, spec: SpawnSpec) -> Result<i32, GuardError> {
        match self.ask(&Request::Spawn {
            spec: Box::new(spec),
        })? {
            Answer::Pid(pid) => Ok(pid),
            other => Err(unexpected(&other)),
        }
    }

    /// Asks a process to end; it is killed after its grace time. Returns at once.
    ///
    /// # Errors
    /// When it does not run.
    pub fn stop(&self, name: &str) -> Result<(), GuardError> {
        self.ask(&Request::Stop {
            name: name.to_owned(),
        })
        .map(drop)
    }

    /// Sends a signal (its number) to a process.
    ///
    /// # Errors
    /// When it does not run.
    pub fn signal(&self, name: &str, signal: i32) -> Result<(), GuardError> {
        self.ask(&Request::Signal {
            name: name.to_owned(),
            signal,
        })
        .map(drop)
    }

    /// Notes that a service answers.
    ///
    /// # Errors
    /// When it does not run.
    pub fn mark_ready(&self, name: &str) -> Result<(), GuardError> {
        self.ask(&Request::Ready {
            name: name.to_owned(),
        })
        .map(drop)
    }

    /// All processes of the run.
    ///
    /// # Errors
    /// When the guard is gone.
    pub fn status(&self) -> Result<Status, GuardError> {
        match self.ask(&Request::Status)? {
            Answer::Status(status) => Ok(status),
            other => Err(unexpected(&other)),
        }
    }

    /// One process of the run.
    ///
    /// # Errors
    /// When there is none of this name, or the guard is gone.
    pub fn job(&self, name: &str) -> Result<JobStatus, GuardError> {
        let status = self.status()?;
        let known: Vec<_> = status.services.iter().map(|job| job.name.clone()).collect();
        status
            .services
            .into_iter()
            .find(|job| job.name == name)
            .ok_or_else(|| {
                GuardError::Refused(format!(
                    "run {} has no {name}; it has {}",
                    self.run.id(),
                    known.join(", ")
                ))
            })
    }

    /// Ends the run and waits until every process of it is gone.
    ///
    /// # Errors
    /// When it is still there after a minute: the data of a long run on a busy disk takes its time to go.
    pub fn shut_down(&self) -> Result<(), GuardError> {
        match self.ask(&Request::Shutdown) {
            Ok(_) | Err(GuardError::Gone { .. } | GuardError::Ended { .. }) => {}
            Err(error) => return Err(error),
        }
        let limit = Instant::now() + Duration::from_secs(60);
        while self.run.is_held() {
            if Instant::now() > limit {
                return Err(GuardError::Refused(format!(
                    "run {} does not end: see {}",
                    self.run.id(),
                    self.run.log("guard").display()
                )));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    fn ask(&self, request: &Request) -> Result<Answer, GuardError> {
        let answer = self.exchange(request).map_err(|source| self.gone(source))?;
        match answer {
            Answer::Refused(reason) => Err(GuardError::Refused(reason)),
            answer => Ok(answer),
        }
    }

    /// Why it does not answer, by its log.
    fn gone(&self, source: io::Error) -> GuardError {
        let run = self.run.id().to_owned();
        let log = std::fs::read_to_string(self.run.log("guard")).unwrap_or_default();
        if log.contains(ENDED_BY_REQUEST) {
            GuardError::Ended { run }
        } else {
            GuardError::Gone { run, source }
        }
    }

    /// The guard waits for half a second for what a client has to say. On a busy machine that is not always enough between two lines
    /// of this function, and the guard has then read no request: it is said again.
    fn exchange(&self, request: &Request) -> io::Result<Answer> {
        let begun = Instant::now();
        loop {
            match self.say(request) {
                Err(error) if was_not_heard(&error) && begun.elapsed() < PATIENCE => {}
                said => return said,
            }
        }
    }

    fn say(&self, request: &Request) -> io::Result<Answer> {
        let stream = self.run.connect()?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut line = serde_json::to_vec(request)?;
        line.push(b'\n');
        (&stream).write_all(&line)?;
        let mut answer = String::new();
        BufReader::new(&stream).read_line(&mut answer)?;
        if answer.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(serde_json::from_str(&answer)?)
    }
}

/// Whether the guard hung up before it had read a line: otherwise there is an answer, or an end without one.
fn was_not_heard(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset
    )
}

fn unexpected(answer: &Answer) -> GuardError {
    GuardError::Refused(format!("the guard answered out of turn: {answer:?}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// It ended a run of fault scenarios: the machine was busy, and the guard had waited half a second for a line.
    #[test]
    fn what_was_not_heard_is_said_again() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunDir::hold(folder.path()).unwrap();
        let listener = run.bind_socket().unwrap();
        let guard = std::thread::spawn(move || {
            drop(listener.accept().unwrap());
            let (stream, _) = listener.accept().unwrap();
            BufReader::new(&stream)
                .read_line(&mut String::new())
                .unwrap();
            let answer = serde_json::to_string(&Answer::Done).unwrap();
            writeln!(&stream, "{answer}").unwrap();
        });
        let answer = Guard::of(run).ask(&Request::Status);
        assert!(matches!(answer, Ok(Answer::Done)), "{answer:?}");
        guard.join().unwrap();
    }

    #[test]
    fn a_guard_that_is_gone_is_not_asked_again() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunDir::hold(folder.path()).unwrap();
        drop(run.bind_socket().unwrap());
        let begun = Instant::now();
        let answer = Guard::of(run).ask(&Request::Status);
        assert!(matches!(answer, Err(GuardError::Gone { .. })), "{answer:?}");
        assert!(begun.elapsed() < PATIENCE / 2);
    }
}
