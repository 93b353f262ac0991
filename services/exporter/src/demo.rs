//! `--demo`: a Kafka inside this process (librdkafka's mock cluster), and the built-in generator as its
//! producer. For a first look and for trying dashboards; no broker, no Java.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use producer::{Generator, Names, Pace, Shape, Target};
use rdkafka::ClientConfig;
use rdkafka::bindings::{
    rd_kafka_handle_mock_cluster, rd_kafka_mock_group_initial_rebalance_delay_ms,
};
use rdkafka::error::KafkaError;
use rdkafka::producer::{BaseProducer, Producer};

/// Series, partitions and messages a second of the demonstration.
const SHAPE: Shape = Shape {
    series: 60,
    metrics_per_message: 10,
    labels: true,
    names: Names::Plain,
    shuffled: false,
    described_anew: 0.0,
    renamed: 0.0,
};
const PARTITIONS: i32 = 3;
const RATE: f64 = 12.0;

/// Why there is no demonstration.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The cluster cannot be made.
    #[error("cannot start the mock cluster")]
    Cluster(#[source] KafkaError),
    /// The client has no cluster, which librdkafka promises it has.
    #[error("the mock cluster is missing")]
    Missing,
    /// The system gives no thread.
    #[error("cannot start the generator")]
    Thread(#[source] std::io::Error),
}

/// A running demonstration. It ends when this is dropped.
pub struct Demo {
    stop: Arc<AtomicBool>,
    generator: Option<JoinHandle<()>>,
    bootstrap: String,
    /// The cluster lives as long as the client that made it.
    _cluster: BaseProducer,
}

impl Demo {
    /// Starts cluster and generator.
    ///
    /// # Errors
    /// librdkafka or the system refuses.
    pub fn start(topic: &str) -> Result<Demo, DemoError> {
        let cluster: BaseProducer = ClientConfig::new()
            .set("test.mock.num.brokers", "1")
            // Its own notice that this is a mock is no news here.
            .set("log_level", "2")
            .create()
            .map_err(DemoError::Cluster)?;
        let mock = cluster.client().mock_cluster().ok_or(DemoError::Missing)?;
        mock.create_topic(topic, PARTITIONS, 1)
            .map_err(DemoError::Cluster)?;
        // SAFETY: the handle belongs to `cluster`, which is alive, and was checked to exist. The call sets a
        // number. It has no safe counterpart in rdkafka, and the default of 3 s is no first look.
        unsafe {
            let handle = rd_kafka_handle_mock_cluster(cluster.client().native_ptr());
            rd_kafka_mock_group_initial_rebalance_delay_ms(handle, 0);
        }
        let bootstrap = mock.bootstrap_servers();
        drop(mock);
        let stop = Arc::new(AtomicBool::new(false));
        let generator = {
            let (bootstrap, topic, stop) = (bootstrap.clone(), topic.to_owned(), Arc::clone(&stop));
            let run = move || generate(&bootstrap, &topic, &stop);
            std::thread::Builder::new()
                .name("generator".to_owned())
                .spawn(run)
                .map_err(DemoError::Thread)?
        };
        Ok(Demo {
            stop,
            generator: Some(generator),
            bootstrap,
            _cluster: cluster,
        })
    }

    /// Where the cluster is.
    pub fn bootstrap_servers(&self) -> &str {
        &self.bootstrap
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(generator) = self.generator.take() {
            // Its panic, if any, has been printed.
            let _ = generator.join();
        }
    }
}

fn generate(bootstrap: &str, topic: &str, stop: &AtomicBool) {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", bootstrap)
        .set("client.id", "demo")
        .set("linger.ms", "0");
    let target = Target {
        config: &config,
        topic,
        flush_timeout: Duration::from_millis(100),
    };
    let pace = Pace::new(RATE, Duration::ZERO, Instant::now());
    if let Err(error) = producer::run(&target, Generator::new(SHAPE, 1), pace, Some(1), stop) {
        tracing::error!(%error, "the generator ended");
    }
}
