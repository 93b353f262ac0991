//! `series`

use std::collections::BTreeMap;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use stack::body;

use super::number::Expected;
use crate::runner::{Check, Context, Exporter, Grid, Observed, Step, StepError};

/// Series of one name that an exporter serves.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SeriesCheck {
    /// An exporter that the scenario started; the stack's own when not given.
    #[serde(default)]
    exporter: Exporter,
    /// Name of the series, as it stands in the text.
    name: String,
    /// Labels that they have; they may have more.
    #[serde(default)]
    labels: BTreeMap<String, String>,
    /// Value of each.
    value: Option<Expected>,
    /// Type of the family: `gauge`, `counter`, `untyped`.
    #[serde(rename = "type")]
    kind: Option<Type>,
    /// How many there are; exactly one when not given.
    count: Option<Expected>,
    /// There is none.
    #[serde(default)]
    absent: bool,
}

/// As Prometheus's text format has them.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema, strum::Display)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
enum Type {
    Gauge,
    Counter,
    Untyped,
}

impl Check for SeriesCheck {
    fn check(&self) -> Result<(), String> {
        if self.absent && (self.value.is_some() || self.kind.is_some() || self.count.is_some()) {
            return Err(
                "what is not there has no value, type or number\ngive `absent = true` alone"
                    .to_owned(),
            );
        }
        Ok(())
    }
}

/// In bytes. A megabyte of text is more than an exporter lets a label have.
const LONGEST: usize = 4 << 20;

/// Text of an exporter's `/metrics`.
pub(super) async fn scrape(
    context: &Context,
    exporter: &str,
    accept: Option<&str>,
) -> Result<String, StepError> {
    let url = format!("{}/metrics", context.endpoint(exporter, "http")?);
    let mut request = context.http.get(&url);
    if let Some(accept) = accept {
        request = request.header(reqwest::header::ACCEPT, accept);
    }
    let answer = async {
        let answer = request.send().await?.error_for_status()?;
        anyhow::Ok(body::text(answer, body::LARGEST).await?)
    };
    answer.await.map_err(|error| {
        StepError::mismatch(
            exporter,
            format!("an answer of {url}"),
            format!("{error:#}"),
        )
    })
}

#[async_trait]
impl Step for SeriesCheck {
    async fn attempt(&self, context: &mut Context) -> Result<Observed, StepError> {
        let text = scrape(context, &self.exporter, None).await?;
        let miss =
            |observed: String| StepError::mismatch(&*self.exporter, self.expected(), observed);
        let lines = self.lines(&text).map_err(&miss)?;
        let scrape =
            prometheus_parse::Scrape::parse(lines.into_iter().map(|line| Ok(line.to_owned())))
                .map_err(|error| miss(format!("text that cannot be read: {error}")))?;
        let found: Vec<_> = scrape
            .samples
            .iter()
            .filter(|sample| sample.metric == self.name)
            .filter(|sample| {
                self.labels
                    .iter()
                    .all(|(name, value)| sample.labels.get(name) == Some(value))
            })
            .map(|sample| (sample.labels.clone(), number(&sample.value)))
            .collect();
        let lines: Vec<_> = found
            .iter()
            .map(|(labels, (value, kind))| {
                let line = format!("{}{{{labels}}} {value} ({kind})", self.name);
                (line, self.differs(*value, kind))
            })
            .collect();
        let shown = || match lines.len() {
            0 => format!("no such series among {}", samples(&text)),
            number => listed(&lines, self.count.is_some() || number > 1),
        };
        let number_is_right = match (self.absent, self.count) {
            (true, _) => found.is_empty(),
            (false, None) => found.len() == 1,
            (false, Some(count)) => count.holds(found.len() as f64),
        };
        if !number_is_right && found.len() > 1 {
            return Err(miss(format!("{} of them\n{}", found.len(), shown())));
        }
        if !number_is_right || lines.iter().any(|(_, differs)| differs.is_some()) {
            return Err(miss(shown()));
        }
        let rows = found
            .iter()
            .map(|(labels, (value, _))| {
                vec![format!("{}{{{labels}}}", self.name), value.to_string()]
            })
            .collect();
        let value = found
            .iter()
            .map(|(_, (value, kind))| json!({ "value": value, "type": kind }))
            .collect();
        let grid = Grid {
            header: vec!["series".to_owned(), "value".to_owned()],
            rows,
        };
        Ok(Observed {
            grid: Some(grid),
            ..Observed::value(shown(), value)
        })
    }
}

impl SeriesCheck {
    /// The lines about the family, or the part of a histogram that has its name: reading a page takes its time.
    ///
    /// # Errors
    /// In words, when one is longer than any exporter's.
    fn lines<'t>(&self, text: &'t str) -> Result<Vec<&'t str>, String> {
        let is_about = |line: &&str| {
            let words = line.trim_start();
            let comment = ["# TYPE ", "# HELP "].iter();
            let words = comment
                .filter_map(|start| words.strip_prefix(start))
                .next()
                .unwrap_or(words);
            let is_part = |byte: char| byte.is_ascii_alphanumeric() || "_:".contains(byte);
            let name = words.split(|byte| !is_part(byte)).next().unwrap_or(words);
            family(name) == self.name || family(&self.name) == name || name == self.name
        };
        let lines: Vec<_> = text.lines().filter(is_about).collect();
        match lines.iter().map(|line| line.len()).max() {
            Some(longest) if longest > LONGEST => {
                Err(format!("a line of {longest} bytes, which is not read"))
            }
            _ => Ok(lines),
        }
    }
}

/// The histogram or summary that a series of this name may belong to.
fn family(name: &str) -> &str {
    let parts = ["_bucket", "_sum", "_count"].iter();
    parts
        .filter_map(|part| name.strip_suffix(part))
        .next()
        .unwrap_or(name)
}

/// How many series a page has.
fn samples(text: &str) -> usize {
    let is_sample = |line: &&str| !line.is_empty() && !line.starts_with('#');
    text.lines().filter(is_sample).count()
}

/// A line a series; where there may be several, it says of each that is not as expected what is wrong with it.
fn listed(lines: &[(String, Option<&'static str>)], marked: bool) -> String {
    let lines: Vec<String> = lines
        .iter()
        .map(|(line, differs)| match differs.filter(|_| marked) {
            Some(differs) => format!("{line}  ← not this {differs}"),
            None => line.clone(),
        })
        .collect();
    lines.join("\n")
}

fn number(value: &prometheus_parse::Value) -> (f64, &'static str) {
    match value {
        prometheus_parse::Value::Counter(value) => (*value, "counter"),
        prometheus_parse::Value::Gauge(value) => (*value, "gauge"),
        prometheus_parse::Value::Untyped(value) => (*value, "untyped"),
        prometheus_parse::Value::Histogram(_) => (f64::NAN, "histogram"),
        prometheus_parse::Value::Summary(_) => (f64::NAN, "summary"),
    }
}

impl SeriesCheck {
    /// What of a series is not as each has to be.
    fn differs(&self, value: f64, kind: &str) -> Option<&'static str> {
        if self.value.is_some_and(|wanted| !wanted.holds(value)) {
            return Some("value");
        }
        let other = |wanted: Type| wanted.to_string() != kind;
        self.kind.is_some_and(other).then_some("type")
    }

    fn expected(&self) -> String {
        let name = crate::prometheus::labels(&self.labels);
        let series = format!("{}{name}", self.name);
        if self.absent {
            return format!("no series {series}");
        }
        let mut words = match self.count {
            Some(count) => format!("{count} series {series}"),
            None => format!("one series {series}"),
        };
        let value = self.value.map(|value| format!("value {value}"));
        let kind = self.kind.map(|kind| format!("type {kind}"));
        let each: Vec<String> = value.into_iter().chain(kind).collect();
        if !each.is_empty() {
            let all = if self.count.is_some() { ", each" } else { "" };
            words.push_str(&format!("{all} of {}", each.join(" and ")));
        }
        words
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::testing::arguments;

    /// A page with 30 MB of a label took most of a minute, whatever was asked for.
    #[test]
    fn what_is_not_asked_for_is_not_read() {
        let check: SeriesCheck = arguments("{ name = \"up\" }").unwrap();
        let long = "x".repeat(LONGEST);
        let page = |name: &str| format!("# TYPE up gauge\nup 1\n{name}{{a=\"{long}\"}} 1\n");
        let lines = |text: &str| check.lines(text).map(|lines| lines.len());
        assert_eq!(lines(&page("other")), Ok(2));
        assert_eq!(lines(&page("up_total")), Ok(2));
        let words = lines(&page("up")).unwrap_err();
        assert!(words.contains("which is not read"), "{words}");
        assert_eq!(samples(&page("other")), 2);
    }

    #[test]
    fn of_several_series_each_is_held_against_what_is_expected() {
        let check: SeriesCheck =
            arguments("{ name = \"up\", count = 2, value = 5, type = \"gauge\" }").unwrap();
        assert_eq!(
            check.expected(),
            "2 series up{}, each of value 5 and type gauge"
        );
        let lines = [(5.0, "gauge"), (4.0, "gauge"), (5.0, "counter")]
            .map(|(value, kind)| (format!("up {value}"), check.differs(value, kind)));
        assert_eq!(
            listed(&lines, true),
            "up 5\nup 4  ← not this value\nup 5  ← not this type"
        );
        assert_eq!(listed(&lines, false), "up 5\nup 4\nup 5");
    }
}
