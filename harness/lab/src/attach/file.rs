//! Reads a file of endpoints, and says of each mistake where it is.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use scenario::{Problem, Problems, near_miss, strict_json};
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use stack::{Endpoints, Profile, ServiceName};

use super::address::{Form, check};

/// Not a service: what it names belongs to the exporter and to those who write for it.
const METRICS: (&str, &[(&str, Form)]) = ("metrics", &[("topic", Form::Topic)]);
/// Not a service either: which unit of systemd each service is, for `--driver systemd`.
const UNITS: &str = "units";
/// Versions of what runs there, by component.
const VERSIONS: &str = "versions";

/// Reads the file.
///
/// # Errors
/// When it cannot be read, or with everything that is wrong in it.
pub fn read(path: &Path) -> Result<Endpoints> {
    let text = std::fs::read_to_string(path).with_context(|| {
        format!(
            "cannot read the endpoints in {}: `lab status --endpoints` prints such a file for a stack of the lab's own",
            path.display()
        )
    })?;
    match parse(path, &text) {
        Ok(endpoints) => Ok(endpoints),
        Err(problems) => bail!("{} is not a file of endpoints:\n{problems}", path.display()),
    }
}

fn parse(path: &Path, text: &str) -> Result<Endpoints, Problems> {
    let shown = masked(text);
    strict_json(path, &shown).map_err(|problem| *problem)?;
    let at = |span: Range<usize>, message: String| Problem::at(path, &shown, span, message);
    let Ok(Node::Object(services)) = serde_json::from_str::<Node<'_>>(text) else {
        let problem = at(0..0, "an object of services is expected".to_owned());
        return Err(problem.help(EXAMPLE).into());
    };
    let mut endpoints = Endpoints::default();
    let mut problems = Problems::default();
    if services.is_empty() {
        problems.extend([at(0..0, "no service is named".to_owned()).help(EXAMPLE)]);
    }
    for (service, node) in &services {
        let place = service.place(text);
        let Some(forms) = forms_of(&service.0) else {
            problems.extend([unknown_service(
                at(place, format!("there is no service \"{}\"", service.0)),
                &service.0,
            )]);
            continue;
        };
        let Node::Object(keys) = node else {
            let (key, form) = forms[0];
            let message = format!("{} is an object of addresses", service.0);
            let help = format!("expected {{\"{key}\": \"{}\"}}", form.example());
            problems.extend([at(place, message).help(help)]);
            continue;
        };
        for (key, node) in keys {
            let found = forms.iter().find(|(known, _)| *known == key.0);
            // Of components there may be any.
            let any = (service.0 == VERSIONS).then(|| &forms[0]);
            let Some((_, form)) = found.or(any) else {
                let known: Vec<_> = forms.iter().map(|(known, _)| *known).collect();
                let message = format!("{} has no \"{}\"", service.0, key.0);
                let help = format!("expected {}", quoted(&known));
                problems.extend([at(key.place(text), message)
                    .help(help)
                    .near(near_miss(&key.0, known))]);
                continue;
            };
            let checked = match node {
                Node::Text(address) => {
                    check(*form, &address.0).map_err(|message| at(address.place(text), message))
                }
                _ => Err(at(
                    key.place(text),
                    format!("{}.{} is a text", service.0, key.0),
                )),
            };
            match checked {
                Ok(address) => endpoints.set(&*service.0, &*key.0, address),
                Err(problem) => {
                    let help = format!("expected {}", form.words());
                    problems.extend([problem.help(help)]);
                }
            }
        }
    }
    if problems.is_empty() {
        Ok(endpoints)
    } else {
        Err(problems)
    }
}

const EXAMPLE: &str = "expected such as {\"kafka\": {\"bootstrap\": \"HOST:PORT\"}, \"connect\": {\"rest\": \"http://HOST:PORT\"}}";

/// Keys of a service with the form of each.
fn forms_of(service: &str) -> Option<Vec<(&'static str, Form)>> {
    match service {
        UNITS => {
            return Some(
                ServiceName::ALL
                    .map(|name| (name.as_str(), Form::Unit))
                    .to_vec(),
            );
        }
        VERSIONS => return Some(vec![("kafka", Form::Version)]),
        _ if service == METRICS.0 => return Some(METRICS.1.to_vec()),
        _ => {}
    }
    let name: ServiceName = service.parse().ok()?;
    // Of any profile; the first is the one by which the service is asked.
    let mut forms: Vec<(&'static str, Form)> = Vec::new();
    for (key, _) in Profile::ALL
        .map(|profile| name.service().ports(profile))
        .concat()
    {
        if !forms.iter().any(|(known, _)| *known == key) {
            forms.push((key, Form::of_key(key)));
        }
    }
    (!forms.is_empty()).then_some(forms)
}

fn unknown_service(problem: Problem, name: &str) -> Problem {
    let mut known: Vec<_> = ServiceName::ALL.map(ServiceName::as_str).to_vec();
    known.extend([METRICS.0, UNITS, VERSIONS]);
    known.retain(|known| forms_of(known).is_some());
    let problem = problem.help(format!("expected {}", quoted(&known)));
    match name {
        "run" | "services" => problem.help(
            "this is what `lab status --json` prints: `lab status --endpoints` prints a file of endpoints",
        ),
        "producer" => problem.help("the producer listens nowhere"),
        _ => problem.near(near_miss(name, known)),
    }
}

fn quoted(names: &[&str]) -> String {
    let names: Vec<_> = names.iter().map(|name| format!("\"{name}\"")).collect();
    match names.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => names.concat(),
    }
}

/// The text with stars in place of passwords, for messages that show the line.
fn masked(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("://") {
        let end = after.find(['"', '/', '\n']).unwrap_or(after.len());
        let (authority, left) = after.split_at(end);
        shown.push_str(before);
        shown.push_str("://");
        match authority
            .rsplit_once('@')
            .and_then(|(user, host)| Some((user.split_once(':')?, host)))
        {
            Some(((user, password), host)) => {
                // As many bytes, so that places stay what they are.
                let stars = "*".repeat(password.len());
                shown.push_str(&format!("{user}:{stars}@{host}"));
            }
            None => shown.push_str(authority),
        }
        rest = left;
    }
    shown.push_str(rest);
    shown
}

/// JSON as far as such a file has it. What is borrowed from the text has its place there.
enum Node<'a> {
    Text(Token<'a>),
    Object(Vec<(Token<'a>, Node<'a>)>),
    Other,
}

struct Token<'a>(Cow<'a, str>);

impl Token<'_> {
    /// Where it stands, its quotes left out; the start of the text where it had escapes in it.
    fn place(&self, text: &str) -> Range<usize> {
        let Cow::Borrowed(own) = self.0 else {
            return 0..0;
        };
        let start = (own.as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
        start..start + own.len()
    }
}

impl<'de> Deserialize<'de> for Token<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Node::deserialize(deserializer)? {
            Node::Text(token) => Ok(token),
            _ => Err(D::Error::custom("a key is a text")),
        }
    }
}

impl<'de> Deserialize<'de> for Node<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyNode)
    }
}

struct AnyNode;

impl<'de> Visitor<'de> for AnyNode {
    type Value = Node<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value")
    }
    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Node<'de>, E> {
        Ok(Node::Text(Token(Cow::Borrowed(text))))
    }
    fn visit_str<E: Error>(self, text: &str) -> Result<Node<'de>, E> {
        Ok(Node::Text(Token(Cow::Owned(text.to_owned()))))
    }
    fn visit_unit<E: Error>(self) -> Result<Node<'de>, E> {
        Ok(Node::Other)
    }
    fn visit_bool<E: Error>(self, _: bool) -> Result<Node<'de>, E> {
        Ok(Node::Other)
    }
    fn visit_i64<E: Error>(self, _: i64) -> Result<Node<'de>, E> {
        Ok(Node::Other)
    }
    fn visit_u64<E: Error>(self, _: u64) -> Result<Node<'de>, E> {
        Ok(Node::Other)
    }
    fn visit_f64<E: Error>(self, _: f64) -> Result<Node<'de>, E> {
        Ok(Node::Other)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node<'de>, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Node::Other)
    }
    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Node<'de>, A::Error> {
        let mut found = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            found.push(entry);
        }
        Ok(Node::Object(found))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use rstest::rstest;

    #[test]
    fn a_file_of_every_kind_is_read() {
        let text = r#"{
            "zookeeper": {"client": "z:2181"},
            "kafka": {"bootstrap": "k1:9092,k2:9092"},
            "connect": {"rest": "http://c:8083/", "jmx": "http://c:9404"},
            "postgres": {"sql": "postgresql://me:secret@p:5432/shop"},
            "prometheus": {"http": "http:\/\/prom\/path"},
            "exporter": {"http": "http://[::1]:8080"},
            "metrics": {"topic": "metrics"},
            "units": {"kafka": "kafka.service", "producer": "p.service"},
            "versions": {"kafka": "3.9.2", "debezium-postgres": "3.7.0.Final"}
        }"#;
        let endpoints = parse(Path::new("e.json"), text).unwrap();
        let of = |service, key| endpoints.endpoint("lab", service, key).unwrap();
        assert_eq!(of("kafka", "bootstrap"), "k1:9092,k2:9092");
        // Paths are put behind it.
        assert_eq!(of("connect", "rest"), "http://c:8083");
        assert_eq!(of("prometheus", "http"), "http://prom/path");
        assert_eq!(of("metrics", "topic"), "metrics");
        assert_eq!(of("versions", "debezium-postgres"), "3.7.0.Final");
        assert_eq!(endpoints.iter().count(), 12);
    }

    /// Each file in `tests/endpoints` gets the words beside it.
    #[rstest]
    #[case("service")]
    #[case("key")]
    #[case("no-port")]
    #[case("scheme")]
    #[case("password")]
    #[case("shape")]
    #[case("twice")]
    #[case("status")]
    #[case("empty")]
    #[case("not-json")]
    fn a_mistake_has_its_place(#[case] name: &str) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/endpoints");
        let text = std::fs::read_to_string(folder.join(format!("{name}.json"))).unwrap();
        let said = parse(Path::new("e.json"), &text).unwrap_err().to_string();
        let golden = folder.join(format!("{name}.stderr"));
        if std::env::var_os("LAB_TEST_WRITE").is_some() {
            std::fs::write(&golden, format!("{said}\n")).unwrap();
        }
        let expected = std::fs::read_to_string(golden).unwrap();
        assert_eq!(said, expected.trim_end());
    }

    #[test]
    fn a_password_is_not_shown() {
        let text = r#"{"a": "x://u:p@ss@h", "b": "http://h:1/@:x"}"#;
        let shown = masked(text);
        assert_eq!(shown, r#"{"a": "x://u:****@h", "b": "http://h:1/@:x"}"#);
        assert_eq!(shown.len(), text.len());
    }
}
