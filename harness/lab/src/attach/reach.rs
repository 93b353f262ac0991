//! Whether the services behind endpoints answer, asked before anything is made on them.

use std::path::Path;

use anyhow::{Result, bail};
use futures::future::join_all;
use stack::{Endpoints, Profile, ServiceName, ready};

use crate::words::without_password;

/// Asks each service, with who needs it, and says of all that do not answer what was tried.
///
/// # Errors
/// When one does not answer.
pub async fn reach(
    services: &[(ServiceName, Vec<&str>)],
    endpoints: &Endpoints,
    file: &Path,
) -> Result<()> {
    let asked = services.iter().map(|(service, needed_by)| async move {
        let seen = ready::reach(*service, endpoints).await.err()?;
        let addresses = endpoints.of(service.as_str());
        let key = service
            .service()
            .ports(Profile::default())
            .first()
            .map_or("", |(key, _)| key);
        let address = addresses.get(key).map_or("", String::as_str);
        let mut text = format!(
            "{service} does not answer at {}\n  tried: {}\n  seen: {seen}",
            without_password(address),
            ready::question(*service)
        );
        if let Some((first, rest)) = needed_by.split_first() {
            let others = match rest.len() {
                0 => String::new(),
                number => format!(" and {number} more"),
            };
            text.push_str(&format!("\n  needed by: {first}{others}"));
        }
        Some(text)
    });
    let silent: Vec<_> = join_all(asked).await.into_iter().flatten().collect();
    if silent.is_empty() {
        return Ok(());
    }
    bail!(
        "{}\n  what to do: start what does not run, or correct the address in {}; nothing was made anywhere",
        silent.join("\n"),
        file.display()
    )
}
