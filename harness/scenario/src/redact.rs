//! Secrets out of every output.

/// What stands in the place of a secret value.
pub const REDACTED: &str = "[redacted]";

/// Whether a variable of this name holds a secret: one of its words is `secret`, `password`, `passwd`, `token` or
/// `credentials`. Words are separated by `_`, `-` and `.`; case does not matter.
#[must_use]
pub fn is_secret_name(name: &str) -> bool {
    name.split(['_', '-', '.']).any(|word| {
        ["secret", "password", "passwd", "token", "credentials"]
            .iter()
            .any(|secret| word.eq_ignore_ascii_case(secret))
    })
}

/// Replaces the values of secret variables in any text.
///
/// A value is found as it is, as JSON writes it, and percent-encoded as in a URL.
#[derive(Clone, Debug, Default)]
pub struct Redactor {
    /// Longest first, so that a secret that contains another is replaced whole.
    forms: Vec<String>,
}

impl Redactor {
    /// A redactor of these values. Empty ones are ignored.
    pub fn new<T: AsRef<str>>(secrets: impl IntoIterator<Item = T>) -> Self {
        let mut forms = Vec::new();
        for secret in secrets {
            let secret = secret.as_ref();
            if secret.is_empty() {
                continue;
            }
            let json = serde_json::Value::from(secret).to_string();
            forms.push(json[1..json.len() - 1].to_owned());
            forms.push(percent_encoded(secret));
            forms.push(secret.to_owned());
        }
        forms.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        forms.dedup();
        Self { forms }
    }

    /// The text with `[redacted]` in the place of each secret.
    #[must_use]
    pub fn redact(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        // One pass from the left: what was put in is never searched, so a secret such as "a" cannot grow the text.
        while let Some(first) = rest.chars().next() {
            if let Some(form) = self
                .forms
                .iter()
                .find(|form| rest.starts_with(form.as_str()))
            {
                out.push_str(REDACTED);
                rest = &rest[form.len()..];
            } else {
                out.push(first);
                rest = &rest[first.len_utf8()..];
            }
        }
        out
    }
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
    use super::{Redactor, is_secret_name};
    use rstest::rstest;

    #[rstest]
    #[case("db_password", true)]
    #[case("env.PGPASSWORD", false)]
    #[case("env.PG_PASSWORD", true)]
    #[case("secret", true)]
    #[case("api-token", true)]
    #[case("secretary", false)]
    fn names_of_secrets(#[case] name: &str, #[case] secret: bool) {
        assert_eq!(is_secret_name(name), secret);
    }

    #[rstest]
    #[case::plain("password is hunter2.", "password is [redacted].")]
    #[case::longest_first("hunter2-admin", "[redacted]")]
    #[case::as_json(r#"{"p": "a\"b"}"#, r#"{"p": "[redacted]"}"#)]
    #[case::in_a_url("postgres://u:a%22b@h", "postgres://u:[redacted]@h")]
    #[case::nothing("all is well", "all is well")]
    fn secrets_are_replaced(#[case] text: &str, #[case] shown: &str) {
        let redactor = Redactor::new(["hunter2", "hunter2-admin", "a\"b", ""]);
        assert_eq!(redactor.redact(text), shown);
    }
}
