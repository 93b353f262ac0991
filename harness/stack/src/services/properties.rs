//! Settings as the project keeps them (JSON) in the forms that the components read.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::Value;

/// Scalars by name.
pub(super) type Settings = BTreeMap<String, Value>;

/// Java's `.properties`: backslashes, line breaks and white space at the begin escaped, and what is not ASCII by its UTF-16 code
/// units, since Java reads the file as ISO 8859-1 (`java.util.Properties.load(InputStream)`).
pub(super) fn java_properties(settings: &Settings, own: &[(&str, String)]) -> String {
    let escape = |text: &str| {
        let mut escaped = String::new();
        for (at, character) in text.char_indices() {
            match character {
                '\\' => escaped.push_str("\\\\"),
                '\n' => escaped.push_str("\\n"),
                '\r' => escaped.push_str("\\r"),
                ' ' if at == 0 => escaped.push_str("\\ "),
                ' '..='~' => escaped.push(character),
                other => {
                    for unit in other.encode_utf16(&mut [0; 2]) {
                        // Writing to a string cannot fail.
                        let _ = write!(escaped, "\\u{unit:04x}");
                    }
                }
            }
        }
        escaped
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
        let own = [("path", " é/𝕏".to_owned())];
        assert_eq!(
            java_properties(&Settings::new(), &own),
            "path=\\ \\u00e9/\\ud835\\udd4f\n"
        );
        assert_eq!(
            postgresql_conf(&settings, &[("path", "/o'b".to_owned())]),
            "a='1'\nb='true'\npath='/o''b'\n"
        );
    }
}
