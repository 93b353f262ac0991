//! A line a measurement, for spreadsheets.

use std::collections::BTreeSet;

use anyhow::Result;

use super::super::outcome::Experiment;

/// The measurements. Missing figures are empty.
///
/// # Errors
/// Never, as far as is known.
pub(super) fn document(experiment: &Experiment) -> Result<String> {
    let names = |of: fn(&super::super::cpu::Cpu) -> Vec<&String>| -> BTreeSet<&String> {
        experiment
            .samples
            .iter()
            .flat_map(|sample| of(&sample.cpu))
            .collect()
    };
    let processes = names(|cpu| cpu.processes.keys().collect());
    let threads = names(|cpu| cpu.threads.keys().collect());
    let mut header: Vec<String> = [
        "row",
        "round",
        "records_per_second",
        "windowed_rate",
        "end_offset_rate",
        "warm_up",
        "seconds",
        "total",
        "end_offsets",
        "disagreement",
        "batch_size_avg",
        "record_queue_time_avg",
        "compression_rate_avg",
        "request_rate",
        "request_latency_avg_ms",
        "records_per_request_avg",
        "bufferpool_wait_ratio",
        "buffer_free",
        "poll_share",
        "gc_share",
        "limited_by",
        "limited_because",
        "machine_busy",
        "processors_of_others",
    ]
    .map(str::to_owned)
    .to_vec();
    header.extend(processes.iter().map(|name| format!("processors_{name}")));
    header.extend(threads.iter().map(|name| format!("connect_threads_{name}")));

    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(&header)?;
    let maybe = |value: Option<f64>| value.map_or_else(String::new, |value| value.to_string());
    for sample in &experiment.samples {
        let readings = &sample.readings;
        let mut line = vec![
            sample.row.clone(),
            sample.round.to_string(),
            sample.rate.to_string(),
            maybe(sample.windowed_rate),
            maybe(sample.end_offset_rate),
            sample.warm_up.to_string(),
            sample.seconds.to_string(),
            sample.total.to_string(),
            sample.end_offsets.to_string(),
            sample.disagreement.clone().unwrap_or_default(),
            maybe(readings.batch_size_avg),
            maybe(readings.record_queue_time_avg),
            maybe(readings.compression_rate_avg),
            maybe(readings.request_rate),
            maybe(readings.request_latency_avg_ms),
            maybe(readings.records_per_request_avg),
            maybe(readings.bufferpool_wait_ratio),
            maybe(readings.buffer_free),
            maybe(readings.poll_share),
            maybe(readings.gc_share),
            sample.limit.what.to_string(),
            sample.limit.why.clone(),
            maybe(sample.cpu.busy),
            maybe(sample.cpu.others),
        ];
        line.extend(
            processes
                .iter()
                .map(|name| maybe(sample.cpu.processes.get(*name).copied())),
        );
        line.extend(
            threads
                .iter()
                .map(|name| maybe(sample.cpu.threads.get(*name).copied())),
        );
        writer.write_record(&line)?;
    }
    Ok(String::from_utf8(writer.into_inner()?)?)
}
