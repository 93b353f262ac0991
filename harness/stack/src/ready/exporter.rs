//! The exporter's `/ready` answers 200.

use super::http;
use crate::endpoints::Endpoints;

pub(super) async fn probe(endpoints: &Endpoints) -> Result<(), String> {
    let url = endpoints
        .endpoint("lab", "exporter", "http")
        .map_err(|error| error.to_string())?;
    http::get(endpoints, &format!("{url}/ready"))
        .await
        .map(drop)
}
