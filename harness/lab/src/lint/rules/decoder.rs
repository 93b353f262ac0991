//! The library that decodes the write-ahead log, which the server has to have.

use crate::lint::case::Case;
use crate::lint::finding::{Change, Finding, Severity};

pub fn check(case: &Case<'_>, found: &mut Vec<Finding>) {
    if !case.is_postgres() || case.get("plugin.name").is_some() {
        return;
    }
    let default = case.effective("plugin.name").unwrap_or_default();
    if default == "pgoutput" {
        return;
    }
    found.push(
        Finding::missing(
            Severity::Warning,
            case.document,
            format!("there is no \"plugin.name\": {} then asks for {default}", case.version()),
            format!("on a server without the library {default} the task fails, while the connector stays RUNNING"),
        )
        .instead("write \"plugin.name\": \"pgoutput\", which every Postgres since 10 has")
        .change(Change::set(
            "plugin.name",
            "pgoutput",
            "the server decodes with pgoutput, which every Postgres since 10 has; a slot that was made for decoderbufs has to be made anew",
        )),
    );
}
