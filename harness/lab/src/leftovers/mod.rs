//! What runs made on a cluster, found by the marks in its names, and removed.

mod connectors;
mod kafka;
mod postgres;

use anyhow::{Context as _, Result};
use serde::Serialize;
use stack::Endpoints;

use crate::marks::Mark;

/// Kinds of things in the order in which they are removed: each holds on to what follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, strum::Display)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Kind {
    /// A connector, with its offsets.
    Connector,
    /// A replication slot.
    Slot,
    /// A publication in a database that is not a scenario's.
    Publication,
    /// A database.
    Database,
    /// A topic.
    Topic,
    /// A consumer group.
    Group,
}

/// One thing that a run made.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Leftover {
    /// What it is.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// Where a publication is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
    /// Id of the run that made it.
    pub run: String,
}

impl std::fmt::Display for Leftover {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} {}", self.kind, self.name)?;
        self.database
            .iter()
            .try_for_each(|database| write!(formatter, " of database {database}"))
    }
}

/// Where to look for publications, beside the databases of scenarios, which go as a whole.
#[derive(Debug, Clone)]
pub enum Databases {
    /// Everywhere where we may connect.
    All,
    /// In these.
    Named(Vec<String>),
}

/// Where things are looked for and removed: the services that a file of endpoints names.
#[derive(Debug, Clone)]
pub struct Cluster {
    http: reqwest::Client,
    rest: Option<String>,
    sql: Option<String>,
    bootstrap: Option<String>,
    endpoints: Endpoints,
}

impl Cluster {
    /// The cluster behind these endpoints.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn new(endpoints: &Endpoints) -> Result<Self> {
        let of = |service, key| {
            let address = endpoints.endpoint("lab", service, key).ok()?;
            Some(address.to_owned())
        };
        Ok(Self {
            http: endpoints
                .http_client()?
                .timeout(std::time::Duration::from_secs(30))
                .build()?,
            rest: of("connect", "rest"),
            sql: of("postgres", "sql"),
            bootstrap: of("kafka", "bootstrap"),
            endpoints: endpoints.clone(),
        })
    }

    /// Everything whose mark is wanted, in the order in which it has to be removed.
    ///
    /// # Errors
    /// When a service does not answer.
    pub async fn find(
        &self,
        is_wanted: &(dyn Fn(&Mark) -> bool + Sync),
        databases: &Databases,
    ) -> Result<Vec<Leftover>> {
        let mut found = Vec::new();
        if let Some(rest) = &self.rest {
            found.extend(connectors::find(&self.http, rest).await?);
        }
        if let Some(sql) = &self.sql {
            found.extend(postgres::find(&self.endpoints, sql, databases).await?);
        }
        if let Some(bootstrap) = &self.bootstrap {
            found.extend(kafka::find(&self.endpoints, bootstrap).await?);
        }
        let mut wanted: Vec<_> = found
            .into_iter()
            .filter(|(mark, _)| is_wanted(mark))
            .map(|(_, leftover)| leftover)
            .collect();
        wanted.sort();
        wanted.dedup();
        Ok(wanted)
    }

    /// Removes one thing; that it is gone already is no error.
    ///
    /// # Errors
    /// When it stays.
    pub async fn remove(&self, leftover: &Leftover) -> Result<()> {
        let name = leftover.name.as_str();
        let sql = || self.sql.as_deref().context("no endpoint of postgres");
        let bootstrap = || self.bootstrap.as_deref().context("no endpoint of kafka");
        let removed = match leftover.kind {
            Kind::Connector => {
                let rest = self.rest.as_deref().context("no endpoint of connect")?;
                crate::connect::remove(&self.http, rest, name).await
            }
            Kind::Slot => postgres::drop_slot(&self.endpoints, sql()?, name).await,
            Kind::Publication => {
                let database = leftover.database.as_deref().unwrap_or("postgres");
                postgres::drop_publication(&self.endpoints, sql()?, database, name).await
            }
            Kind::Database => postgres::drop_database(&self.endpoints, sql()?, name).await,
            Kind::Topic => kafka::delete_topic(&self.endpoints, bootstrap()?, name).await,
            Kind::Group => kafka::delete_group(&self.endpoints, bootstrap()?, name).await,
        };
        removed.with_context(|| format!("cannot remove {leftover}"))
    }

    /// Finds and removes everything whose mark is wanted; what stayed, with the reason, is the error.
    ///
    /// # Errors
    /// When a service does not answer, or something stays.
    pub async fn sweep(
        &self,
        is_wanted: &(dyn Fn(&Mark) -> bool + Sync),
        databases: &Databases,
    ) -> Result<Vec<Leftover>> {
        let found = self.find(is_wanted, databases).await?;
        let mut stayed = Vec::new();
        for leftover in &found {
            if let Err(error) = self.remove(leftover).await {
                stayed.push(format!("{error:#}"));
            }
        }
        match stayed.is_empty() {
            true => Ok(found),
            false => anyhow::bail!(stayed.join("; ")),
        }
    }
}

fn marked(kind: Kind, name: String, mark: Option<Mark>) -> Option<(Mark, Leftover)> {
    let mark = mark?;
    let leftover = Leftover {
        kind,
        name,
        database: None,
        run: mark.run().to_owned(),
    };
    Some((mark, leftover))
}
