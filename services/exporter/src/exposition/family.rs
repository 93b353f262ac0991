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

/// What a family is shown as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    Gauge,
    Counter,
    /// A counter whose name does not say so: in OpenMetrics it would have to.
    CounterWithoutSuffix,
    /// The suffix belongs to counters; the name is the sender's, so the type gives way.
    GaugeWithSuffix,
}

/// What a counter's samples end in, in OpenMetrics.
const SUFFIX: &str = "_total";

/// The name that OpenMetrics gives to a counter's family: the sample's without `_total`. A counter
/// without the suffix keeps its name in every format, so it has no such name and is `unknown` there.
pub fn openmetrics_counter(name: &str) -> Option<&str> {
    name.strip_suffix(SUFFIX).filter(|stem| !stem.is_empty())
}

impl Type {
    pub(super) fn new(kind: Kind, name: &str) -> Type {
        match kind {
            Kind::Counter if openmetrics_counter(name).is_some() => Type::Counter,
            Kind::Counter => Type::CounterWithoutSuffix,
            Kind::Gauge if name.ends_with(SUFFIX) => Type::GaugeWithSuffix,
            Kind::Gauge => Type::Gauge,
        }
    }

    /// The end of its TYPE line in text 0.0.4.
    pub(super) fn in_text(self) -> &'static [u8] {
        match self {
            Type::Gauge => b" gauge\n",
            Type::Counter | Type::CounterWithoutSuffix => b" counter\n",
            Type::GaugeWithSuffix => b" untyped\n",
        }
    }

    /// The end of its TYPE line in OpenMetrics.
    pub(super) fn in_openmetrics(self) -> &'static [u8] {
        match self {
            Type::Gauge => b" gauge\n",
            Type::Counter => b" counter\n",
            Type::CounterWithoutSuffix | Type::GaugeWithSuffix => b" unknown\n",
        }
    }

    /// The family's name in OpenMetrics.
    pub(super) fn family_name(self, name: &[u8]) -> &[u8] {
        match self {
            Type::Counter => name.strip_suffix(SUFFIX.as_bytes()).unwrap_or(name),
            _ => name,
        }
    }
}

/// How many bytes of a family's name in OpenMetrics are its unit: a family that shows one ends in it (OpenMetrics 1.0, UNIT).
pub(super) fn unit_of(name: &[u8], unit: Option<&str>) -> usize {
    let ends = |unit: &&str| {
        let stem = name.strip_suffix(unit.as_bytes());
        is_plain_metric_name(unit) && stem.is_some_and(|stem| stem.ends_with(b"_"))
    };
    unit.filter(ends).map_or(0, str::len)
}

/// Appends what stands before a sample's value: name, labels and a space. The name needs no quotes.
pub fn sample_prefix<L: AsRef<str>>(
    name: &str,
    of: impl Iterator<Item = (L, L)>,
    escaping: Escaping,
    out: &mut Vec<u8>,
) {
    out.extend_from_slice(name.as_bytes());
    labels(false, of, escaping, out);
}

/// Appends what stands between a sample's name and its value. A name in quotes stands within the braces.
pub(super) fn labels<L: AsRef<str>>(
    after_quoted: bool,
    labels: impl Iterator<Item = (L, L)>,
    escaping: Escaping,
    out: &mut Vec<u8>,
) {
    let mut separator = if after_quoted { b',' } else { b'{' };
    for (label, value) in labels {
        let label = escaping.label_name(label.as_ref());
        out.push(separator);
        if is_plain_label_name(&label) {
            out.extend_from_slice(label.as_bytes());
        } else {
            out.push(b'"');
            escape::quoted(label.as_bytes(), out);
            out.push(b'"');
        }
        out.extend_from_slice(b"=\"");
        escape::quoted(value.as_ref().as_bytes(), out);
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
    use crate::exposition::Syntax;
    use crate::exposition::chunk::{Builder, ChunkText};
    use crate::exposition::lines::Lines;

    /// What a family with one series without labels looks like in either syntax, up to its value.
    fn lines(
        name: &str,
        kind: Kind,
        help: &str,
        unit: Option<&str>,
        escaping: Escaping,
    ) -> (String, String) {
        shown(name, (kind, help, unit), &[], escaping)
    }

    fn shown(
        name: &str,
        (kind, help, unit): (Kind, &str, Option<&str>),
        labels: &[(&str, &str)],
        escaping: Escaping,
    ) -> (String, String) {
        let mut builder = Builder::new(escaping);
        let identity = Identity {
            name,
            kind,
            help,
            unit,
        };
        let labels: Vec<(Box<str>, Box<str>)> = labels
            .iter()
            .map(|(n, v)| ((*n).into(), (*v).into()))
            .collect();
        builder.family(0, &identity, std::iter::once((0, &*labels)));
        let chunk = builder.finish();
        let (family, sample) = (&chunk.families[0], &chunk.samples[0]);
        let of = |syntax| {
            let mut out = Vec::new();
            let mut lines = Lines::new(&mut out);
            chunk.header(family, syntax, &mut lines);
            chunk.sample(family, sample, ChunkText::labels_start(family), &mut lines);
            drop(lines);
            String::from_utf8(out).unwrap()
        };
        (of(Syntax::Text), of(Syntax::OpenMetrics))
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
        let (text, openmetrics) = lines(name, kind, "h", None, Escaping::Underscores);
        assert_eq!(
            text,
            format!("# HELP {name} h\n# TYPE {name} {text_type}\n{name} ")
        );
        assert_eq!(
            openmetrics,
            format!("# TYPE {om_name} {om_type}\n# HELP {om_name} h\n{name} ")
        );
    }

    #[test]
    fn the_original_name_stays_visible() {
        let (text, _) = lines("cpu.load", Kind::Gauge, "Load", None, Escaping::Underscores);
        assert_eq!(
            text,
            "# HELP cpu_load Load (original name: cpu.load)\n# TYPE cpu_load gauge\ncpu_load "
        );
        let (text, _) = lines("cpu.load", Kind::Gauge, "Load", None, Escaping::AllowUtf8);
        assert_eq!(
            text,
            "# HELP \"cpu.load\" Load\n# TYPE \"cpu.load\" gauge\n{\"cpu.load\"} "
        );
    }

    #[test]
    fn a_unit_shows_where_the_name_ends_in_it() {
        let unit = |name| {
            lines(
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
        let (text, openmetrics) = lines(
            "x",
            Kind::Gauge,
            "a\n# TYPE x counter\\\"",
            None,
            Escaping::Underscores,
        );
        assert_eq!(
            text,
            "# HELP x a\\n# TYPE x counter\\\\\"\n# TYPE x gauge\nx "
        );
        assert_eq!(
            openmetrics,
            "# TYPE x gauge\n# HELP x a\\n# TYPE x counter\\\\\\\"\nx "
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
        let (text, _) = shown(name, (Kind::Gauge, "h", None), labels, escaping);
        assert_eq!(text.lines().last(), Some(expected));
    }
}
