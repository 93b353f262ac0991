//! Replication slots, publications and databases of runs.

use anyhow::Result;
use stack::Endpoints;

use super::{Databases, Kind, Leftover, marked};
use crate::marks::Mark;
use crate::runner::postgres;

pub(super) async fn find(
    endpoints: &Endpoints,
    url: &str,
    databases: &Databases,
) -> Result<Vec<(Mark, Leftover)>> {
    let server = postgres::connect_as_given(endpoints, url).await?;
    let mut found = Vec::new();
    for row in server
        .query(
            "SELECT slot_name::text, database::text FROM pg_replication_slots",
            &[],
        )
        .await?
    {
        let (slot, database): (String, Option<String>) = (row.get(0), row.get(1));
        // One of any name in a scenario's database keeps that from going.
        let mark = Mark::of(&slot).or_else(|| Mark::of(database.as_deref()?));
        found.extend(marked(Kind::Slot, slot, mark));
    }
    let mut others = Vec::new();
    let all = "SELECT datname::text, datallowconn AND has_database_privilege(datname, 'CONNECT') FROM pg_database";
    for row in server.query(all, &[]).await? {
        let (name, may_connect): (String, bool) = (row.get(0), row.get(1));
        match Mark::of(&name) {
            Some(mark) => found.extend(marked(Kind::Database, name, Some(mark))),
            None if may_connect => others.push(name),
            None => {}
        }
    }
    if let Databases::Named(named) = databases {
        others.retain(|name| named.contains(name));
    }
    for database in others {
        // A server may let us see a database and yet keep us out: then no scenario was in there either.
        let Ok(client) = postgres::connect(endpoints, url, &database).await else {
            continue;
        };
        for row in client
            .query("SELECT pubname::text FROM pg_publication", &[])
            .await?
        {
            let name: String = row.get(0);
            let mark = Mark::of(&name);
            let of_here = marked(Kind::Publication, name, mark).map(|(mark, leftover)| {
                let database = Some(database.clone());
                (
                    mark,
                    Leftover {
                        database,
                        ..leftover
                    },
                )
            });
            found.extend(of_here);
        }
    }
    Ok(found)
}

pub(super) async fn drop_slot(endpoints: &Endpoints, url: &str, name: &str) -> Result<()> {
    let server = postgres::connect_as_given(endpoints, url).await?;
    postgres::drop_slots(&server, "slot_name", name).await
}

pub(super) async fn drop_publication(
    endpoints: &Endpoints,
    url: &str,
    database: &str,
    name: &str,
) -> Result<()> {
    let client = postgres::connect(endpoints, url, database).await?;
    let sql = format!("DROP PUBLICATION IF EXISTS {}", postgres::quoted(name));
    Ok(client.batch_execute(&sql).await?)
}

pub(super) async fn drop_database(endpoints: &Endpoints, url: &str, name: &str) -> Result<()> {
    let server = postgres::connect_as_given(endpoints, url).await?;
    postgres::drop_database(&server, name).await
}
