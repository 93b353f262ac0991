//! How fast a backlog is read.

use anyhow::{Result, bail};
use serde::Serialize;

use super::digest::Digest;
use super::peers::{Peer, Place, cpu, resident, sample};
use super::workload::{self, Shape};

/// One peer that read one topic to its end.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Sample {
    pub round: u32,
    pub shape: &'static str,
    pub peer: Peer,
    /// Records of the topic, in thousands a second, from the assignment until the end was reached.
    pub rate: f64,
    /// From the assignment until the end was reached.
    pub seconds: f64,
    /// Processor time of the process, of user and kernel, from its start to the end of the topic.
    pub cpu_seconds: f64,
    /// Resident memory at the end, in bytes.
    pub resident: Option<u64>,
    /// Share of the metrics that were read by comparing.
    pub predicted: Option<f64>,
}

/// A topic of one shape.
pub(super) struct Backlog {
    pub shape: Shape,
    pub topic: String,
    pub messages: u32,
    /// What it says in the end.
    pub digest: Digest,
}

impl Backlog {
    /// Makes the topic: so many messages as `share` of a full run.
    pub(super) async fn make(place: &Place<'_>, shape: Shape, share: f64) -> Result<Backlog> {
        let topic = format!("bench-{}", shape.name);
        let messages = (f64::from(shape.messages) * share).ceil() as u32;
        workload::create(&place.bootstrap, &topic).await?;
        let what = (&shape, messages, 1);
        workload::send(place, &topic, what).await?;
        let digest = workload::digest(&place.bootstrap, &topic).await?;
        Ok(Backlog {
            shape,
            topic,
            messages,
            digest,
        })
    }

    /// Lets a peer read it, and compares what it shows then with what was sent.
    pub(super) async fn read(&self, place: &Place<'_>, peer: Peer, round: u32) -> Result<Sample> {
        let sample = |seconds: f64, cpu_seconds: f64| Sample {
            round,
            shape: self.shape.name,
            peer,
            rate: f64::from(self.messages) / 1000.0 / seconds,
            seconds,
            cpu_seconds,
            resident: None,
            predicted: None,
        };
        if peer == Peer::Librdkafka {
            let consumed = place.consume(&self.topic).await?;
            if consumed.read.messages != u64::from(self.messages) {
                bail!(
                    "librdkafka read {} records of {}, which has {}",
                    consumed.read.messages,
                    self.topic,
                    self.messages
                );
            }
            return Ok(sample(consumed.read.seconds, consumed.cpu_seconds));
        }
        let serving = place.start(peer, &self.topic, true)?;
        place.caught_up(&serving).await?;
        let cpu_seconds = cpu(&serving);
        let memory = resident(&serving)?;
        let page = place.page(&serving).await?;
        place.stop(serving).await?;
        self.digest.compare(peer, &page)?;
        let Some(seconds) = self::sample(&page, "exporter_restore_duration_seconds") else {
            bail!("{} does not tell how long it took", peer.name());
        };
        let metrics = f64::from(self.messages) * f64::from(self.shape.metrics);
        let predicted = self::sample(&page, "exporter_metrics_predicted_total");
        Ok(Sample {
            resident: Some(memory),
            predicted: predicted.map(|predicted| predicted / metrics),
            ..sample(seconds, cpu_seconds)
        })
    }
}
