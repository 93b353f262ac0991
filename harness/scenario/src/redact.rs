//! Secrets out of every output.

use std::collections::BTreeSet;
use std::ops::Range;

/// What stands in the place of a secret value.
pub const REDACTED: &str = "[redacted]";

/// Parts of a name that mark a secret.
const SECRET: [&str; 7] = [
    "secret",
    "password",
    "passwd",
    "passphrase",
    "token",
    "credential",
    "apikey",
];

/// Whether a variable of this name holds a secret: `secret`, `password`, `passwd`, `passphrase`, `token`, `credential`,
/// `api_key`, `access_key`, `private_key` or `user.info` (`basic.auth.user.info` of a schema registry is `user:password`) is in it. Case does not matter, nor do `_`, `-` and `.`.
///
/// A harmless variable taken for a secret costs a word in a report; the other way it costs the secret.
#[must_use]
pub fn is_secret_name(name: &str) -> bool {
    let letters: String = name
        .chars()
        .filter(|c| !['_', '-', '.'].contains(c))
        .map(|c| c.to_ascii_lowercase())
        .collect();
    SECRET
        .iter()
        .chain(&["accesskey", "privatekey", "userinfo"])
        .any(|part| letters.contains(part))
}

/// Replaces the values of secret variables in any text.
///
/// A value is found as it is, as JSON and as Rust's `{:?}` write it, and percent-encoded as in a URL; also where a text
/// breaks off in it with `…`.
#[derive(Clone, Default)]
pub struct Redactor {
    forms: Vec<String>,
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Redactor")
    }
}

/// Where a text breaks off.
const ELLIPSIS: char = '…';

impl Redactor {
    /// A redactor of these values. Empty ones are ignored.
    pub fn new<T: AsRef<str>>(secrets: impl IntoIterator<Item = T>) -> Self {
        let mut forms = BTreeSet::new();
        for secret in secrets {
            let secret = secret.as_ref();
            if secret.is_empty() {
                continue;
            }
            let json = serde_json::Value::from(secret).to_string();
            forms.insert(json[1..json.len() - 1].to_owned());
            let debug = format!("{secret:?}");
            forms.insert(debug[1..debug.len() - 1].to_owned());
            forms.insert(percent_encoded(secret));
            forms.insert(secret.to_owned());
        }
        Self {
            forms: forms.into_iter().collect(),
        }
    }

    /// The text with `[redacted]` in the place of each secret. Secrets that overlap or touch are replaced as one.
    #[must_use]
    pub fn redact(&self, text: &str) -> String {
        let mut shown = String::with_capacity(text.len());
        let mut rest = 0;
        for place in self.places(text) {
            shown.push_str(&text[rest..place.start]);
            shown.push_str(REDACTED);
            rest = place.end;
        }
        shown.push_str(&text[rest..]);
        shown
    }

    /// The text with `*` in the place of each byte of a secret, so that places in it stay where they are. Line breaks stay.
    pub(crate) fn mask(&self, text: &str) -> String {
        let mut shown = String::with_capacity(text.len());
        let mut rest = 0;
        for place in self.places(text) {
            shown.push_str(&text[rest..place.start]);
            let hidden = text[place.clone()].bytes();
            shown.extend(hidden.map(|byte| if byte == b'\n' { '\n' } else { '*' }));
            rest = place.end;
        }
        shown.push_str(&text[rest..]);
        shown
    }

    /// Where the secrets are: in order, apart from each other.
    fn places(&self, text: &str) -> Vec<Range<usize>> {
        let mut found: Vec<Range<usize>> = Vec::new();
        for form in &self.forms {
            let mut from = 0;
            // One character on and not one secret on: a secret can overlap itself.
            while let Some(at) = text[from..].find(form.as_str()) {
                let start = from + at;
                found.push(start..start + form.len());
                from = start + text[start..].chars().next().map_or(1, char::len_utf8);
            }
            found.extend(broken_off(text, form));
        }
        found.sort_by_key(|place| place.start);
        let mut places: Vec<Range<usize>> = Vec::new();
        for place in found {
            match places.last_mut() {
                Some(last) if place.start <= last.end => last.end = last.end.max(place.end),
                _ => places.push(place),
            }
        }
        places
    }
}

/// Where a text breaks off, with `…` or `"…`, after the beginning of a secret. One or two letters are a coincidence.
fn broken_off<'a>(text: &'a str, form: &'a str) -> impl Iterator<Item = Range<usize>> + 'a {
    text.match_indices(ELLIPSIS).filter_map(move |(at, _)| {
        let before = &text[..at];
        let before = before.strip_suffix('"').unwrap_or(before);
        let longest = form
            .char_indices()
            .map(|(end, _)| &form[..end])
            .rfind(|beginning| beginning.chars().count() > 2 && before.ends_with(beginning))?;
        Some(before.len() - longest.len()..before.len())
    })
}

/// What stands behind `key =` where the key's name marks a secret, in text that need not be TOML. A variable is no secret.
pub(crate) fn written_secrets(text: &str) -> Vec<String> {
    const LONGEST: usize = 4096;
    const MOST: usize = 100;
    let assignments = text.match_indices('=');
    assignments
        .filter_map(|(at, _)| {
            let before = text[..at].trim_end();
            let key_start = before.rfind(['\n', '{', ',', '=']).map_or(0, |end| end + 1);
            let after = text[at + 1..].trim_start_matches([' ', '\t']);
            let quotes = after.len() - after.trim_start_matches(['"', '\'']).len();
            let value = beginning(&after[quotes..], LONGEST);
            let end = match after.as_bytes().first() {
                // A long string ends with its quotes, any other with its line.
                Some(_) if quotes >= 3 => value.find(&after[..3]).unwrap_or(value.len()),
                Some(quote @ (b'"' | b'\'')) => value
                    .find([char::from(*quote), '\n'])
                    .unwrap_or(value.len()),
                _ => value.find(['\n', ',', '}', '#']).unwrap_or(value.len()),
            };
            let value = value[..end].trim();
            let is_secret = is_secret_name(&before[key_start..]) && !value.contains("${");
            is_secret.then(|| value.to_owned())
        })
        .take(MOST)
        .collect()
}

/// At most so many bytes of a text.
fn beginning(text: &str, most: usize) -> &str {
    let mut end = most.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

fn percent_encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{Redactor, is_secret_name, written_secrets};
    use rstest::rstest;

    #[rstest]
    #[case("db_password", true)]
    #[case("env.PGPASSWORD", true)]
    #[case("apiKey", true)]
    #[case("aws.access-key", true)]
    #[case("env.PG_PASSWORD", true)]
    #[case("secret", true)]
    #[case("api-token", true)]
    #[case("message_key", false)]
    #[case("topic", false)]
    fn names_of_secrets(#[case] name: &str, #[case] secret: bool) {
        assert_eq!(is_secret_name(name), secret);
    }

    #[rstest]
    #[case::plain("password is hunter2.", "password is [redacted].")]
    #[case::longest_first("hunter2-admin", "[redacted]")]
    #[case::as_json(r#"{"p": "a\"b"}"#, r#"{"p": "[redacted]"}"#)]
    #[case::in_a_url("postgres://u:a%22b@h", "postgres://u:[redacted]@h")]
    #[case::touching("hunter2hunter2", "[redacted]")]
    #[case::cut_off("the string \"hunt\"… is", "the string \"[redacted]\"… is")]
    #[case::nothing("all is well… so far", "all is well… so far")]
    fn secrets_are_replaced(#[case] text: &str, #[case] shown: &str) {
        let redactor = Redactor::new(["hunter2", "hunter2-admin", "a\"b", ""]);
        assert_eq!(redactor.redact(text), shown);
    }

    #[rstest]
    #[case::overlapping(&["abc", "cde"], "xabcdex", "x[redacted]x")]
    #[case::overlapping_itself(&["aa"], "aaab", "[redacted]b")]
    #[case::control_characters(&["a\u{1b}b"], "{\"p\":\"a\\u001bb\"} \"a\\u{1b}b\"", "{\"p\":\"[redacted]\"} \"[redacted]\"")]
    fn secrets_are_found_where_they_hide(
        #[case] secrets: &[&str],
        #[case] text: &str,
        #[case] shown: &str,
    ) {
        assert_eq!(Redactor::new(secrets).redact(text), shown);
    }

    #[rstest]
    #[case::quoted("db_password = \"a b\" # c", &["a b"])]
    #[case::not_closed("db_password = \"a b\nnext = 1", &["a b"])]
    #[case::literal("'my-token'='x'", &["x"])]
    #[case::long("secret = \"\"\"a\nb\"\"\"", &["a\nb"])]
    #[case::inline("vars = { user = \"u\", password = \"p\", n = 1 }", &["p"])]
    #[case::number("pass = 1\ntoken = 12 # x", &["12"])]
    #[case::a_variable("password = \"${env.PASSWORD}\"", &[])]
    #[case::nothing("password =", &[""])]
    fn secrets_are_seen_in_broken_text(#[case] text: &str, #[case] secrets: &[&str]) {
        assert_eq!(written_secrets(text), secrets);
    }

    #[test]
    fn masking_keeps_places() {
        let redactor = Redactor::new(["sé\ncret"]);
        assert_eq!(redactor.mask("a = 'sé\ncret' # b"), "a = '***\n****' # b");
    }
}
