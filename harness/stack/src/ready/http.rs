//! One request over HTTP.

use super::words;
use crate::endpoints::Endpoints;

/// Body of a successful answer; otherwise what came instead.
pub(super) async fn get(endpoints: &Endpoints, url: &str) -> Result<String, String> {
    let client = endpoints.http_client().map_err(|error| words(&error))?;
    let client = client.build().map_err(|error| words(&error))?;
    let answer = client
        .get(url)
        .send()
        .await
        .map_err(|error| words(&error))?;
    let status = answer.status();
    let body = answer.text().await.map_err(|error| words(&error))?;
    if status.is_success() {
        Ok(body)
    } else {
        Err(format!("{url} answered {status}: {}", body.trim()))
    }
}
