//! `pause_connector`, `resume_connector`, `restart_connector`, `delete_connector`

use async_trait::async_trait;
use reqwest::Method;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::connect::{self, segment};
use crate::runner::{Context, Observed, Step, StepError};

macro_rules! by_name {
    ($(#[$doc:meta])* $name:ident, $method:expr, $path:expr) => {
        $(#[$doc])*
        #[derive(Debug, Deserialize, JsonSchema)]
        #[serde(transparent)]
        pub struct $name(String);

        #[async_trait]
        impl Step for $name {
            async fn attempt(&self, context: &mut Context) -> Result<Observed, StepError> {
                context.own("connector", &self.0)?;
                let path = format!($path, segment(&self.0));
                connect::request(context, $method, &path, None)
                    .await
                    .map_err(|error| StepError::broken("connect", error))?;
                Ok(Observed::text("done"))
            }
        }
    };
}

by_name!(
    /// Name of the connector to pause.
    Pause, Method::PUT, "/connectors/{}/pause"
);
by_name!(
    /// Name of the connector to resume.
    Resume, Method::PUT, "/connectors/{}/resume"
);
by_name!(
    /// Name of the connector to restart, its tasks included.
    Restart, Method::POST, "/connectors/{}/restart?includeTasks=true"
);

/// Name of the connector to delete.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Delete(String);

#[async_trait]
impl Step for Delete {
    async fn attempt(&self, context: &mut Context) -> Result<Observed, StepError> {
        context.own("connector", &self.0)?;
        connect::delete(context, &self.0)
            .await
            .map_err(|error| StepError::broken("connect", error))?;
        context.deleted_connector(&self.0);
        Ok(Observed::text("deleted"))
    }
}
