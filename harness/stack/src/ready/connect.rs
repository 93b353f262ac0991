//! Connect lists the plugins of `services/connect/settings.json`, and says that it has started.

use serde::Deserialize;

use super::{http, words};
use crate::endpoints::Endpoints;
use crate::services::ServiceName;
use crate::services::connect::settings;

#[derive(Deserialize)]
struct Plugin {
    class: String,
}

pub(super) async fn probe(worker: ServiceName, endpoints: &Endpoints) -> Result<(), String> {
    let rest = endpoints
        .endpoint("lab", worker.as_str(), "rest")
        .map_err(|error| error.to_string())?;
    let settings = settings().map_err(|error| words(&error))?;
    let body = http::get(endpoints, &format!("{rest}/connector-plugins")).await?;
    let plugins: Vec<Plugin> = serde_json::from_str(&body)
        .map_err(|error| format!("/connector-plugins is not a list of plugins: {error}"))?;
    if let Some(missing) = settings
        .plugins
        .iter()
        .find(|class| !plugins.iter().any(|plugin| plugin.class == **class))
    {
        let listed: Vec<_> = plugins.iter().map(|plugin| plugin.class.as_str()).collect();
        return Err(format!(
            "plugin {missing} is not among {}",
            listed.join(", ")
        ));
    }
    // Plugins are listed before the worker has read its topics and joined its group, and then connectors are an empty list: its
    // health is good when it has (KIP-1017).
    http::get(endpoints, &format!("{rest}/health"))
        .await
        .map(drop)
}

/// Whatever plugins it has: a scenario that lacks one hears so from Connect.
pub(super) async fn reach(endpoints: &Endpoints) -> Result<(), String> {
    let rest = endpoints
        .endpoint("lab", "connect", "rest")
        .map_err(|error| error.to_string())?;
    let body = http::get(endpoints, &format!("{rest}/connectors")).await?;
    serde_json::from_str::<Vec<String>>(&body)
        .map(drop)
        .map_err(|error| format!("/connectors is not a list of connectors: {error}"))
}
