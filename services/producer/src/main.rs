//! The `producer` binary: settings in, summary out.

use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use anyhow::Context;
use producer::{
    FaultCounter, Faulty, Generator, Limited, Messages, Pace, Replay, Settings, Shape, Shares,
    Target, run,
};
use settings::EXIT_USAGE;
use tokio::signal::unix::{SignalKind, signal};

/// librdkafka's setting that has another name here.
const RESERVED: &[(&str, &str)] = &[("metadata.broker.list", "use KAFKA_BOOTSTRAP_SERVERS")];

fn main() -> ExitCode {
    let settings: Settings = match settings::parse_or_exit() {
        Ok(settings) => settings,
        Err(status) => return status,
    };
    settings.log.install();
    settings::warn_of_misspelt::<Settings>(std::env::vars_os());
    match start(&settings) {
        Ok(status) => status,
        Err(error) => {
            // Nobody may be there to read it.
            let _ = writeln!(std::io::stderr(), "error: {error:#}");
            ExitCode::from(EXIT_USAGE)
        }
    }
}

fn start(settings: &Settings) -> anyhow::Result<ExitCode> {
    // Idempotence keeps the order and writes nothing twice, whatever the network does.
    let mut defaults = vec![
        ("enable.idempotence", "true"),
        ("compression.type", "lz4"),
        ("client.id", "producer"),
    ];
    let pace = || Pace::new(settings.rate, settings.interval(), Instant::now());
    if pace().is_unlimited() {
        // Batches fill at once, and are of a size of which a few on their way and a few that fill are no long queue.
        defaults.extend([("batch.size", "262144"), ("linger.ms", "100")]);
    }
    let config = settings
        .kafka
        .client_config(std::env::vars_os(), &defaults, RESERVED)?;
    let stop = Arc::new(AtomicBool::new(false));
    stop_on_signal(Arc::clone(&stop)).context("cannot listen for signals")?;
    let (messages, seed, count) = messages(settings)?;
    let faults = FaultCounter::default();
    let messages = Faulty::new(
        messages,
        settings.shares(),
        seed.unwrap_or_default(),
        faults.clone(),
    );
    let target = Target {
        config: &config,
        topic: &settings.kafka.topic,
        flush_timeout: settings.flush_timeout,
    };
    let messages = Limited::new(messages, count);
    let mut summary = run(&target, messages, pace(), seed, &stop)?;
    summary.faults = faults.faults();
    let text = match settings.json {
        true => format!("{}\n", serde_json::to_string(&summary)?),
        false => summary.to_string(),
    };
    settings::print(&text)
        .context("the messages were sent, but what became of them cannot be said")?;
    Ok(if summary.complete() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Sets `stop` at the first SIGTERM, SIGINT or SIGHUP. The thread ends with the process.
fn stop_on_signal(stop: Arc<AtomicBool>) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    let (mut term, mut int, mut hup) = {
        let _context = runtime.enter();
        (
            signal(SignalKind::terminate())?,
            signal(SignalKind::interrupt())?,
            signal(SignalKind::hangup())?,
        )
    };
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            runtime.block_on(async {
                tokio::select! { _ = term.recv() => {}, _ = int.recv() => {}, _ = hup.recv() => {} }
            });
            stop.store(true, Ordering::Relaxed);
        })?;
    Ok(())
}

type Chosen = (Box<dyn Messages>, Option<u64>, u64);

/// What to send, the seed of it, and how much of it.
fn messages(settings: &Settings) -> anyhow::Result<Chosen> {
    let seed = settings.seed.unwrap_or_else(rand::random);
    if let Some(file) = &settings.replay {
        let replay = Replay::open(file, &settings.key)?;
        let count = settings.count.unwrap_or(replay.len());
        // Chance has a part in the faults alone.
        let seed = (settings.shares() != Shares::default()).then_some(seed);
        return Ok((Box::new(replay), seed, count));
    }
    let shape = Shape {
        series: settings.series,
        metrics_per_message: settings.metrics_per_message,
        labels: settings.labels,
        names: settings.names,
        shuffled: settings.shuffled,
        described_anew: settings.described_anew,
        renamed: settings.renamed,
    };
    Ok((
        Box::new(Generator::new(shape, seed)),
        Some(seed),
        settings.count.unwrap_or(u64::MAX),
    ))
}
