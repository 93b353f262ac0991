//! Starting, stopping and hurting the services of a run.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures::future::try_join_all;
use tokio::sync::watch;

use super::error::{LogTail, StackError};
use super::start::{Observer, StartOrder};
use crate::components::{Installed, NoProgress};
use crate::endpoints::Endpoints;
use crate::guard::{Guard, JobState, JobStatus, SpawnSpec};
use crate::links::{self, Link, Links};
use crate::profile::Profile;
use crate::ready;
use crate::services::{JvmMode, Launch, Preparation, Programs, ServiceName, Site, WorkerOverrides};

/// Between two looks at a process.
const POLL: Duration = Duration::from_millis(25);

/// Between two questions to a service whether it is ready. It answers them with the time that it needs to get ready.
const PROBE: Duration = Duration::from_millis(50);

/// Control over the services of a native run.
#[derive(Debug)]
pub struct Control {
    pub(super) guard: Guard,
    pub(super) endpoints: Endpoints,
    pub(super) ports: BTreeMap<ServiceName, BTreeMap<&'static str, u16>>,
    pub(super) installed: BTreeMap<&'static str, Installed>,
    pub(super) programs: Programs,
    pub(super) members: Vec<ServiceName>,
    pub(super) profile: Profile,
    pub(super) class_data: PathBuf,
    pub(super) order: StartOrder,
    pub(super) jvm: Mutex<JvmMode>,
    pub(super) worker: Mutex<WorkerOverrides>,
    pub(super) ready_within: Duration,
    pub(super) links: Links,
    /// Where Kafka listens for each of its links.
    pub(super) listeners: BTreeMap<Link, u16>,
    /// Whether Kafka knows its users. A worker that it does not know does not try again, but ends.
    pub(super) introduced: watch::Sender<bool>,
}

impl Control {
    /// Where everything is reached.
    pub fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }

    /// The run's guard.
    pub fn guard(&self) -> &Guard {
        &self.guard
    }

    /// Services of this run.
    pub fn members(&self) -> &[ServiceName] {
        &self.members
    }

    /// Versions of what it is made of, by component.
    pub fn versions(&self) -> BTreeMap<String, String> {
        super::start::versions(&self.installed, &self.programs)
    }

    /// The `java` program, and the class path of Kafka's own tools.
    pub fn kafka_tools(&self) -> Option<(PathBuf, OsString)> {
        let java = self.programs.paths.get("java")?;
        let kafka = self.installed.get("kafka")?;
        Some((java.clone(), kafka.class_path()))
    }

    /// Launches a service and waits until it is ready.
    ///
    /// # Errors
    /// When it dies or does not get ready in time.
    pub async fn bring_up(
        &self,
        service: ServiceName,
        jvm: JvmMode,
        observer: &dyn Observer,
    ) -> Result<(), StackError> {
        let begun = Instant::now();
        observer.starting(service);
        let launch = self.lay_out(service, jvm)?;
        for Preparation { job, about } in launch.prepare {
            if let Some(about) = about {
                observer.note(&about);
            }
            self.run_to_end(service, job).await?;
        }
        if service
            .service()
            .needs(self.profile)
            .contains(&ServiceName::Kafka)
        {
            // The sender lives as long as we do.
            let _ = self.introduced.subscribe().wait_for(|done| *done).await;
        }
        self.guard.spawn(launch.main)?;
        // What is done once for all later starts does not count against a limit.
        self.wait_ready(service, Instant::now()).await?;
        if service.kind() == ServiceName::Kafka {
            self.introduced.send_replace(true);
        }
        observer.ready(service, begun.elapsed());
        Ok(())
    }

    /// Writes a service's settings, and says how to start it.
    fn lay_out(&self, service: ServiceName, jvm: JvmMode) -> Result<Launch, StackError> {
        let site = Site {
            run: self.guard.run(),
            endpoints: &self.endpoints,
            ports: self
                .ports
                .get(&service)
                .cloned()
                .ok_or(StackError::NoSuchService { service })?,
            installed: &self.installed,
            programs: &self.programs,
            profile: self.profile,
            jvm,
            worker: self.worker(),
            class_data: &self.class_data,
            defaults: self.order == StartOrder::OneByOne,
            members: &self.members,
            behind_links: self.behind_links(service),
        };
        tokio::task::block_in_place(|| service.service().launch(&site))
            .map_err(|source| StackError::Launch { service, source })
    }

    /// Launches a service again that has ended, as it was launched last.
    ///
    /// # Errors
    /// When it dies or does not get ready in time.
    pub async fn start_again(
        &self,
        service: ServiceName,
        observer: &dyn Observer,
    ) -> Result<(), StackError> {
        ready::vacant(service, &self.endpoints, self.ready_within).await;
        self.bring_up(service, self.jvm(), observer).await
    }

    fn behind_links(&self, service: ServiceName) -> Vec<(Link, u16)> {
        let listeners = self.listeners.iter();
        listeners
            .filter(|(link, _)| link.to == service)
            .map(|(link, port)| (*link, *port))
            .collect()
    }

    /// Puts a link into a state.
    ///
    /// # Errors
    /// When there is no proxy in it.
    pub fn set_link(&self, link: Link, state: links::State) -> Result<(), StackError> {
        let proxy = self.links.get(link).ok_or(StackError::NoProxy { link })?;
        proxy.set(state);
        Ok(())
    }

    /// How JVMs are run now.
    pub fn jvm(&self) -> JvmMode {
        *self.jvm.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the Connect worker has over its settings now.
    pub fn worker(&self) -> WorkerOverrides {
        let worker = self.worker.lock();
        worker.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Restarts the Connect worker with other settings; topics with its connectors are kept.
    ///
    /// # Errors
    /// When it does not end or does not come back.
    pub async fn change_worker(
        &self,
        worker: WorkerOverrides,
        observer: &dyn Observer,
    ) -> Result<(), StackError> {
        *self.worker.lock().unwrap_or_else(PoisonError::into_inner) = worker;
        self.stop(ServiceName::Connect).await?;
        self.start_again(ServiceName::Connect, observer).await
    }

    /// Restarts Kafka and Connect in another mode, their data kept.
    ///
    /// # Errors
    /// When one does not end or does not come back.
    pub async fn change_jvm(
        &self,
        jvm: JvmMode,
        observer: &dyn Observer,
    ) -> Result<(), StackError> {
        *self.jvm.lock().unwrap_or_else(PoisonError::into_inner) = jvm;
        let of = |kind: ServiceName| kind.among(&self.members);
        for service in of(ServiceName::Connect).chain(of(ServiceName::Kafka)) {
            self.stop(service).await?;
        }
        for kind in [ServiceName::Kafka, ServiceName::Connect] {
            // Several are ready once they have found each other.
            let starts = of(kind).map(|service| self.bring_up(service, jvm, observer));
            try_join_all(starts).await?;
        }
        if self.members.contains(&ServiceName::Prometheus) {
            // How often it scrapes depends on the mode.
            self.lay_out(ServiceName::Prometheus, jvm)?;
            self.signal(ServiceName::Prometheus, nix::libc::SIGHUP)?;
        }
        Ok(())
    }

    /// Asks a service to end, and waits until it has.
    ///
    /// # Errors
    /// When it does not run.
    pub async fn stop(&self, service: ServiceName) -> Result<(), StackError> {
        self.guard.stop(service.as_str())?;
        self.wait_ended(service.as_str()).await?;
        Ok(())
    }

    /// Sends a signal: SIGKILL, SIGSTOP, SIGCONT.
    ///
    /// # Errors
    /// When it does not run.
    pub fn signal(&self, service: ServiceName, signal: i32) -> Result<(), StackError> {
        Ok(self.guard.signal(service.as_str(), signal)?)
    }

    async fn run_to_end(&self, service: ServiceName, job: SpawnSpec) -> Result<(), StackError> {
        let process = job.name.clone();
        self.guard.spawn(job)?;
        let status = self.wait_ended(&process).await?;
        if status.state == JobState::Stopped {
            return Ok(());
        }
        let last_seen = "it was at work".to_owned();
        Err(self.died(service, status, last_seen, "it to end with success"))
    }

    /// Waits until a process of the run has ended.
    ///
    /// # Errors
    /// When there is none of this name.
    pub async fn wait_ended(&self, name: &str) -> Result<JobStatus, StackError> {
        loop {
            let status = self.guard.job(name)?;
            if status.pid.is_none() {
                return Ok(status);
            }
            tokio::time::sleep(POLL).await;
        }
    }

    async fn wait_ready(&self, service: ServiceName, begun: Instant) -> Result<(), StackError> {
        let condition = ready::condition(service);
        while let Err(last_seen) =
            ready::probe(service, &self.endpoints, &self.members, begun.elapsed()).await
        {
            let status = self.guard.job(service.as_str())?;
            if status.pid.is_none() {
                return Err(self.died(service, status, last_seen, condition));
            }
            if begun.elapsed() > self.ready_within {
                let tail = LogTail::read(&self.guard.run().log(service.as_str()));
                return Err(StackError::NotReady {
                    service,
                    waited: self.ready_within,
                    condition,
                    last_seen,
                    tail,
                });
            }
            tokio::time::sleep(PROBE).await;
        }
        let Err(error) = self.guard.mark_ready(service.as_str()) else {
            return Ok(());
        };
        // It has answered its last.
        let status = self.guard.job(service.as_str())?;
        Err(match status.pid {
            None => self.died(service, status, "its answer".to_owned(), condition),
            Some(_) => error.into(),
        })
    }

    /// The error for a service that ended by itself.
    pub fn death(&self, status: JobStatus) -> StackError {
        let tail = LogTail::read(&status.log);
        StackError::Ended {
            process: status.name,
            ended: status.ended.unwrap_or_else(|| "ended".to_owned()),
            tail,
        }
    }

    fn died(
        &self,
        service: ServiceName,
        status: JobStatus,
        last_seen: String,
        condition: &'static str,
    ) -> StackError {
        let ended = status.ended.unwrap_or_else(|| "ended".to_owned());
        StackError::Died {
            service,
            process: status.name,
            ended,
            condition,
            last_seen,
            tail: LogTail::read(&status.log),
        }
    }
}

#[async_trait]
impl crate::control::Control for Control {
    fn versions(&self) -> BTreeMap<String, String> {
        Self::versions(self)
    }

    fn native(&self) -> Option<&Self> {
        Some(self)
    }

    async fn stop(&self, service: ServiceName) -> Result<(), StackError> {
        Self::stop(self, service).await
    }

    async fn kill(&self, service: ServiceName) -> Result<(), StackError> {
        self.signal(service, nix::libc::SIGKILL)?;
        self.wait_ended(service.as_str()).await.map(drop)
    }

    async fn pause(&self, service: ServiceName) -> Result<(), StackError> {
        self.signal(service, nix::libc::SIGSTOP)
    }

    async fn resume(&self, service: ServiceName) -> Result<(), StackError> {
        self.signal(service, nix::libc::SIGCONT)
    }

    async fn start(&self, service: ServiceName) -> Result<(), StackError> {
        self.start_again(service, &NoProgress).await
    }

    async fn log(&self, service: ServiceName) -> Result<String, StackError> {
        let path = self.guard.run().log(service.as_str());
        let log = tokio::fs::read(&path)
            .await
            .map_err(|source| StackError::Log {
                service,
                path,
                source,
            })?;
        Ok(String::from_utf8_lossy(&log).into_owned())
    }

    /// Nothing: a stack of our own ends with the scenario that hurt it.
    async fn restore(&self) -> Result<(), StackError> {
        Ok(())
    }
}
