//! Prometheus has every target of this run `up`.

use serde::Deserialize;

use super::{http, words};
use crate::endpoints::Endpoints;
use crate::services::ServiceName;
use crate::services::prometheus::settings;

#[derive(Deserialize)]
struct Answer {
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    #[serde(rename = "activeTargets")]
    active: Vec<Target>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Target {
    scrape_pool: String,
    health: String,
    last_error: String,
}

pub(super) async fn probe(endpoints: &Endpoints, members: &[ServiceName]) -> Result<(), String> {
    let url = endpoints
        .endpoint("lab", "prometheus", "http")
        .map_err(|error| error.to_string())?;
    http::get(endpoints, &format!("{url}/-/ready")).await?;
    let body = http::get(endpoints, &format!("{url}/api/v1/targets?state=active")).await?;
    let answer: Answer = serde_json::from_str(&body)
        .map_err(|error| format!("/api/v1/targets is not a list of targets: {error}"))?;
    let jobs = settings().map_err(|error| words(&error))?.jobs;
    for (job, _) in jobs
        .iter()
        .filter(|(_, job)| members.contains(&job.service))
    {
        let mut targets = answer
            .data
            .active
            .iter()
            .filter(|target| target.scrape_pool == *job)
            .peekable();
        if targets.peek().is_none() {
            return Err(format!("{job} is not a target yet"));
        }
        if let Some(target) = targets.find(|target| target.health != "up") {
            return Err(format!(
                "target {job} is {} ({})",
                target.health, target.last_error
            ));
        }
    }
    Ok(())
}
