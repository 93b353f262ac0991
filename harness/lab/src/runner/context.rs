//! What a step sees: the stack, and what this scenario has made on it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use anyhow::{Context as _, Result};
use stack::Endpoints;
use stack::native::Control;
use tokio_postgres::{Client, NoTls};

use super::kafka::TopicReader;

/// The surroundings of one instance of a scenario.
pub struct Context {
    /// Where everything is.
    pub endpoints: Endpoints,
    /// Control over services, where somebody has it.
    pub control: Option<Arc<Control>>,
    /// Names that the scenario makes begin with this, so that scenarios do not meet.
    pub prefix: String,
    /// One client for all requests.
    pub http: reqwest::Client,
    readers: BTreeMap<String, Arc<Mutex<TopicReader>>>,
    databases: BTreeMap<String, Client>,
    connectors: BTreeSet<String>,
}

impl Context {
    /// Surroundings of a scenario that has not begun.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn new(endpoints: Endpoints, control: Option<Arc<Control>>, prefix: String) -> Result<Self> {
        // Everything asked here has an address of its own: a proxy meant for the internet would be in the way.
        let http = reqwest::Client::builder().no_proxy().timeout(std::time::Duration::from_secs(10)).build()?;
        Ok(Self {
            endpoints,
            control,
            prefix,
            http,
            readers: BTreeMap::new(),
            databases: BTreeMap::new(),
            connectors: BTreeSet::new(),
        })
    }

    /// How the runner reaches a service.
    ///
    /// # Errors
    /// When the stack has no such endpoint.
    pub fn endpoint(&self, service: &str, key: &str) -> Result<&str> {
        Ok(self.endpoints.endpoint("lab", service, key)?)
    }

    /// The reader of a topic, which remembers what this scenario has looked at.
    ///
    /// # Errors
    /// When no consumer can be made.
    pub fn reader(&mut self, topic: &str) -> Result<Arc<Mutex<TopicReader>>> {
        if let Some(reader) = self.readers.get(topic) {
            return Ok(Arc::clone(reader));
        }
        let reader = Arc::new(Mutex::new(TopicReader::new(self.endpoint("kafka", "bootstrap")?, topic)?));
        self.readers.insert(topic.to_owned(), Arc::clone(&reader));
        Ok(reader)
    }

    /// A connection to a database, made on first use.
    ///
    /// # Errors
    /// When Postgres does not let us in.
    pub async fn database(&mut self, name: &str) -> Result<&Client> {
        if self.databases.get(name).is_none_or(Client::is_closed) {
            let client = connect(self.endpoint("postgres", "sql")?, name).await?;
            self.databases.insert(name.to_owned(), client);
        }
        self.databases.get(name).context("the connection was just made")
    }

    /// Makes the scenario's own database.
    ///
    /// # Errors
    /// When Postgres refuses.
    pub async fn make_database(&mut self) -> Result<()> {
        let name = self.prefix.clone();
        let client = self.database("postgres").await?;
        client.batch_execute(&format!("CREATE DATABASE \"{name}\"")).await.context("cannot make a database")
    }

    /// Notes a connector to be removed at the end.
    pub fn made_connector(&mut self, name: &str) {
        self.connectors.insert(name.to_owned());
    }

    /// A connector that the scenario has deleted itself.
    pub fn deleted_connector(&mut self, name: &str) {
        self.connectors.remove(name);
    }

    /// Removes what the scenario made: connectors first, since they hold slots; then slots, and the database.
    ///
    /// Topics go with the stack when it is ours.
    ///
    /// # Errors
    /// The first thing that could not be removed; the others are tried all the same.
    pub async fn clean_up(mut self, has_database: bool) -> Result<()> {
        let mut first_error = Ok(());
        for name in std::mem::take(&mut self.connectors) {
            let removed = crate::connect::delete(&self, &name).await;
            first_error = first_error.and(removed.with_context(|| format!("cannot delete connector {name}")));
        }
        if has_database {
            let prefix = self.prefix.clone();
            self.databases.retain(|name, _| name == "postgres");
            let dropped = async {
                let client = self.database("postgres").await?;
                drop_database(client, &prefix).await
            };
            first_error = first_error.and(dropped.await.with_context(|| format!("cannot drop database {prefix}")));
        }
        first_error
    }
}

async fn drop_database(client: &Client, name: &str) -> Result<()> {
    // A slot is released a moment after its connector's connection ends; dropping ends what is still connected.
    let slots = "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE database = $1 AND active";
    client.execute(slots, &[&name]).await?;
    for attempt in 0.. {
        let dropped = client
            .execute(
                "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = $1",
                &[&name],
            )
            .await;
        match dropped {
            Ok(_) => break,
            Err(error) if attempt == 20 => return Err(error.into()),
            Err(_) => tokio::time::sleep(std::time::Duration::from_millis(100)).await,
        }
    }
    client.batch_execute(&format!("DROP DATABASE \"{name}\" WITH (FORCE)")).await?;
    Ok(())
}

async fn connect(url: &str, database: &str) -> Result<Client> {
    let mut config: tokio_postgres::Config = url.parse().context("the endpoint of postgres is not a connection string")?;
    config.dbname(database);
    let (client, connection) =
        config.connect(NoTls).await.with_context(|| format!("cannot connect to database {database}"))?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection to Postgres ended");
        }
    });
    Ok(client)
}
