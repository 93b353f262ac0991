//! What stands above a family's samples, and how a sample begins.

use message::Kind;

use super::escape;
use super::names::{Escaping, is_plain_label_name, is_plain_metric_name};

/// What a family is, apart from its samples.
#[derive(Clone, Debug, PartialEq)]
pub struct Identity<'a> {
    /// The name as the source wrote it, without control characters.
    pub name: &'a str,
    /// Gauge or counter.
    pub kind: Kind,
    /// Free text.
    pub help: &'a str,
    /// The unit, or nothing.
    pub unit: Option<&'a str>,
}

/// HELP, TYPE and UNIT of a family, in both syntaxes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The family's name as its samples have it, without quotes: what `name[]` asks for.
    pub name: String,
    /// For text 0.0.4.
    pub text: Vec<u8>,
    /// For OpenMetrics.
    pub openmetrics: Vec<u8>,
}

/// The name that OpenMetrics gives to a counter's family: the sample's without `_total`. A counter
/// without the suffix keeps its name in every format, so it has no such name and is `unknown` there.
pub fn openmetrics_counter(name: &str) -> Option<&str> {
    name.strip_suffix("_total").filter(|stem| !stem.is_empty())
}

impl Header {
    /// The header of a family under one escaping scheme.
    pub fn new(family: &Identity<'_>, escaping: Escaping) -> Header {
        let name = escaping.metric_name(family.name);
        let changed = name != family.name;
        let (om_name, om_type) = match family.kind {
            Kind::Counter => match openmetrics_counter(&name) {
                Some(stem) => (stem, "counter"),
                None => (name.as_ref(), "unknown"),
            },
            // The suffix belongs to counters; the name is the sender's, so the type gives way.
            Kind::Gauge if name.ends_with("_total") => (name.as_ref(), "unknown"),
            Kind::Gauge => (name.as_ref(), "gauge"),
        };
        let text_type = match family.kind {
            Kind::Gauge if name.ends_with("_total") => "untyped",
            kind => kind.as_str(),
        };
        let mut help = family.help.to_owned();
        if changed {
            if !help.is_empty() {
                help.push(' ');
            }
            help.push_str(&format!("(original name: {})", family.name));
        }
        let mut header = Header {
            name: name.clone().into_owned(),
            text: Vec::new(),
            openmetrics: Vec::new(),
        };
        let text = &mut header.text;
        line(text, "HELP", &name, |out| escape::help(&help, false, out));
        line(text, "TYPE", &name, |out| {
            out.extend_from_slice(text_type.as_bytes())
        });
        let om = &mut header.openmetrics;
        line(om, "TYPE", om_name, |out| {
            out.extend_from_slice(om_type.as_bytes())
        });
        // OpenMetrics 1.0: a family with a unit ends in it.
        let unit = family.unit.filter(|unit| {
            is_plain_metric_name(unit)
                && om_name
                    .strip_suffix(unit)
                    .is_some_and(|stem| stem.ends_with('_'))
        });
        if let Some(unit) = unit {
            line(om, "UNIT", om_name, |out| {
                out.extend_from_slice(unit.as_bytes())
            });
        }
        line(om, "HELP", om_name, |out| escape::help(&help, true, out));
        header
    }
}

fn line(out: &mut Vec<u8>, keyword: &str, name: &str, rest: impl FnOnce(&mut Vec<u8>)) {
    out.extend_from_slice(b"# ");
    out.extend_from_slice(keyword.as_bytes());
    out.push(b' ');
    metric_name(name, out);
    out.push(b' ');
    rest(out);
    out.push(b'\n');
}

fn metric_name(name: &str, out: &mut Vec<u8>) {
    if is_plain_metric_name(name) {
        out.extend_from_slice(name.as_bytes());
    } else {
        out.push(b'"');
        escape::quoted(name, out);
        out.push(b'"');
    }
}

/// Appends what stands before a sample's value: name, labels and a space.
pub fn sample_prefix<'l>(
    name: &str,
    labels: impl Iterator<Item = (&'l str, &'l str)>,
    escaping: Escaping,
    out: &mut Vec<u8>,
) {
    let name = escaping.metric_name(name);
    let plain = is_plain_metric_name(&name);
    let mut separator = b'{';
    if plain {
        out.extend_from_slice(name.as_bytes());
    } else {
        out.push(b'{');
        metric_name(&name, out);
        separator = b',';
    }
    for (label, value) in labels {
        let label = escaping.label_name(label);
        out.push(separator);
        if is_plain_label_name(&label) {
            out.extend_from_slice(label.as_bytes());
        } else {
            out.push(b'"');
            escape::quoted(&label, out);
            out.push(b'"');
        }
        out.extend_from_slice(b"=\"");
        escape::quoted(value, out);
        out.push(b'"');
        separator = b',';
    }
    if separator == b',' {
        out.push(b'}');
    }
    out.push(b' ');
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use rstest::rstest;

    use super::*;

    fn header(
        name: &str,
        kind: Kind,
        help: &str,
        unit: Option<&str>,
        escaping: Escaping,
    ) -> (String, String) {
        let header = Header::new(
            &Identity {
                name,
                kind,
                help,
                unit,
            },
            escaping,
        );
        (
            String::from_utf8(header.text).unwrap(),
            String::from_utf8(header.openmetrics).unwrap(),
        )
    }

    #[rstest]
    #[case::gauge("cpu", Kind::Gauge, "gauge", "cpu", "gauge")]
    #[case::counter("jobs_total", Kind::Counter, "counter", "jobs", "counter")]
    #[case::counter_without_suffix("jobs", Kind::Counter, "counter", "jobs", "unknown")]
    #[case::only_a_suffix("_total", Kind::Counter, "counter", "_total", "unknown")]
    #[case::gauge_with_the_counters_suffix(
        "memory_total",
        Kind::Gauge,
        "untyped",
        "memory_total",
        "unknown"
    )]
    fn types(
        #[case] name: &str,
        #[case] kind: Kind,
        #[case] text_type: &str,
        #[case] om_name: &str,
        #[case] om_type: &str,
    ) {
        let (text, openmetrics) = header(name, kind, "h", None, Escaping::Underscores);
        assert_eq!(
            text,
            format!("# HELP {name} h\n# TYPE {name} {text_type}\n")
        );
        assert_eq!(
            openmetrics,
            format!("# TYPE {om_name} {om_type}\n# HELP {om_name} h\n")
        );
    }

    #[test]
    fn the_original_name_stays_visible() {
        let (text, _) = header("cpu.load", Kind::Gauge, "Load", None, Escaping::Underscores);
        assert_eq!(
            text,
            "# HELP cpu_load Load (original name: cpu.load)\n# TYPE cpu_load gauge\n"
        );
        let (text, _) = header("cpu.load", Kind::Gauge, "Load", None, Escaping::AllowUtf8);
        assert_eq!(
            text,
            "# HELP \"cpu.load\" Load\n# TYPE \"cpu.load\" gauge\n"
        );
    }

    #[test]
    fn a_unit_shows_where_the_name_ends_in_it() {
        let unit = |name| {
            header(
                name,
                Kind::Counter,
                "h",
                Some("seconds"),
                Escaping::Underscores,
            )
            .1
        };
        assert!(unit("wait_seconds_total").contains("# UNIT wait_seconds seconds\n"));
        assert!(!unit("wait_total").contains("UNIT"));
    }

    #[test]
    fn no_text_forges_a_line() {
        let (text, openmetrics) = header(
            "x",
            Kind::Gauge,
            "a\n# TYPE x counter\\\"",
            None,
            Escaping::Underscores,
        );
        assert_eq!(
            text,
            "# HELP x a\\n# TYPE x counter\\\\\"\n# TYPE x gauge\n"
        );
        assert_eq!(
            openmetrics,
            "# TYPE x gauge\n# HELP x a\\n# TYPE x counter\\\\\\\"\n"
        );
    }

    #[rstest]
    #[case("cpu", &[], Escaping::Underscores, "cpu ")]
    #[case("cpu.x", &[("a.b", "v\"\n\\")], Escaping::Underscores, "cpu_x{a_b=\"v\\\"\\n\\\\\"} ")]
    #[case("cpu.x", &[("a.b", "v"), ("c", "d")], Escaping::AllowUtf8, "{\"cpu.x\",\"a.b\"=\"v\",c=\"d\"} ")]
    #[case("cpu.x", &[], Escaping::AllowUtf8, "{\"cpu.x\"} ")]
    #[case("cpu_x", &[("a", "b")], Escaping::Dots, "cpu__x{a=\"b\"} ")]
    fn prefixes(
        #[case] name: &str,
        #[case] labels: &[(&str, &str)],
        #[case] escaping: Escaping,
        #[case] expected: &str,
    ) {
        let mut out = Vec::new();
        sample_prefix(name, labels.iter().copied(), escaping, &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
