//! `lab schema`

use anyhow::Result;

use crate::Verdict;
use crate::registry::registry;

pub fn run() -> Result<Verdict> {
    println!("{}", text()?);
    Ok(Verdict::Held)
}

/// The JSON Schema of scenario files, for editors.
pub fn text() -> Result<String> {
    Ok(format!(
        "{:#}",
        serde_json::to_value(scenario::schema(&registry()?))?
    ))
}
