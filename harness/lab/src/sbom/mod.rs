//! What all of this is made of, for programs that look for known vulnerabilities and licences: a bill of materials.

mod crates;
mod document;
mod jars;

use anyhow::{Context as _, Result};
use stack::components::{Cache, Sri, prometheus};

pub use document::Document;
use document::{Bill, Component, Kind};

/// Everything that the lab is built from and everything that it starts: each crate of `Cargo.lock`, each file of
/// `components/lock.json`, the jars in its archives, and Prometheus. What the system brings is no part of it: Java, libc, OpenSSL.
///
/// # Errors
/// When a component is not fetched, or damaged.
pub fn document(cache: &Cache) -> Result<Document> {
    let mut bill = Bill::default();
    let mut parts = crates::add(&mut bill)?;
    parts.extend(jars::add(&mut bill, cache)?);
    if let Some(found) = prometheus::locate(cache)? {
        // Whoever built it, which only the system knows: there is no package URL without.
        let (digest, _) = Sri::of_file(&found.server)
            .with_context(|| format!("cannot read {}", found.server.display()))?;
        let server = Component::new(Kind::Application, "prometheus")
            .version(&found.version)
            .digest(digest);
        parts.push(bill.add(server, Vec::new()));
    }
    let lab =
        Component::new(Kind::Application, "kafka-connect-lab").version(env!("CARGO_PKG_VERSION"));
    Ok(bill.finish(lab, parts))
}
