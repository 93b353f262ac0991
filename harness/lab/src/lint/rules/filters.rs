//! Filters that exclude each other, and filters of tables that match none.

use crate::lint::case::Case;
use crate::lint::finding::{Finding, Severity};

/// Filters of tables. Debezium's validation takes one of each pair, not both.
pub const TABLES: [(&str, &str); 2] = [
    ("table.include.list", "table.exclude.list"),
    ("schema.include.list", "schema.exclude.list"),
];
/// The same, of columns.
pub const COLUMNS: (&str, &str) = ("column.include.list", "column.exclude.list");

pub fn check(case: &Case<'_>, found: &mut Vec<Finding>) {
    if !case.is_postgres() {
        return;
    }
    for (include, exclude) in TABLES.into_iter().chain([COLUMNS]) {
        let (Some(_), Some(entry)) = (case.given(include), case.given(exclude)) else {
            continue;
        };
        found.push(
            Finding::of_key(
                Severity::Error,
                entry,
                format!("\"{include}\" is given, too"),
                "Connect refuses the configuration",
            )
            .instead("leave one of them out"),
        );
    }
    for (key, consequence) in [
        (
            "table.include.list",
            "no change of such a table arrives, and nothing says so",
        ),
        (
            "table.exclude.list",
            "such a table is captured all the same",
        ),
    ] {
        let Some(entry) = case.get(key) else { continue };
        let text = entry.text().unwrap_or_default();
        // Where an expression has braces, not every comma separates two.
        if text.contains('{') {
            continue;
        }
        // An expression for `schema.table` as a whole has a dot for the dot, or for any character.
        for name in text
            .split(',')
            .map(str::trim)
            .filter(|one| !one.is_empty() && !one.contains(['.', '[', '\\']))
        {
            found.push(
                Finding::of_value(
                    Severity::Warning,
                    entry,
                    format!(
                        "{name:?} matches no table: it is compared with the whole of schema.table"
                    ),
                    consequence,
                )
                .instead(format!(
                    "write \"public.{name}\", or the schema that it is in"
                )),
            );
        }
    }
}
