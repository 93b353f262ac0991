//! A client that has lost every broker, on the real broker that `LAB_BOOTSTRAP` names.

#![allow(clippy::unwrap_used, missing_docs)]

use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::client::ClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use settings::Bootstrap;

struct Context(Bootstrap);

impl ClientContext for Context {
    fn stats_raw(&self, statistics: &[u8]) {
        self.0.heard(statistics);
    }
}

impl ConsumerContext for Context {}

/// librdkafka 2.12.1, issue 5301: such a client never asked anybody again.
#[test]
fn it_is_told_where_to_begin_again() {
    let Ok(servers) = std::env::var("LAB_BOOTSTRAP") else {
        println!("skipped: needs a Kafka broker; LAB_BOOTSTRAP=host:port names one");
        return;
    };
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", servers)
        .set("group.id", "lost")
        .set("statistics.interval.ms", "100");
    let bootstrap = Bootstrap::watch(&mut config);
    // What such an answer leaves: no broker, and no memory of one.
    config.remove("bootstrap.servers");
    let consumer: BaseConsumer<Context> = config.create_with_context(Context(bootstrap)).unwrap();
    let asks = || consumer.fetch_metadata(None, Duration::from_millis(500));
    asks().unwrap_err();

    let begun = Instant::now();
    while asks().is_err() {
        assert!(begun.elapsed() < Duration::from_secs(30), "it stays lost");
        consumer.poll(Duration::from_millis(10));
        consumer.context().0.remind(consumer.client());
    }
}
