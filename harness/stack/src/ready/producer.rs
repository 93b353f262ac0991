//! The producer listens nowhere: it is ready when its topic has a record.

use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};

use super::{kafka, words};
use crate::endpoints::Endpoints;
use crate::services::producer::settings;

pub(super) async fn probe(endpoints: &Endpoints) -> Result<(), String> {
    let bootstrap = endpoints
        .endpoint("lab", "kafka", "bootstrap")
        .map_err(|error| error.to_string())?
        .to_owned();
    kafka::listening(&bootstrap).await?;
    let settings = settings().map_err(|error| words(&error))?;
    let mut client = endpoints.kafka_client(&bootstrap);
    let records = tokio::task::spawn_blocking(move || {
        let consumer: BaseConsumer = client.set("log_level", "0").create()?;
        let (low, high) = consumer.fetch_watermarks(&settings.topic, 0, Duration::from_secs(1))?;
        Ok::<_, rdkafka::error::KafkaError>(high - low)
    });
    match records
        .await
        .map_err(|error| words(&error))?
        .map_err(|error| words(&error))?
    {
        0 => Err("its topic is empty".to_owned()),
        _ => Ok(()),
    }
}
