//! `stop`, `start`, `restart`, `kill`, `pause`, `resume`: what control over services can do.

use anyhow::Context as _;
use async_trait::async_trait;
use rustix::process::Signal;
use schemars::JsonSchema;
use serde::Deserialize;
use stack::native::StackError;
use stack::{Control, ServiceName};

use crate::runner::{Context, Observed, Process, Service, Step, StepError};

fn control(context: &Context) -> anyhow::Result<&dyn Control> {
    context
        .control
        .as_deref()
        .context("nobody here has control over the services")
}

/// A service of the stack by a name that may be that of a process, which the scenario would have started before.
fn service(name: &str) -> Result<ServiceName, StepError> {
    Ok(name.parse().map_err(|_| {
        anyhow::anyhow!(
            "no step has started {name}: `start_exporter` and `producer` with a `name` do"
        )
    })?)
}

async fn stop(context: &mut Context, name: &str) -> Result<(), StepError> {
    if context.has_process(name) {
        let stopped = context.stop(name).await;
        return stopped.map_err(|error| StepError::broken(name, error));
    }
    control(context)?
        .stop(service(name)?)
        .await
        .map_err(|error| StepError::broken(name, error))
}

async fn start(context: &Context, service: ServiceName) -> Result<(), StepError> {
    control(context)?
        .start(service)
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
    ($name:ident, $signal:expr, $by:ident) => {
        /// Name of a service of the stack, or of a process that the scenario started.
        #[derive(Debug, Deserialize, JsonSchema)]
        #[serde(transparent)]
        pub struct $name(Process);

        #[async_trait]
        impl Step for $name {
            async fn attempt(&self, context: &mut Context) -> Result<Observed, StepError> {
                if context.has_process(&self.0) {
                    signal(context, &self.0, $signal).await?;
                } else {
                    let done: Result<(), StackError> =
                        control(context)?.$by(service(&self.0)?).await;
                    done.map_err(|error| StepError::broken(&*self.0, error))?;
                }
                Ok(Observed::text("done"))
            }
        }
    };
}

fault!(Kill, Signal::KILL, kill);
fault!(Pause, Signal::STOP, pause);
fault!(Resume, Signal::CONT, resume);

/// Of a process of the scenario. Who is killed is gone afterwards.
async fn signal(context: &mut Context, name: &str, signal: Signal) -> anyhow::Result<()> {
    context.signal(name, signal.as_raw())?;
    if signal == Signal::KILL {
        context.ended(name).await?;
    }
    Ok(())
}
