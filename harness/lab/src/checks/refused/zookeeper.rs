//! Of ZooKeeper: a four letter word is answered, or it is not.

use stack::ready;
use stack::security::{Identity, Keys};

use super::{Answer, Asks, Who};

pub(super) async fn ask(keys: &Keys, address: &str, who: Asks) -> Answer {
    let identity = match who {
        Asks::Lab => Some(Identity::Of("lab")),
        Asks::Other(Who::PlainText) => None,
        Asks::Other(who) => Some(who.identity()),
    };
    match ready::four_letters(identity.map(|identity| (keys, identity)), address, "srvr").await {
        Ok(answer) if answer.is_empty() => Err("closed without an answer".to_owned()),
        Ok(answer) => Ok(answer),
        Err(error) => Err(error.to_string()),
    }
}
