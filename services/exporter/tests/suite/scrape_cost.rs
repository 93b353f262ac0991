//! What scrapes cost the consumption, measured: 8 clients that scrape every 100 ms, and one that does not
//! read its answer. A figure of a quiet machine: it runs only with `EXPORTER_BENCH=1`, on the broker that
//! `LAB_BOOTSTRAP` names.
use std::io::Write;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::support::exporter::{Exporter, Kafka, broker, get, unique};

const MESSAGES: u32 = 200_000;
const METRICS: u32 = 20;
const SERIES: u32 = 10_000;

/// Seconds to consume everything.
fn consume(kafka: &Kafka, topic: &str, clients: usize, stalled: bool) -> f64 {
    let exporter = Exporter::on(&kafka.bootstrap, topic, &unique("group"), &[]);
    let done = Arc::new(AtomicBool::new(false));
    let scrapers: Vec<_> = (0..clients)
        .map(|_| {
            let (address, done) = (exporter.address.clone(), Arc::clone(&done));
            std::thread::spawn(move || {
                let mut next = Instant::now();
                while !done.load(Ordering::Relaxed) {
                    assert_eq!(get(&address, "/metrics", &[]).status, 200);
                    next += Duration::from_millis(100);
                    std::thread::sleep(next.saturating_duration_since(Instant::now()));
                }
            })
        })
        .collect();
    let slow = stalled.then(|| {
        let mut stream = TcpStream::connect(&exporter.address).unwrap();
        stream
            .write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
            .unwrap();
        stream
    });
    // The first assignment is where consuming begins; the exporter itself tells how long it took.
    exporter.ready();
    let seconds = exporter.samples()["exporter_restore_duration_seconds"];
    done.store(true, Ordering::Relaxed);
    scrapers
        .into_iter()
        .for_each(|scraper| scraper.join().unwrap());
    drop(slow);
    seconds
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

#[test]
fn scrapes_cost_less_than_a_tenth_of_the_consumption() {
    if std::env::var_os("EXPORTER_BENCH").is_none() {
        println!("skipped: a figure of a quiet machine; EXPORTER_BENCH=1 measures it");
        return;
    }
    let Some(bootstrap) = broker() else { return };
    let kafka = Kafka::new(&bootstrap);
    let topic = unique("scrape-cost");
    kafka.create(&topic, 1);
    for message in 0..MESSAGES {
        let metrics = (0..METRICS).map(|place| {
            let series = (message * METRICS + place) % SERIES;
            format!(r#""{place}":{{"Type":"gauge","Name":"series_number_{series}","Description":"A description of ordinary length","Value":{message}}}"#)
        });
        kafka.queue(
            &topic,
            0,
            format!("{{{}}}", metrics.collect::<Vec<_>>().join(",")).as_bytes(),
        );
    }
    kafka.flush();
    // Interleaved, so that whatever else the machine does hits all alike.
    let (mut alone, mut scraped, mut slow) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..5 {
        alone.push(consume(&kafka, &topic, 0, false));
        scraped.push(consume(&kafka, &topic, 8, false));
        slow.push(consume(&kafka, &topic, 0, true));
    }
    println!(
        "seconds alone {alone:.2?}, with 8 scrapers {scraped:.2?}, with a client that does not read {slow:.2?}"
    );
    let (alone, scraped, slow) = (median(alone), median(scraped), median(slow));
    println!(
        "messages a second: {:.0} alone, {:.0} scraped, {:.0} with a stalled client",
        f64::from(MESSAGES) / alone,
        f64::from(MESSAGES) / scraped,
        f64::from(MESSAGES) / slow
    );
    assert!(
        alone / scraped > 0.9,
        "scrapes cost {:.0} %",
        (1.0 - alone / scraped) * 100.0
    );
    assert!(
        alone / slow > 0.9,
        "a stalled client costs {:.0} %",
        (1.0 - alone / slow) * 100.0
    );
}
