//! Settings as the project keeps them (JSON) in the forms that the components read.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::Value;

/// Scalars by name.
pub(super) type Settings = BTreeMap<String, Value>;

/// Java's `.properties`: backslashes and line breaks escaped.
pub(super) fn java_properties(settings: &Settings, own: &[(&str, String)]) -> String {
    let escape = |text: &str| {
        text.replace('\\', "\\\\")
            .replace('\n', "\\n")
            .replace('\r', "\\r")
    };
    lines(settings, own, escape)
}

/// `postgresql.conf`: each value in quotes, which every parameter takes and paths need.
pub(super) fn postgresql_conf(settings: &Settings, own: &[(&str, String)]) -> String {
    lines(settings, own, |text| {
        format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
    })
}

fn lines(settings: &Settings, own: &[(&str, String)], render: impl Fn(&str) -> String) -> String {
    let mut merged: BTreeMap<&str, String> = settings
        .iter()
        .map(|(name, value)| (name.as_str(), scalar(value)))
        .collect();
    merged.extend(own.iter().map(|(name, value)| (*name, value.clone())));
    merged
        .iter()
        .fold(String::new(), |mut text, (name, value)| {
            let _ = writeln!(text, "{name}={}", render(value));
            text
        })
}

fn scalar(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_run_overrides_what_the_project_sets_and_special_characters_survive() {
        let settings: Settings =
            serde_json::from_str(r#"{"a": 1, "b": true, "path": "x"}"#).unwrap();
        let own = [("path", "C:\\o'brien\n".to_owned())];
        assert_eq!(
            java_properties(&settings, &own),
            "a=1\nb=true\npath=C:\\\\o'brien\\n\n"
        );
        assert_eq!(
            postgresql_conf(&settings, &[("path", "/o'b".to_owned())]),
            "a='1'\nb='true'\npath='/o''b'\n"
        );
    }
}
