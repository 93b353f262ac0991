//! `pause_connector`, `resume_connector`, `restart_connector`, `delete_connector`

use async_trait::async_trait;
use reqwest::Method;
use scenario::TextOr;
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

/// Restarts a connector with its tasks: `restart_connector = "NAME"`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(from = "TextOr<RestartOf>")]
pub struct Restart(RestartOf);

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RestartOf {
    /// Its name.
    name: String,
    /// Only the tasks that have failed, and the connector if it has; what runs is left alone.
    #[serde(default)]
    only_failed: bool,
}

impl From<TextOr<RestartOf>> for Restart {
    fn from(written: TextOr<RestartOf>) -> Self {
        Self(match written {
            TextOr::Full(full) => full,
            TextOr::Text(name) => RestartOf {
                name,
                only_failed: false,
            },
        })
    }
}

/// What is seen where only what has failed is restarted, and nothing has.
pub const NOTHING_FAILED: &str = "nothing had failed";

#[async_trait]
impl Step for Restart {
    async fn attempt(&self, context: &mut Context) -> Result<Observed, StepError> {
        let RestartOf { name, only_failed } = &self.0;
        context.own("connector", name)?;
        let broken = |error| StepError::broken("connect", error);
        let mut failed = Vec::new();
        if *only_failed
            && let Some(status) = connect::status(context, name).await.map_err(broken)?
        {
            failed = status.failed();
        }
        // KIP-745
        let path = format!(
            "/connectors/{}/restart?includeTasks=true&onlyFailed={only_failed}",
            segment(name)
        );
        connect::request(context, Method::POST, &path, None)
            .await
            .map_err(broken)?;
        Ok(Observed::text(match failed.as_slice() {
            _ if !only_failed => "done".to_owned(),
            [] => NOTHING_FAILED.to_owned(),
            failed => format!("had failed: {}", failed.join(", ")),
        }))
    }
}

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
