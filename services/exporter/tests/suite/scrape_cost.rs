//! What scrapes cost the consumption, measured: 8 clients that scrape every 100 ms, as they are and compressed, one that reads slowly,
//! and one that does not read at all. A figure of a quiet machine: it runs only with `EXPORTER_BENCH=1`, on the broker that
//! `LAB_BOOTSTRAP` names. `EXPORTER_BENCH=9` measures nine rounds instead of five.
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::support::exporter::{Exporter, Kafka, broker, get, unique};

const MESSAGES: u32 = 200_000;
const METRICS: u32 = 20;
const SERIES: u32 = 10_000;
const CLIENTS: usize = 8;
const EVERY: Duration = Duration::from_millis(100);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Clients {
    None,
    Plain,
    Gzip,
    Slow,
    Stalled,
}

const ALL: [Clients; 5] = [
    Clients::None,
    Clients::Plain,
    Clients::Gzip,
    Clients::Slow,
    Clients::Stalled,
];

/// Scrapes until it is told to end.
fn scrape(address: &str, gzip: bool, done: &AtomicBool, scrapes: &AtomicU64) {
    let headers: &[(&str, &str)] = if gzip {
        &[("Accept-Encoding", "gzip")]
    } else {
        &[]
    };
    let mut next = Instant::now();
    while !done.load(Ordering::Relaxed) {
        assert_eq!(get(address, "/metrics", headers).status, 200);
        scrapes.fetch_add(1, Ordering::Relaxed);
        next += EVERY;
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
    }
}

/// Reads its answers a kilobyte at a time.
fn read_slowly(address: &str, done: &AtomicBool) {
    let mut kilobyte = [0; 1024];
    while !done.load(Ordering::Relaxed) {
        let mut stream = stalled(address);
        while !done.load(Ordering::Relaxed) && stream.read(&mut kilobyte).unwrap_or(0) > 0 {
            std::thread::sleep(EVERY);
        }
    }
}

fn stalled(address: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .unwrap();
    stream
}

/// Messages a second while everything is consumed, and how many scrapes were answered meanwhile.
fn rate(kafka: &Kafka, topic: &str, clients: Clients) -> (f64, u64) {
    let exporter = Exporter::on(&kafka.bootstrap, topic, &unique("group"), &[]);
    let done = Arc::new(AtomicBool::new(false));
    let scrapes = Arc::new(AtomicU64::new(0));
    let threads = match clients {
        Clients::Plain | Clients::Gzip => CLIENTS,
        Clients::Slow => 1,
        Clients::None | Clients::Stalled => 0,
    };
    let threads: Vec<_> = (0..threads)
        .map(|_| {
            let (done, scrapes) = (Arc::clone(&done), Arc::clone(&scrapes));
            let address = exporter.address.clone();
            std::thread::spawn(move || match clients {
                Clients::Slow => read_slowly(&address, &done),
                _ => scrape(&address, clients == Clients::Gzip, &done, &scrapes),
            })
        })
        .collect();
    let stalled = (clients == Clients::Stalled).then(|| stalled(&exporter.address));
    // The first assignment is where consuming begins; the exporter itself tells how long it took.
    exporter.ready();
    let seconds = exporter.samples()["exporter_restore_duration_seconds"];
    let scrapes = scrapes.load(Ordering::Relaxed);
    done.store(true, Ordering::Relaxed);
    threads
        .into_iter()
        .for_each(|thread| thread.join().unwrap());
    drop(stalled);
    (f64::from(MESSAGES) / seconds, scrapes)
}

fn median(mut figures: Vec<f64>) -> (f64, f64, f64) {
    figures.sort_by(f64::total_cmp);
    (
        figures[0],
        figures[figures.len() / 2],
        figures[figures.len() - 1],
    )
}

#[test]
fn scrapes_cost_less_than_a_tenth_of_the_consumption() {
    let Ok(rounds) = std::env::var("EXPORTER_BENCH") else {
        println!("skipped: a figure of a quiet machine; EXPORTER_BENCH=1 measures it");
        return;
    };
    let rounds: usize = rounds.parse().expect("EXPORTER_BENCH");
    let rounds = if rounds == 1 { 5 } else { rounds };
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
    // Interleaved, so that whatever else the machine does hits all alike; the first run of all only warms the page cache.
    rate(&kafka, &topic, Clients::None);
    let mut samples = Vec::new();
    for round in 0..rounds {
        for clients in ALL {
            let (rate, scrapes) = rate(&kafka, &topic, clients);
            println!("round {round}, {clients:?}: {rate:.0} messages/s, {scrapes} scrapes");
            samples.push((round, clients, rate, scrapes));
        }
    }
    let raw: Vec<_> = samples
        .iter()
        .map(|(round, clients, rate, scrapes)| {
            serde_json::json!({"round": round, "clients": format!("{clients:?}"), "messages_per_second": rate, "scrapes": scrapes})
        })
        .collect();
    let file = concat!(env!("CARGO_TARGET_TMPDIR"), "/scrape-cost.json");
    std::fs::write(file, serde_json::to_vec_pretty(&raw).unwrap()).unwrap();
    println!("raw samples: {file}");
    let of = |wanted: Clients| -> Vec<f64> {
        let these = samples
            .iter()
            .filter(|(_, clients, _, _)| *clients == wanted);
        these.map(|(_, _, rate, _)| *rate).collect()
    };
    let mut too_much = Vec::new();
    for clients in ALL {
        let ratios: Vec<f64> = of(clients)
            .iter()
            .zip(of(Clients::None))
            .map(|(rate, alone)| rate / alone)
            .collect();
        let ((_, rate, _), (low, ratio, high)) = (median(of(clients)), median(ratios));
        println!(
            "{clients:?}: {rate:.0} messages/s, {ratio:.3} of the rate alone ({low:.3} to {high:.3})"
        );
        if ratio < 0.9 {
            too_much.push(clients);
        }
    }
    assert_eq!(too_much, [], "these cost more than a tenth");
}
