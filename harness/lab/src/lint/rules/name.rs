//! Two names for one connector.

use crate::lint::case::Case;
use crate::lint::finding::{Change, Finding, Severity};

pub fn check(case: &Case<'_>, found: &mut Vec<Finding>) {
    let (Some(beside), Some(entry)) = (&case.document.name, case.get("name")) else {
        return;
    };
    let (beside, inside) = (
        beside.text().unwrap_or_default(),
        entry.text().unwrap_or_default(),
    );
    if beside == inside {
        return;
    }
    found.push(
        Finding::of_value(
            Severity::Error,
            entry,
            format!("the connector is called {beside:?} outside of the configuration, and {inside:?} in it"),
            "Connect refuses a configuration whose name is not that of the connector",
        )
        .change(Change::set("name", beside.as_str(), "the connector has one name")),
    );
}
