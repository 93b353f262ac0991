//! Over HTTP: any answer that is no success is a refusal.

use anyhow::Result;
use stack::body;
use stack::security::{Identity, Keys, User};

use super::{Answer, Asks, Who};

/// Asks for the root, which each service answers. `password`: whether it asks for one, and not for a certificate.
pub(super) async fn ask(keys: &Keys, url: &str, who: Asks, password: bool) -> Result<Answer> {
    let (identity, url) = match who {
        Asks::Other(Who::PlainText) => (Identity::Nobody, url.replacen("https://", "http://", 1)),
        Asks::Other(who) => (who.identity(), url.to_owned()),
        Asks::Lab => (Identity::Of("lab"), url.to_owned()),
    };
    let client = keys.http_client(identity)?;
    let mut request = client.build()?.get(url);
    if password {
        let (name, password) = match who {
            Asks::Lab => (User::Jmx.to_string(), keys.password(User::Jmx).to_owned()),
            Asks::Other(who) => who.login(keys, User::Jmx),
        };
        if !name.is_empty() {
            request = request.basic_auth(name, Some(password));
        }
    }
    let answer = match request.send().await {
        Ok(answer) => answer,
        Err(error) => return Ok(Err(format!("{:#}", anyhow::Error::from(error)))),
    };
    let status = answer.status();
    let text = body::text(answer, body::LARGEST).await.unwrap_or_default();
    let words = format!("status {}: {}", status.as_u16(), body::shown(&text));
    // Where there is a page elsewhere, one has been let in.
    Ok(match status.is_success() || status.is_redirection() {
        true => Ok(format!("status {}", status.as_u16())),
        false => Err(words),
    })
}
