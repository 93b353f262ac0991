//! What a scrape takes, and what a series weighs.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use reqwest::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING};
use serde::Serialize;

use super::peers::{Peer, Place, Serving, resident};
use super::workload::{self, Shape};

/// Metrics of a message that fills the table.
const METRICS: u32 = 200;

/// How long a peer may take to give memory back that it does not use any more. Those that are measured do so every now and then.
const SETTLE: Duration = Duration::from_secs(15);

/// One peer with so many series.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Scrapes {
    pub peer: Peer,
    pub series: u32,
    /// Bytes of an answer on the wire.
    pub plain_bytes: usize,
    pub gzip_bytes: usize,
    /// Milliseconds from the request to the last byte, each with values that no scrape before had.
    pub plain: Vec<f64>,
    pub gzip: Vec<f64>,
    /// Resident memory before the first series, with all of them, and after the scrapes, in bytes.
    pub resident_empty: u64,
    pub resident_full: u64,
    pub resident_scraped: u64,
}

/// Fills a peer with series and scrapes it, with new values before each scrape.
pub(super) async fn measure(
    place: &Place<'_>,
    peer: Peer,
    series: u32,
    scrapes: u32,
) -> Result<Scrapes> {
    let topic = format!("bench-scrape-{series}-{}", super::peers::unique());
    workload::create(&place.bootstrap, &topic).await?;
    let serving = place.start(peer, &topic, true)?;
    place.caught_up(&serving).await?;
    let resident_empty = resident(&serving)?;
    let mut filling = Filling {
        shape: Shape {
            name: "scrape",
            about: "every series once",
            metrics: METRICS,
            series,
            messages: series.div_ceil(METRICS),
            ..workload::SHAPES[0]
        },
        topic,
        round: 0,
    };
    filling.next(place, &serving).await?;
    tokio::time::sleep(SETTLE).await;
    let resident_full = resident(&serving)?;
    let mut result = Scrapes {
        peer,
        series,
        plain_bytes: 0,
        gzip_bytes: 0,
        plain: Vec::new(),
        gzip: Vec::new(),
        resident_empty,
        resident_full,
        resident_scraped: 0,
    };
    for _ in 0..scrapes {
        filling.next(place, &serving).await?;
        let (took, bytes) = scrape(place, &serving, false).await?;
        result.plain.push(took);
        result.plain_bytes = bytes;
        filling.next(place, &serving).await?;
        let (took, bytes) = scrape(place, &serving, true).await?;
        result.gzip.push(took);
        result.gzip_bytes = bytes;
    }
    tokio::time::sleep(SETTLE).await;
    result.resident_scraped = resident(&serving)?;
    place.stop(serving).await?;
    Ok(result)
}

/// Rounds of messages with a new value for every series.
struct Filling {
    shape: Shape,
    topic: String,
    round: u64,
}

impl Filling {
    /// Sends a round, and waits until the peer shows its last value.
    async fn next(&mut self, place: &Place<'_>, serving: &Serving) -> Result<()> {
        self.round += 1;
        let what = (&self.shape, self.shape.messages, self.round);
        workload::send(place, &self.topic, what).await?;
        let records = self.round as f64 * f64::from(self.shape.messages);
        super::latency::wait_for(place, serving, records).await
    }
}

async fn scrape(place: &Place<'_>, serving: &Serving, gzip: bool) -> Result<(f64, usize)> {
    let begun = Instant::now();
    let mut answer = place
        .client
        .get(format!("{}/metrics", serving.url))
        .header(ACCEPT, "text/plain;version=0.0.4")
        .header(ACCEPT_ENCODING, if gzip { "gzip" } else { "identity" })
        .send()
        .await?
        .error_for_status()?;
    if answer.headers().contains_key(CONTENT_ENCODING) != gzip {
        bail!("the answer's encoding is not the one that was asked for");
    }
    // Nothing is kept: room for megabytes would cost the client more than the answer costs the peer.
    let mut bytes = 0;
    while let Some(chunk) = answer.chunk().await? {
        bytes += chunk.len();
    }
    Ok((begun.elapsed().as_secs_f64() * 1000.0, bytes))
}
