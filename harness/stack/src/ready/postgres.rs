//! Postgres answers SQL; the databases of `services/postgres/settings.json` are made when they are not there.

use super::words;
use crate::endpoints::Endpoints;
use crate::services::postgres_settings;

pub(super) async fn probe(endpoints: &Endpoints) -> Result<(), String> {
    let url = endpoints
        .endpoint("lab", "postgres", "sql")
        .map_err(|error| error.to_string())?;
    let settings = postgres_settings().map_err(|error| words(&error))?;
    let config = endpoints
        .postgres_config(url)
        .map_err(|error| words(&error))?;
    let (client, connection) = endpoints
        .postgres(&config)
        .await
        .map_err(|error| words(&error))?;
    let task = tokio::spawn(connection);
    for database in settings.databases {
        let known = client
            .query_opt("SELECT FROM pg_database WHERE datname = $1", &[&database])
            .await
            .map_err(|error| words(&error))?;
        if known.is_none() {
            let quoted = database.replace('"', "\"\"");
            client
                .batch_execute(&format!("CREATE DATABASE \"{quoted}\""))
                .await
                .map_err(|error| words(&error))?;
        }
    }
    drop(client);
    task.await
        .map_err(|error| words(&error))?
        .map_err(|error| words(&error))
}

pub(super) async fn reach(endpoints: &Endpoints) -> Result<(), String> {
    let url = endpoints
        .endpoint("lab", "postgres", "sql")
        .map_err(|error| error.to_string())?;
    let config = endpoints
        .postgres_config(url)
        .map_err(|error| words(&error))?;
    let (client, connection) = endpoints
        .postgres(&config)
        .await
        .map_err(|error| words(&error))?;
    let task = tokio::spawn(connection);
    let answer = client.simple_query("SELECT 1").await;
    task.abort();
    answer.map(drop).map_err(|error| words(&error))
}
