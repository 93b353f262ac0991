//! Content negotiation: prometheus/docs `instrumenting/content_negotiation.md`.

use super::names::Escaping;

/// The grammar of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Syntax {
    /// Prometheus text 0.0.4.
    #[default]
    Text,
    /// OpenMetrics 1.0.
    OpenMetrics,
}

/// Grammar and escaping of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Format {
    /// The grammar.
    pub syntax: Syntax,
    /// What becomes of names that are not plain.
    pub escaping: Escaping,
    /// The version that `Content-Type` shows: names in quotes are a matter of text 1.0.0, the grammar
    /// of 0.0.4 being the same otherwise.
    version_1: bool,
    /// Whether the client spoke of escaping; only then does `Content-Type`.
    escaping_named: bool,
}

impl Format {
    /// The `Content-Type` of the answer.
    pub fn content_type(self) -> String {
        let media = match self.syntax {
            Syntax::Text if self.version_1 => "text/plain; version=1.0.0; charset=utf-8",
            Syntax::Text => "text/plain; version=0.0.4; charset=utf-8",
            Syntax::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        };
        if self.escaping_named || self.version_1 {
            format!("{media}; escaping={}", self.escaping.as_str())
        } else {
            media.to_owned()
        }
    }
}

/// The best format that `Accept` allows: the highest q, the first of equals; text 0.0.4 when nothing fits.
pub fn negotiate(accept: Option<&str>) -> Format {
    let mut best: Option<(f32, Format)> = None;
    for range in accept.unwrap_or_default().split(',') {
        let Some((quality, format)) = offer(range) else {
            continue;
        };
        if quality > 0.0 && best.is_none_or(|(highest, _)| quality > highest) {
            best = Some((quality, format));
        }
    }
    best.map(|(_, format)| format).unwrap_or_default()
}

/// One media range, and what it gets; nothing if it is not ours.
fn offer(range: &str) -> Option<(f32, Format)> {
    let mut parts = range.split(';').map(str::trim);
    let media = parts.next()?.to_ascii_lowercase();
    let (mut quality, mut version, mut escaping) = (1.0, None, None);
    for part in parts {
        let Some((name, value)) = part.split_once('=') else {
            continue;
        };
        let value = value.trim().trim_matches('"');
        match name.trim().to_ascii_lowercase().as_str() {
            "q" => {
                quality = value
                    .parse::<f32>()
                    .ok()
                    .filter(|q| (0.0..=1.0).contains(q))?
            }
            "version" => version = Some(value),
            "escaping" => {
                escaping = Escaping::ALL
                    .into_iter()
                    .find(|scheme| scheme.as_str() == value)
            }
            _ => {}
        }
    }
    let mut format = Format {
        escaping: escaping.unwrap_or_default(),
        escaping_named: escaping.is_some(),
        ..Format::default()
    };
    match (media.as_str(), version) {
        // OpenMetrics 0.0.1 is the draft that client libraries answer with 1.0.0's grammar too.
        ("application/openmetrics-text", None | Some("1.0.0" | "0.0.1")) => {
            format.syntax = Syntax::OpenMetrics;
        }
        ("text/plain", None | Some("0.0.4")) | ("*/*" | "text/*", _) => {}
        ("text/plain", Some("1.0.0")) => format.version_1 = true,
        _ => return None,
    }
    // Names in quotes are not part of text 0.0.4.
    if format.syntax == Syntax::Text && !format.version_1 && format.escaping == Escaping::AllowUtf8
    {
        format.version_1 = true;
    }
    Some((quality, format))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
    const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

    #[rstest]
    #[case::nothing(None, TEXT)]
    #[case::anything(Some("*/*"), TEXT)]
    #[case::browser(
        Some("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
        TEXT
    )]
    #[case::prometheus_2(
        Some(
            "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
        ),
        OPENMETRICS
    )]
    #[case::prometheus_3(
        Some(
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
        ),
        "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=allow-utf-8"
    )]
    #[case::protobuf_first(
        Some(
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.9,text/plain;version=0.0.4;q=0.3"
        ),
        TEXT
    )]
    #[case::higher_q_wins(Some("application/openmetrics-text;q=0.2,text/plain;q=0.7"), TEXT)]
    #[case::refused(Some("application/openmetrics-text;q=0"), TEXT)]
    #[case::unknown_version(Some("application/openmetrics-text;version=2.0.0"), TEXT)]
    #[case::bad_q(Some("application/openmetrics-text;q=high"), TEXT)]
    #[case::values(
        Some("text/plain;version=1.0.0;escaping=values"),
        "text/plain; version=1.0.0; charset=utf-8; escaping=values"
    )]
    #[case::rubbish(Some(";;=,,q="), TEXT)]
    fn chooses(#[case] accept: Option<&str>, #[case] content_type: &str) {
        assert_eq!(negotiate(accept).content_type(), content_type);
    }
}
