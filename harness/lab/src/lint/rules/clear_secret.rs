//! A secret in clear: Connect's REST shows it to whoever asks, and it stands in the topic of configurations.

use scenario::is_secret_name;

use crate::lint::case::{Case, Reading};
use crate::lint::finding::{Change, Finding, Severity};
use crate::lint::secrets::{has_secret, is_reference};

pub fn check(case: &Case<'_>, found: &mut Vec<Finding>) {
    for entry in &case.document.entries {
        let value = entry.text().unwrap_or_default();
        // A reference elsewhere in the text, such as in a URL, is no secret either.
        if value.is_empty() || is_reference(value.trim()) {
            continue;
        }
        let is_secret = match case.reading(&entry.key) {
            Reading::Defined(key) => key.kind == "PASSWORD",
            // Only a name: an unread key, or one that is handed on.
            _ => is_secret_name(&entry.key) && !is_a_switch(&value),
        };
        if !is_secret && !has_secret(&value) {
            continue;
        }
        let variable: String = entry
            .key
            .chars()
            .map(|c| {
                if c.is_ascii_alphanumeric() {
                    c.to_ascii_uppercase()
                } else {
                    '_'
                }
            })
            .collect();
        let reference = format!("${{env:{variable}}}");
        found.push(
            Finding::of_key(
                Severity::Warning,
                entry,
                format!("\"{}\" is a secret in clear", entry.key),
                "it stands in the topic of configurations and in whatever else holds this file, and Connect's REST gives it to anybody who asks",
            )
            .instead(format!("write a reference that the worker replaces, such as \"{reference}\" with config.providers=env"))
            .change(Change::set(
                &entry.key,
                reference,
                format!("the worker takes it from its environment variable {variable}: it needs config.providers=env and config.providers.env.class=org.apache.kafka.common.config.provider.EnvVarConfigProvider"),
            )),
        );
    }
}

/// Names such as `transforms.x.drop.tombstones` have no secret, nor has what is on, off or a number.
fn is_a_switch(value: &str) -> bool {
    matches!(value.trim(), "true" | "false") || value.trim().parse::<f64>().is_ok()
}
