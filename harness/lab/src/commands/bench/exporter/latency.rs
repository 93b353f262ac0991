//! How long a value takes from being produced to being seen on `/metrics`.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use rdkafka::ClientConfig;
use rdkafka::producer::{FutureProducer, FutureRecord};
use rustix::process::Signal;
use serde::Serialize;

use super::peers::{Peer, Place, Serving, sample};
use super::workload;

/// Messages a second beside the probes.
pub(super) const RATE: u32 = 10_000;

/// Between two probes.
const PAUSE: Duration = Duration::from_millis(20);
/// Between two scrapes that look for a probe. Without a pause they would take one of two processors, which a value's way needs.
const LOOK: Duration = Duration::from_millis(1);
const PATIENCE: Duration = Duration::from_secs(120);

/// Milliseconds from handing a message to the client until a scrape shows its value.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Latency {
    /// Other messages a second.
    pub rate: u32,
    /// One value a probe.
    pub milliseconds: Vec<f64>,
}

/// Measures so many values on an exporter with its default settings, beside a producer.
pub(super) async fn measure(place: &Place<'_>, probes: u32) -> Result<Latency> {
    let topic = "bench-latency";
    workload::create(&place.bootstrap, topic).await?;
    let serving = place.start(Peer::Exporter, topic, false)?;
    place.caught_up(&serving).await?;
    let mut producer = place.producer(topic);
    producer
        .arg(format!("--rate={RATE}"))
        .args(["--series=10000", "--metrics-per-message=2", "--seed=1"])
        .arg("--log-level=error");
    let load = place.begin(&producer)?;
    // The load has begun, and everything has been used once.
    wait_for(place, &serving, f64::from(RATE)).await?;
    let producer: FutureProducer = ClientConfig::new()
        .set("bootstrap.servers", &place.bootstrap)
        .set("linger.ms", "0")
        .create()?;
    let mut milliseconds = Vec::new();
    for number in 1..=probes {
        let payload = format!(
            r#"{{"probe":{{"Type":"gauge","Name":"probe","Description":"A probe","Value":{number}}}}}"#
        );
        let begun = Instant::now();
        let sent = producer.send_result(FutureRecord::<(), _>::to(topic).payload(&payload));
        let sent = sent.map_err(|(error, _)| error)?;
        let url = format!("{}/metrics?name[]=probe", serving.url);
        while sample(&place.text(&url).await?, "probe") != Some(f64::from(number)) {
            if begun.elapsed() > PATIENCE {
                bail!("a value did not appear within {} s", PATIENCE.as_secs());
            }
            tokio::time::sleep(LOOK).await;
        }
        milliseconds.push(begun.elapsed().as_secs_f64() * 1000.0);
        sent.await?.map_err(|(error, _)| error)?;
        tokio::time::sleep(PAUSE).await;
    }
    let guard = place.control.guard();
    guard.signal(&load, Signal::KILL.as_raw())?;
    place.control.wait_ended(&load).await?;
    place.stop(serving).await?;
    Ok(Latency {
        rate: RATE,
        milliseconds,
    })
}

/// Waits until a peer has taken in so many records.
pub(super) async fn wait_for(place: &Place<'_>, serving: &Serving, records: f64) -> Result<()> {
    const NAME: &str = "exporter_messages_total";
    let url = format!("{}/metrics?name[]={NAME}", serving.url);
    let begun = Instant::now();
    loop {
        let page = place.text(&url).await?;
        let seen: f64 = page
            .lines()
            .filter(|line| line.starts_with(NAME))
            .filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok())
            .sum();
        if seen >= records {
            return Ok(());
        }
        if begun.elapsed() > PATIENCE {
            bail!("a peer has read {seen} of {records} records and no more");
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
