//! What can be done to the services of a stack, however they are run.

use std::collections::BTreeMap;
use std::fmt;

use async_trait::async_trait;

use crate::native::{self, StackError};
use crate::services::ServiceName;

/// Control over the services of a stack: [`crate::native`] has it over processes of its own, [`crate::systemd`] over units.
#[async_trait]
pub trait Control: fmt::Debug + Send + Sync {
    /// Versions of what it is made of, by component, as far as they are known.
    fn versions(&self) -> BTreeMap<String, String>;

    /// This, where the services are processes of the lab's own: only those can be started with other settings.
    fn native(&self) -> Option<&native::Control> {
        None
    }

    /// Asks a service to end, and waits until it has.
    async fn stop(&self, service: ServiceName) -> Result<(), StackError>;

    /// Ends a service with SIGKILL, and waits until it is gone. It stays gone until [`Control::start`].
    async fn kill(&self, service: ServiceName) -> Result<(), StackError>;

    /// Stops a service with SIGSTOP: it hangs.
    async fn pause(&self, service: ServiceName) -> Result<(), StackError>;

    /// Lets a paused service go on.
    async fn resume(&self, service: ServiceName) -> Result<(), StackError>;

    /// Starts a service that has ended, and waits until it is ready.
    async fn start(&self, service: ServiceName) -> Result<(), StackError>;

    /// Everything that a service has logged.
    async fn log(&self, service: ServiceName) -> Result<String, StackError>;

    /// Brings back what a scenario left stopped, killed or paused, on a stack that outlives the scenario.
    async fn restore(&self) -> Result<(), StackError>;
}
