//! Connectors of runs.

use anyhow::Result;

use super::{Kind, Leftover, marked};
use crate::connect;
use crate::marks::Mark;

pub(super) async fn find(http: &reqwest::Client, rest: &str) -> Result<Vec<(Mark, Leftover)>> {
    let names = connect::names(http, rest).await?;
    Ok(names
        .into_iter()
        .filter_map(|name| {
            let mark = Mark::of(&name);
            marked(Kind::Connector, name, mark)
        })
        .collect())
}
