//! One request over HTTP.

use super::words;

/// Body of a successful answer; otherwise what came instead.
pub(super) async fn get(url: &str) -> Result<String, String> {
    let answer = client()?
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

/// No proxy: everything that is asked here is named by address. `Client::new` would panic where there are no CA
/// certificates, as in a build sandbox.
fn client() -> Result<reqwest::Client, String> {
    reqwest::Client::builder()
        .no_proxy()
        .build()
        .map_err(|error| words(&error))
}
