//! Of Postgres.

use std::time::Duration;

use anyhow::{Context as _, Result};
use stack::security::User;
use tokio_postgres::NoTls;
use tokio_postgres::config::SslMode;

use super::{Answer, Asks, Who};
use crate::runner::{Context, postgres};

pub(super) async fn ask(context: &Context, url: &str, who: Asks) -> Result<Answer> {
    let mut config = postgres::parse(&context.endpoints, url)?;
    config.connect_timeout(Duration::from_secs(5));
    let keys = context.endpoints.keys().context("a secure stack")?;
    let connected = match who {
        Asks::Lab => in_words(context.endpoints.postgres(&config).await),
        Asks::Other(Who::PlainText) => {
            config.ssl_mode(SslMode::Disable);
            in_words(config.connect(NoTls).await)
        }
        Asks::Other(who) => {
            let (name, password) = who.login(keys, User::Postgres);
            // The superuser has the name that its settings give it.
            if who != Who::WrongPassword {
                config.user(name);
            }
            config.password(password);
            in_words(context.endpoints.postgres(&config).await)
        }
    };
    Ok(connected)
}

fn in_words<T, E: std::error::Error + Send + Sync + 'static>(connected: Result<T, E>) -> Answer {
    match connected {
        Ok(_) => Ok("a connection".to_owned()),
        Err(error) => Err(format!("{:#}", anyhow::Error::from(error))),
    }
}
