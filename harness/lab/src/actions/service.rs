//! `stop`, `start`, `restart`, `kill`, `pause`, `resume`: what control over services can do.

use anyhow::Context as _;
use async_trait::async_trait;
use rustix::process::Signal;
use schemars::JsonSchema;
use serde::Deserialize;
use stack::ServiceName;
use stack::native::{Control, Quiet};

use crate::runner::{Context, Observed, Process, Service, Step, StepError};

fn control(context: &Context) -> anyhow::Result<&Control> {
    context
        .control
        .as_deref()
        .context("nobody here has control over the services")
}

/// A service of the stack by a name that may be that of a process, which the scenario would have started before.
fn service(name: &str) -> Result<ServiceName, StepError> {
    Ok(name
        .parse()
        .map_err(|_| anyhow::anyhow!("no step has started {name}: `start_exporter` does"))?)
}

async fn stop(context: &mut Context, name: &str) -> Result<(), StepError> {
    if context.has_process(name) {
        return Ok(context.stop(name).await?);
    }
    control(context)?
        .stop(service(name)?)
        .await
        .map_err(|error| StepError::broken(name, error))
}

async fn start(context: &Context, service: ServiceName) -> Result<(), StepError> {
    control(context)?
        .start_again(service, &Quiet)
        .await
        .map_err(|error| StepError::broken(service.as_str(), error))
}

/// Name of a service of the stack, or of a process that the scenario started.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Stop(Process);

#[async_trait]
impl Step for Stop {
    async fn attempt(&self, context: &mut Context) -> Result<Observed, StepError> {
        stop(context, &self.0).await?;
        Ok(Observed::text("stopped"))
    }
}

/// Name of a service of the stack.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Start(Service);

#[async_trait]
impl Step for Start {
    async fn attempt(&self, context: &mut Context) -> Result<Observed, StepError> {
        start(context, self.0.0).await?;
        Ok(Observed::text("ready"))
    }
}

/// Name of a service of the stack.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Restart(Service);

#[async_trait]
impl Step for Restart {
    async fn attempt(&self, context: &mut Context) -> Result<Observed, StepError> {
        stop(context, self.0.0.as_str()).await?;
        start(context, self.0.0).await?;
        Ok(Observed::text("ready"))
    }
}

macro_rules! fault {
    ($name:ident, $signal:expr, $ends:expr) => {
        /// Name of a service of the stack, or of a process that the scenario started.
        #[derive(Debug, Deserialize, JsonSchema)]
        #[serde(transparent)]
        pub struct $name(Process);

        #[async_trait]
        impl Step for $name {
            async fn attempt(&self, context: &mut Context) -> Result<Observed, StepError> {
                signal(context, &self.0, $signal, $ends).await
            }
        }
    };
}

fault!(Kill, Signal::KILL, true);
fault!(Pause, Signal::STOP, false);
fault!(Resume, Signal::CONT, false);

/// `ends`: whether the process is gone afterwards.
async fn signal(
    context: &Context,
    name: &str,
    signal: Signal,
    ends: bool,
) -> Result<Observed, StepError> {
    if context.has_process(name) {
        context.signal(name, signal.as_raw())?;
        if ends {
            context.ended(name).await?;
        }
    } else {
        let control = control(context)?;
        control
            .signal(service(name)?, signal.as_raw())
            .map_err(|error| StepError::broken(name, error))?;
        if ends {
            control
                .wait_ended(name)
                .await
                .map_err(|error| StepError::broken(name, error))?;
        }
    }
    Ok(Observed::text("done"))
}
