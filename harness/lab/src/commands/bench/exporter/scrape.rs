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

/// Fills peers with the same series and scrapes them in turn, with new values before each kind of scrape.
pub(super) async fn measure(
    place: &Place<'_>,
    peers: &[Peer],
    series: u32,
    scrapes: u32,
) -> Result<Vec<Scrapes>> {
    let topic = format!("bench-scrape-{series}-{}", super::peers::unique());
    workload::create(&place.bootstrap, &topic).await?;
    let mut all = Vec::new();
    for peer in peers {
        let serving = place.start(*peer, &topic, true)?;
        place.caught_up(&serving).await?;
        let empty = Scrapes::empty(*peer, series, resident(&serving)?);
        all.push((serving, empty));
    }
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
    filling.next(place, &all).await?;
    tokio::time::sleep(SETTLE).await;
    for (serving, result) in &mut all {
        result.resident_full = resident(serving)?;
    }
    for _ in 0..scrapes {
        for gzip in [false, true] {
            filling.next(place, &all).await?;
            for (serving, result) in &mut all {
                let (took, bytes) = scrape(place, serving, gzip).await?;
                result.add(gzip, took, bytes);
            }
        }
        // Each round begins with another peer.
        all.rotate_left(1);
    }
    tokio::time::sleep(SETTLE).await;
    let sent = workload::digest(&place.bootstrap, &filling.topic).await?;
    let mut results = Vec::new();
    for (serving, mut result) in all {
        result.resident_scraped = resident(&serving)?;
        sent.compare(result.peer, &place.page(&serving).await?)?;
        place.stop(serving).await?;
        results.push(result);
    }
    results.sort_by_key(|result| result.peer);
    Ok(results)
}

impl Scrapes {
    fn empty(peer: Peer, series: u32, resident_empty: u64) -> Scrapes {
        Scrapes {
            peer,
            series,
            plain_bytes: 0,
            gzip_bytes: 0,
            plain: Vec::new(),
            gzip: Vec::new(),
            resident_empty,
            resident_full: 0,
            resident_scraped: 0,
        }
    }

    fn add(&mut self, gzip: bool, took: f64, bytes: usize) {
        let (times, last) = match gzip {
            true => (&mut self.gzip, &mut self.gzip_bytes),
            false => (&mut self.plain, &mut self.plain_bytes),
        };
        times.push(took);
        *last = bytes;
    }
}

/// Rounds of messages with a new value for every series.
struct Filling {
    shape: Shape,
    topic: String,
    round: u64,
}

impl Filling {
    /// Sends a round, and waits until every peer has taken in all of it.
    async fn next(&mut self, place: &Place<'_>, all: &[(Serving, Scrapes)]) -> Result<()> {
        self.round += 1;
        let what = (&self.shape, self.shape.messages, self.round);
        workload::send(place, &self.topic, what).await?;
        let records = self.round as f64 * f64::from(self.shape.messages);
        for (serving, _) in all {
            super::latency::wait_for(place, serving, records).await?;
        }
        Ok(())
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
