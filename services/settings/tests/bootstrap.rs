//! A client that has lost every broker, on the real broker that `LAB_BOOTSTRAP` names.

#![allow(clippy::unwrap_used, missing_docs)]

use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use settings::Bootstrap;

/// librdkafka 2.12.1, issue 5301: such a client never asked anybody again.
#[test]
fn it_is_told_where_to_begin_again() {
    let Ok(servers) = std::env::var("LAB_BOOTSTRAP") else {
        println!("skipped: needs a Kafka broker; LAB_BOOTSTRAP=host:port names one");
        return;
    };
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", servers);
    let bootstrap = Bootstrap::of(&config);
    // What such an answer leaves: no broker, and no memory of one.
    config.remove("bootstrap.servers");
    let consumer: BaseConsumer = config.create().unwrap();
    let asks = || consumer.fetch_metadata(None, Duration::from_millis(500));
    asks().unwrap_err();
    // Who waits for nothing is not reminded.
    bootstrap.look(consumer.client(), false);

    let begun = Instant::now();
    while asks().is_err() {
        assert!(begun.elapsed() < Duration::from_secs(60), "it stays lost");
        bootstrap.look(consumer.client(), true);
    }
    assert!(begun.elapsed() > Duration::from_secs(5), "it was impatient");
}
