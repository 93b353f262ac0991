//! The exporter's own metrics, from the `prometheus` crate to either format.
//!
//! The crate writes text 0.0.4 only; names, labels and help are the exporter's own and need no negotiation.

use prometheus::proto::{LabelPair, Metric, MetricFamily, MetricType};

use super::accept::Syntax;
use super::family::openmetrics_counter;
use super::names::Escaping;
use super::render::Filter;
use super::{escape, number};

/// Appends the families that the filter wants.
pub fn own_metrics(families: &[MetricFamily], syntax: Syntax, filter: &Filter, out: &mut Vec<u8>) {
    let wanted = |family: &&MetricFamily| filter.wants(family.name(), openmetrics_name(family));
    for family in families.iter().filter(wanted) {
        header(family, syntax, out);
        for metric in family.get_metric() {
            sample(family, metric, out);
        }
    }
}

fn header(family: &MetricFamily, syntax: Syntax, out: &mut Vec<u8>) {
    let kind = match family.get_field_type() {
        MetricType::COUNTER => "counter",
        MetricType::HISTOGRAM => "histogram",
        _ => "gauge",
    };
    let openmetrics = syntax == Syntax::OpenMetrics;
    let name = match openmetrics {
        true => openmetrics_name(family),
        false => family.name(),
    };
    out.extend_from_slice(format!("# TYPE {name} {kind}\n# HELP {name} ").as_bytes());
    let mut help = Vec::new();
    escape::help(family.help(), &mut help);
    if openmetrics {
        help = escape::quotes(&help);
    }
    out.extend_from_slice(&help);
    out.push(b'\n');
}

fn openmetrics_name(family: &MetricFamily) -> &str {
    let stem = openmetrics_counter(family.name());
    stem.filter(|_| family.get_field_type() == MetricType::COUNTER)
        .unwrap_or(family.name())
}

fn sample(family: &MetricFamily, metric: &Metric, out: &mut Vec<u8>) {
    let name = family.name();
    let labels = metric.get_label();
    match family.get_field_type() {
        MetricType::COUNTER => line(name, labels, None, metric.get_counter().get_value(), out),
        MetricType::HISTOGRAM => {
            let histogram = metric.get_histogram();
            let buckets = format!("{name}_bucket");
            #[allow(clippy::cast_precision_loss)]
            let count = |count: u64| count as f64;
            for bucket in histogram.get_bucket() {
                // OpenMetrics wants a bound to look like a float.
                let bound = format!("{:?}", bucket.upper_bound());
                line(
                    &buckets,
                    labels,
                    Some(&bound),
                    count(bucket.cumulative_count()),
                    out,
                );
            }
            line(
                &buckets,
                labels,
                Some("+Inf"),
                count(histogram.get_sample_count()),
                out,
            );
            line(
                &format!("{name}_sum"),
                labels,
                None,
                histogram.get_sample_sum(),
                out,
            );
            line(
                &format!("{name}_count"),
                labels,
                None,
                count(histogram.get_sample_count()),
                out,
            );
        }
        _ => line(name, labels, None, metric.get_gauge().get_value(), out),
    }
}

fn line(name: &str, labels: &[LabelPair], le: Option<&str>, value: f64, out: &mut Vec<u8>) {
    let own = labels.iter().map(|label| (label.name(), label.value()));
    let all = own.chain(le.map(|le| ("le", le)));
    super::sample_prefix(name, all, Escaping::Underscores, out);
    number::write(value, out);
    out.push(b'\n');
}
