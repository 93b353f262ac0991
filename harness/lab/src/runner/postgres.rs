//! Connections to Postgres, and the scenario's own database.

use std::time::Duration;

use anyhow::{Context as _, Result};
use stack::Endpoints;
use tokio_postgres::config::Host;
use tokio_postgres::{Client, Config};

/// Reads a connection string.
pub fn parse(endpoints: &Endpoints, url: &str) -> Result<Config> {
    endpoints
        .postgres_config(url)
        .context("the endpoint of postgres is not a connection string")
}

/// The first host.
pub fn host(config: &Config) -> String {
    match config.get_hosts().first() {
        Some(Host::Tcp(host)) => host.clone(),
        Some(Host::Unix(path)) => path.display().to_string(),
        None => "localhost".to_owned(),
    }
}

/// The first port.
pub fn port(config: &Config) -> u16 {
    config.get_ports().first().copied().unwrap_or(5432)
}

/// Connects to the database that the connection string names: that one is there on any server.
pub async fn connect_as_given(endpoints: &Endpoints, url: &str) -> Result<Client> {
    let named = parse(endpoints, url)?.get_dbname().map(str::to_owned);
    connect(endpoints, url, named.as_deref().unwrap_or("postgres")).await
}

/// Connects to a database of the server that the connection string names.
pub async fn connect(endpoints: &Endpoints, url: &str, database: &str) -> Result<Client> {
    let mut config = parse(endpoints, url)?;
    config
        .dbname(database)
        .connect_timeout(Duration::from_secs(5));
    let (client, connection) = endpoints
        .postgres(&config)
        .await
        .with_context(|| format!("cannot connect to database {database}"))?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection to Postgres ended");
        }
    });
    Ok(client)
}

/// Makes a database.
pub async fn create_database(server: &Client, name: &str) -> Result<()> {
    let sql = format!("CREATE DATABASE {}", quoted(name));
    server
        .batch_execute(&sql)
        .await
        .with_context(|| format!("cannot make database {name}"))
}

/// Drops a database with its replication slots; one that is not there is no error.
pub async fn drop_database(server: &Client, name: &str) -> Result<()> {
    drop_slots(server, "database", name).await?;
    server
        .batch_execute(&format!(
            "DROP DATABASE IF EXISTS {} WITH (FORCE)",
            quoted(name)
        ))
        .await?;
    Ok(())
}

/// Drops the replication slots whose `column` (`slot_name` or `database`) is this, whoever holds them.
pub async fn drop_slots(server: &Client, column: &'static str, value: &str) -> Result<()> {
    let end = format!(
        "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE {column} = $1 AND active"
    );
    let drop = format!(
        "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE {column} = $1"
    );
    // A connector's walsender lets go of its slot a moment after it was told to end.
    for attempt in 1.. {
        server.execute(&end, &[&value]).await?;
        match server.execute(&drop, &[&value]).await {
            Ok(_) => break,
            Err(error) if attempt == 50 => return Err(error.into()),
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
    Ok(())
}

/// An identifier, quoted.
pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
