//! Starting, stopping and hurting services that systemd runs.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures::future::try_join_all;

use super::unit::{Unit, UnitError};
use crate::endpoints::Endpoints;
use crate::log_tail;
use crate::native::StackError;
use crate::ready;
use crate::services::ServiceName;

/// Between two looks at a unit or a service.
const POLL: Duration = Duration::from_millis(100);

/// Control over services that are units of this machine.
#[derive(Debug)]
pub struct Control {
    endpoints: Endpoints,
    units: BTreeMap<ServiceName, Unit>,
    ready_within: Duration,
}

/// The unit of a service where nobody says which: nixpkgs' modules call theirs so, and this project's.
fn usual_unit(service: ServiceName) -> &'static str {
    match service {
        ServiceName::Zookeeper => "zookeeper.service",
        ServiceName::Kafka => "apache-kafka.service",
        ServiceName::Kafka2 => "apache-kafka-2.service",
        ServiceName::Kafka3 => "apache-kafka-3.service",
        ServiceName::Connect => "kafka-connect.service",
        ServiceName::Connect2 => "kafka-connect-2.service",
        ServiceName::Postgres => "postgresql.service",
        ServiceName::Prometheus => "prometheus.service",
        ServiceName::Exporter => "kafka-connect-lab-exporter.service",
        ServiceName::Producer => "kafka-connect-lab-producer.service",
    }
}

impl Control {
    /// Over the services that have endpoints or a unit in `units` of the endpoints. `ready_within`: how long each may take
    /// until it answers.
    ///
    /// # Errors
    /// When one has no unit on this machine, or its unit is down.
    pub async fn new(endpoints: Endpoints, ready_within: Duration) -> Result<Self, StackError> {
        let named = endpoints.of("units");
        let units: BTreeMap<_, _> = ServiceName::ALL
            .into_iter()
            .filter(|service| {
                named.contains_key(service.as_str()) || !endpoints.of(service.as_str()).is_empty()
            })
            .map(|service| {
                let name = named.get(service.as_str()).map(String::as_str);
                (service, Unit::new(name.unwrap_or(usual_unit(service))))
            })
            .collect();
        for (service, unit) in &units {
            let state = unit.state().await?;
            let name = unit.name().to_owned();
            if state.load == "not-found" {
                let service = service.as_str();
                return Err(UnitError::NotFound {
                    unit: name,
                    service,
                }
                .into());
            }
            if state.is_down() {
                let state = Box::new(state);
                return Err(UnitError::Down { unit: name, state }.into());
            }
        }
        Ok(Self {
            endpoints,
            units,
            ready_within,
        })
    }

    /// Waits until these services answer.
    ///
    /// # Errors
    /// When one ends, or does not answer in time.
    pub async fn wait_ready(&self, services: &[ServiceName]) -> Result<(), StackError> {
        let begun = Instant::now();
        try_join_all(services.iter().map(|service| self.ready(*service, begun)))
            .await
            .map(drop)
    }

    /// Whether the service is a unit here.
    pub fn has(&self, service: ServiceName) -> bool {
        self.units.contains_key(&service)
    }

    fn unit(&self, service: ServiceName) -> Result<&Unit, StackError> {
        self.units
            .get(&service)
            .ok_or(StackError::NoSuchService { service })
    }

    async fn ready(&self, service: ServiceName, begun: Instant) -> Result<(), StackError> {
        let unit = self.unit(service)?;
        let condition = ready::question(service);
        while let Err(last_seen) = ready::reach(service, &self.endpoints).await {
            let state = Box::new(unit.state().await?);
            let late = begun.elapsed() > self.ready_within;
            if state.is_down() || late {
                let journal = unit.journal().await.unwrap_or_default();
                let name = unit.name().to_owned();
                let tail = tail(&journal);
                return Err(if state.is_down() {
                    UnitError::Ended {
                        unit: name,
                        state,
                        condition,
                        last_seen,
                        tail,
                    }
                } else {
                    UnitError::NotReady {
                        unit: name,
                        waited: self.ready_within,
                        condition,
                        last_seen,
                        tail,
                    }
                }
                .into());
            }
            tokio::time::sleep(POLL).await;
        }
        Ok(())
    }

    async fn bring_up(&self, service: ServiceName) -> Result<(), StackError> {
        let begun = Instant::now();
        ready::vacant(service, &self.endpoints, self.ready_within).await;
        self.unit(service)?.start().await?;
        self.ready(service, begun).await
    }
}

fn tail(journal: &str) -> String {
    log_tail::of(journal)
        .iter()
        .map(|line| format!("    {line}\n"))
        .collect()
}

#[async_trait]
impl crate::control::Control for Control {
    /// What the file of endpoints says: systemd does not know.
    fn versions(&self) -> BTreeMap<String, String> {
        self.endpoints.of("versions")
    }

    async fn stop(&self, service: ServiceName) -> Result<(), StackError> {
        Ok(self.unit(service)?.stop().await?)
    }

    /// A unit with `Restart=` would come back by itself, so it is stopped while systemd still waits for its `RestartSec`.
    async fn kill(&self, service: ServiceName) -> Result<(), StackError> {
        let unit = self.unit(service)?;
        let before = unit.state().await?;
        unit.signal("SIGKILL").await?;
        unit.stop().await?;
        if unit.state().await?.restarts > before.restarts {
            let unit = unit.name().to_owned();
            return Err(UnitError::Restarted { unit }.into());
        }
        Ok(())
    }

    async fn pause(&self, service: ServiceName) -> Result<(), StackError> {
        Ok(self.unit(service)?.signal("SIGSTOP").await?)
    }

    async fn resume(&self, service: ServiceName) -> Result<(), StackError> {
        Ok(self.unit(service)?.signal("SIGCONT").await?)
    }

    async fn start(&self, service: ServiceName) -> Result<(), StackError> {
        self.bring_up(service).await
    }

    async fn log(&self, service: ServiceName) -> Result<String, StackError> {
        Ok(self.unit(service)?.journal().await?)
    }

    async fn restore(&self) -> Result<(), StackError> {
        // In the order of `ALL`: each after what it needs.
        for service in ServiceName::ALL.into_iter().filter(|name| self.has(*name)) {
            let unit = self.unit(service)?;
            if unit.state().await?.is_down() {
                self.bring_up(service).await?;
            } else {
                // Of no effect on one that was not paused, and refused where no process runs.
                let _ = unit.signal("SIGCONT").await;
            }
        }
        Ok(())
    }
}
