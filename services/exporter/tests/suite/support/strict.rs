//! A reader of both formats that accepts nothing but what the rules allow: the text 0.0.4 and OpenMetrics 1.0
//! grammars, and beyond them no CR, no interleaved families, no clash of names and no duplicate sample, which
//! the usual readers let pass.

use std::collections::{BTreeMap, BTreeSet};

use exporter::exposition::Syntax;

pub type Labels = BTreeMap<String, String>;

#[derive(Debug, Clone, PartialEq)]
pub struct Family {
    pub name: String,
    pub kind: String,
    pub help: Option<String>,
    pub unit: Option<String>,
    pub samples: Vec<(String, Labels, f64)>,
}

/// Reads a whole exposition; the error says which line breaks which rule. Labels that begin with two
/// underscores are for the caller to judge: under the escaping scheme `dots`, `_x` becomes `__x`.
pub fn read(text: &str, syntax: Syntax) -> Result<Vec<Family>, String> {
    if text.contains('\r') {
        return Err("CR".to_owned());
    }
    let mut body = text;
    if syntax == Syntax::OpenMetrics {
        body = body.strip_suffix("# EOF\n").ok_or("no # EOF at the end")?;
    }
    if !body.is_empty() && !body.ends_with('\n') {
        return Err("the last line does not end".to_owned());
    }
    let mut families: Vec<Family> = Vec::new();
    for line in body.split_terminator('\n') {
        read_line(line, syntax, &mut families).map_err(|why| format!("{why}: {line:?}"))?;
    }
    check_names(&families, syntax)?;
    Ok(families)
}

fn read_line(line: &str, syntax: Syntax, families: &mut Vec<Family>) -> Result<(), String> {
    let Some(comment) = line.strip_prefix("# ") else {
        if line.is_empty() || line.starts_with('#') {
            return Err("neither a sample nor a header".to_owned());
        }
        let family = families.last_mut().ok_or("a sample before any header")?;
        if family.kind.is_empty() {
            return Err("a sample before its TYPE".to_owned());
        }
        let sample = sample(line)?;
        belongs(family, &sample, syntax)?;
        family.samples.push(sample);
        return Ok(());
    };
    let (keyword, rest) = comment.split_once(' ').ok_or("no keyword")?;
    let (name, rest) = name(rest)?;
    let rest = rest.strip_prefix(' ').ok_or("no space after the name")?;
    if families
        .last()
        .is_none_or(|family| family.name != name || !family.samples.is_empty())
    {
        families.push(Family {
            name,
            kind: String::new(),
            help: None,
            unit: None,
            samples: Vec::new(),
        });
    }
    let family = families.last_mut().ok_or("no family")?;
    match keyword {
        "TYPE" => {
            let kinds: &[&str] = match syntax {
                Syntax::Text => &["counter", "gauge", "histogram", "untyped"],
                Syntax::OpenMetrics => &["counter", "gauge", "histogram", "unknown"],
            };
            if !family.kind.is_empty() || !kinds.contains(&rest) {
                return Err("TYPE".to_owned());
            }
            if syntax == Syntax::OpenMetrics && (family.help.is_some() || family.unit.is_some()) {
                return Err("TYPE comes first".to_owned());
            }
            family.kind = rest.to_owned();
        }
        "UNIT" if syntax == Syntax::OpenMetrics => {
            if family.unit.is_some()
                || family.help.is_some()
                || !family.name.ends_with(&format!("_{rest}"))
            {
                return Err("UNIT".to_owned());
            }
            family.unit = Some(rest.to_owned());
        }
        "HELP" => {
            if family.help.is_some() {
                return Err("a second HELP".to_owned());
            }
            family.help = Some(unescape(rest, syntax == Syntax::OpenMetrics)?);
        }
        _ => return Err("a comment that is none of the headers".to_owned()),
    }
    Ok(())
}

fn belongs(
    family: &Family,
    (name, labels, value): &(String, Labels, f64),
    syntax: Syntax,
) -> Result<(), String> {
    let suffix = name
        .strip_prefix(&family.name)
        .ok_or("a sample of another family")?;
    let fits = match (family.kind.as_str(), syntax) {
        ("counter", Syntax::OpenMetrics) => suffix == "_total",
        ("histogram", _) => match suffix {
            "_bucket" => labels.contains_key("le"),
            "_sum" | "_count" => true,
            _ => false,
        },
        _ => suffix.is_empty(),
    };
    if !fits {
        return Err(format!("not a sample of a {}", family.kind));
    }
    if family.kind == "counter" && !(*value >= 0.0 && value.is_finite()) {
        return Err("not a counter's value".to_owned());
    }
    if family.kind != "histogram" && (labels.contains_key("le") || labels.contains_key("quantile"))
    {
        return Err("a reserved label".to_owned());
    }
    Ok(())
}

fn check_names(families: &[Family], syntax: Syntax) -> Result<(), String> {
    let mut names = BTreeSet::new();
    for family in families {
        let n = &family.name;
        let mut own = BTreeSet::from([n.clone()]);
        match (family.kind.as_str(), syntax) {
            ("counter", Syntax::OpenMetrics) => {
                own.extend([format!("{n}_total"), format!("{n}_created")])
            }
            ("histogram", _) => own.extend([
                format!("{n}_bucket"),
                format!("{n}_sum"),
                format!("{n}_count"),
            ]),
            _ => {}
        }
        for name in own {
            if !names.insert(name.clone()) {
                return Err(format!(
                    "{name:?} belongs to two families, or to one in two places"
                ));
            }
        }
        let mut samples = BTreeSet::new();
        for (name, labels, _) in &family.samples {
            if !samples.insert((name, labels)) {
                return Err(format!("a sample twice: {name} {labels:?}"));
            }
        }
        if family.samples.is_empty() {
            return Err(format!("{n:?} has no samples"));
        }
    }
    Ok(())
}

fn sample(line: &str) -> Result<(String, Labels, f64), String> {
    let (mut name_found, mut rest) = if line.starts_with('{') {
        (None, line)
    } else {
        let (name, rest) = name(line)?;
        (Some(name), rest)
    };
    let mut labels = Labels::new();
    if let Some(mut inside) = rest.strip_prefix('{') {
        loop {
            let (key, after) = label_name(inside)?;
            if let Some(value) = after.strip_prefix('=') {
                let (value, after) = quoted(value)?;
                if labels.insert(key, value).is_some() {
                    return Err("a label twice".to_owned());
                }
                inside = after;
            } else if name_found.is_none() {
                name_found = Some(key);
                inside = after;
            } else {
                return Err("a label without a value".to_owned());
            }
            if let Some(after) = inside.strip_prefix('}') {
                rest = after;
                break;
            }
            inside = inside.strip_prefix(',').ok_or("no comma between labels")?;
        }
    }
    let value = rest.strip_prefix(' ').ok_or("no space before the value")?;
    if value.contains(' ') {
        return Err("a timestamp".to_owned());
    }
    // Go's ParseFloat, as far as an exporter needs it; Rust's parser also takes "inf" and "nan".
    let number = match value {
        "NaN" => f64::NAN,
        "+Inf" => f64::INFINITY,
        "-Inf" => f64::NEG_INFINITY,
        _ if value
            .bytes()
            .all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b)) =>
        {
            value.parse().map_err(|_| "no number")?
        }
        _ => return Err("no number".to_owned()),
    };
    Ok((name_found.ok_or("no name")?, labels, number))
}

fn name(text: &str) -> Result<(String, &str), String> {
    if text.starts_with('"') {
        return quoted(text);
    }
    let end = text
        .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':'))
        .unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
        return Err("no name".to_owned());
    }
    Ok((name.to_owned(), rest))
}

fn label_name(text: &str) -> Result<(String, &str), String> {
    let (name, rest) = name(text)?;
    if !text.starts_with('"') && name.contains(':') {
        return Err("a colon in a label".to_owned());
    }
    Ok((name, rest))
}

fn quoted(text: &str) -> Result<(String, &str), String> {
    let inside = text.strip_prefix('"').ok_or("no quote")?;
    let mut escaped = false;
    for (at, c) in inside.char_indices() {
        match c {
            '"' if !escaped => return Ok((unescape(&inside[..at], true)?, &inside[at + 1..])),
            c => escaped = c == '\\' && !escaped,
        }
    }
    Err("a quote without end".to_owned())
}

fn unescape(text: &str, quotes: bool) -> Result<String, String> {
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('\\') => out.push('\\'),
                Some('n') => out.push('\n'),
                Some('"') if quotes => out.push('"'),
                _ => return Err("an unknown escape".to_owned()),
            },
            '"' if quotes => return Err("a bare quote".to_owned()),
            c => out.push(c),
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A check that cannot fail proves nothing: each of these breaks one rule.
    #[test]
    fn refuses_what_breaks_a_rule() {
        let text = [
            "a 1\n",
            "# TYPE a gauge\na 1",
            "# TYPE a gauge\na 1\n\n",
            "# TYPE a gauge\na 1\na 2\n",
            "# TYPE a gauge\na 1\n# TYPE b gauge\nb 1\n# TYPE a gauge\na{x=\"1\"} 1\n",
            "# TYPE a gauge\nb 1\n",
            "# TYPE a gauge\na{x=\"1\",x=\"2\"} 1\n",
            "# TYPE a gauge\na{x=\"a\\q\"} 1\n",
            "# TYPE a gauge\na nan\n",
            "# TYPE a gauge\na 1 17\n",
            "# TYPE a counter\na NaN\n",
            "# TYPE a counter\na -1\n",
            "# TYPE a gauge\na{le=\"1\"} 1\n",
            "# TYPE a gauge\na{x=\"\r\"} 1\n",
            "# TYPE a gauge\n# HELP a x\n# HELP a y\na 1\n",
            "# TYPE a gauge\n",
        ];
        for text in text {
            assert!(read(text, Syntax::Text).is_err(), "{text}");
        }
        let openmetrics = [
            "# TYPE a gauge\na 1\n",
            "# TYPE a counter\na 1\n# EOF\n",
            "# HELP a x\n# TYPE a gauge\na 1\n# EOF\n",
            "# TYPE a counter\na_total 1\n# TYPE a gauge\na 1\n# EOF\n",
            "# TYPE a counter\na_total 1\n# TYPE a_created gauge\na_created 1\n# EOF\n",
            "# TYPE a gauge\n# UNIT a seconds\na 1\n# EOF\n",
            "# TYPE a gauge\n# HELP a \"x\"\na 1\n# EOF\n",
        ];
        for text in openmetrics {
            assert!(read(text, Syntax::OpenMetrics).is_err(), "{text}");
        }
        assert!(
            read(
                "# TYPE a counter\n# HELP a \\\"x\na_total{b=\"\\n\"} 1e308\n# EOF\n",
                Syntax::OpenMetrics
            )
            .is_ok()
        );
    }
}
