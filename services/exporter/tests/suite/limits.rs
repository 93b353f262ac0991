//! What is bounded stays within its bound, on the real broker that `LAB_BOOTSTRAP` names.
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::support::exporter::{Exporter, Kafka, PATIENCE, broker, gauge, get, unique};

/// Broker, a fresh topic with one partition and a fresh group; or nothing, having said why.
fn lab() -> Option<(Kafka, String, String)> {
    let kafka = Kafka::new(&broker()?);
    let topic = unique("limits-test");
    kafka.create(&topic, 1);
    Some((kafka, topic, unique("group")))
}

/// A message with many gauges, with a long description each: a page of them fills every buffer on the way to a client.
fn many(from: u32, count: u32) -> Vec<u8> {
    let description = "d".repeat(1000);
    let metrics = (from..from + count).map(|number| {
        format!(r#""{number}":{{"Type":"gauge","Name":"big_{number}","Description":"{description}","Value":{number}}}"#)
    });
    format!("{{{}}}", metrics.collect::<Vec<_>>().join(",")).into_bytes()
}

/// A request that has a place, and whose answer nobody reads.
fn stalled(address: &str) -> TcpStream {
    let begin = Instant::now();
    loop {
        let mut stream = TcpStream::connect(address).unwrap();
        stream
            .write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            .unwrap();
        let mut status = [0; 12];
        stream.read_exact(&mut status).unwrap();
        if status == *b"HTTP/1.1 200" {
            return stream;
        }
        // The place of an answer that this test has just read may not be free yet.
        assert!(begin.elapsed() < PATIENCE, "no place");
    }
}

#[test]
fn a_scrape_beyond_the_cap_is_told_to_come_again_and_a_place_is_free_once_its_client_has_read_or_gone()
 {
    let Some((kafka, topic, group)) = lab() else {
        return;
    };
    for from in (0..20_000).step_by(500) {
        kafka.queue(&topic, 0, &many(from, 500));
    }
    kafka.flush();
    let exporter = Exporter::on(&kafka.bootstrap, &topic, &group, &[("MAX_SCRAPES", "2")]);
    exporter.until("20,000 series", |samples| {
        samples.get("exporter_series") == Some(&20_000.0)
    });
    let refused = || {
        let answer = exporter.get("/metrics?name[]=exporter_scrapes_refused_total", &[]);
        (answer.status, answer.headers.get("retry-after").cloned())
    };
    assert_eq!(refused().0, 200);
    let mut first = stalled(&exporter.address);
    let second = stalled(&exporter.address);
    assert_eq!(refused(), (503, Some("1".to_owned())));
    // Only scrapes are capped.
    assert_eq!(exporter.get("/health", &[]).status, 200);
    drop(second);
    let begin = Instant::now();
    while refused().0 != 200 {
        assert!(
            begin.elapsed() < PATIENCE,
            "the place of a client that went is not free"
        );
    }
    let third = stalled(&exporter.address);
    assert_eq!(refused().0, 503);
    // Who reads after all gets everything.
    let mut page = String::new();
    first.read_to_string(&mut page).unwrap();
    assert!(page.contains("\nbig_19999 19999\n"));
    let begin = Instant::now();
    while refused().0 != 200 {
        assert!(
            begin.elapsed() < PATIENCE,
            "the place of a client that has read is not free"
        );
    }
    drop(third);
    let counted = exporter.until("counted", |samples| {
        samples["exporter_scrapes_refused_total"] > 0.0
    });
    println!("{} refused", counted["exporter_scrapes_refused_total"]);
}

#[test]
fn what_goes_past_a_limit_is_refused_counted_by_reason_and_told_of() {
    let Some((kafka, topic, group)) = lab() else {
        return;
    };
    let metric =
        |fields: &str| format!(r#"{{"m":{{"Type":"gauge","Value":1,{fields}}}}}"#).into_bytes();
    let two = br#"{"a":{"Type":"gauge","Name":"two_1","Value":1},"b":{"Type":"gauge","Name":"two_2","Value":1},"c":{"Type":"gauge","Name":"two_3","Value":1}}"#;
    let full = br#"{"a":{"Type":"gauge","Name":"fourth","Value":1},"b":{"Type":"gauge","Name":"fifth","Value":1}}"#;
    let cases: [(&str, Vec<u8>); 10] = [
        (
            "reserved_label",
            metric(r#""Name":"a","Labels":{"le":"1"}"#),
        ),
        ("reserved_name", metric(r#""Name":"exporter_x""#)),
        ("message_series_limit", two.to_vec()),
        ("name_collision", metric(r#""Name":"two.1""#)),
        ("name_too_long", metric(r#""Name":"abcdefghijklmnopq""#)),
        (
            "description_too_long",
            metric(r#""Name":"a","Description":"abcdefghijklmnopq""#),
        ),
        (
            "too_many_labels",
            metric(r#""Name":"a","Labels":{"a":"1","b":"1","c":"1"}"#),
        ),
        (
            "label_too_long",
            metric(r#""Name":"a","Labels":{"a":"abcdefghijklmnopq"}"#),
        ),
        (
            "message_too_long",
            metric(&format!(
                r#""Name":"a","Description":"{}""#,
                "d".repeat(300)
            )),
        ),
        ("series_limit", full.to_vec()),
    ];
    kafka.send(&topic, 0, &gauge("kept", 1.0));
    for (_, payload) in &cases {
        kafka.queue(&topic, 0, payload);
    }
    kafka.queue(&topic, 0, b"not json");
    kafka.queue(&topic, 0, &gauge("kept", 2.0));
    kafka.flush();
    let limits = [
        ("MAX_SERIES", "4"),
        ("MAX_SERIES_PER_MESSAGE", "2"),
        ("MAX_LABELS", "2"),
        ("MAX_NAME_LENGTH", "16"),
        ("MAX_LABEL_VALUE_LENGTH", "16"),
        ("MAX_DESCRIPTION_LENGTH", "16"),
        ("MAX_MESSAGE_BYTES", "250"),
    ];
    let exporter = Exporter::on(&kafka.bootstrap, &topic, &group, &limits);
    let samples = exporter.until("the last record", |samples| {
        samples.get("kept") == Some(&2.0)
    });
    for (reason, _) in &cases {
        let counted = samples[&format!("exporter_rejected_total{{reason=\"{reason}\"}}")];
        assert_eq!(counted, 1.0, "{reason}");
    }
    let log = exporter.log();
    for (reason, _) in cases {
        let told = log
            .iter()
            .filter(|line| line.contains(&format!("reason=\"{reason}\"")));
        assert_eq!(told.count(), 1, "{reason}: {log:#?}");
    }
}

#[test]
fn a_ttl_runs_without_messages_and_without_scrapes() {
    let Some((kafka, topic, group)) = lab() else {
        return;
    };
    let exporter = Exporter::on(&kafka.bootstrap, &topic, &group, &[("SERIES_TTL", "1s")]);
    kafka.send(&topic, 0, &gauge("silent", 1.0));
    exporter.until("the series", |samples| samples.contains_key("silent"));
    // Not a wait for something to happen: two seconds in which nobody asks and nothing comes.
    std::thread::sleep(Duration::from_secs(3));
    let samples = exporter.samples();
    assert_eq!(samples["exporter_series"], 0.0);
    assert_eq!(samples["exporter_series_expired_total"], 1.0);
    assert!(!samples.contains_key("silent"));
}

/// The README's bound.
fn bound(text: u64, series: u64, scrapes: u64, answer: u64) -> u64 {
    text * 4 + series * 600 + (64 << 20) + scrapes * answer + 50_000_000
}

#[test]
fn a_million_series_offered_leave_the_first_hundred_thousand_right_and_memory_bounded() {
    const HELD: u32 = 100_000;
    const OFFERED: u32 = 1_000_000;
    const SCRAPES: u64 = 4;
    const TEXT: u64 = 8 << 20;
    let Some((kafka, topic, group)) = lab() else {
        return;
    };
    // Twice: the second time every series that is held has a new value.
    for round in 0..2u32 {
        for message in 0..OFFERED / 20 {
            let metrics = (0..20).map(|place| {
                let number = message * 20 + place;
                let value = number + round * OFFERED;
                format!(r#""{number}":{{"Type":"gauge","Name":"series_number_{number}","Description":"d","Value":{value}}}"#)
            });
            let payload = format!("{{{}}}", metrics.collect::<Vec<_>>().join(","));
            kafka.queue(&topic, 0, payload.as_bytes());
        }
    }
    kafka.flush();
    let limits = [
        ("MAX_SERIES", HELD.to_string()),
        ("MAX_TEXT_BYTES", TEXT.to_string()),
        ("MAX_SCRAPES", SCRAPES.to_string()),
    ];
    let limits: Vec<(&str, &str)> = limits.iter().map(|(n, v)| (*n, v.as_str())).collect();
    let exporter = Exporter::on(&kafka.bootstrap, &topic, &group, &limits);
    // Answers are part of the bound, and so they are asked for all the while.
    let done = Arc::new(AtomicBool::new(false));
    let scrapers: Vec<_> = (0..SCRAPES)
        .map(|_| {
            let (address, done) = (exporter.address.clone(), Arc::clone(&done));
            std::thread::spawn(move || {
                let mut longest = 0;
                while !done.load(Ordering::Relaxed) {
                    longest = longest.max(get(&address, "/metrics", &[]).body.len());
                }
                longest
            })
        })
        .collect();
    exporter.ready();
    done.store(true, Ordering::Relaxed);
    let longest = scrapers
        .into_iter()
        .map(|scraper| scraper.join().unwrap() as u64)
        .max()
        .unwrap();
    let samples = exporter.samples();
    let refused = f64::from(2 * (OFFERED - HELD));
    assert_eq!(
        samples["exporter_rejected_total{reason=\"series_limit\"}"],
        refused
    );
    for number in 0..HELD {
        assert_eq!(
            samples[&format!("series_number_{number}")],
            f64::from(number + OFFERED)
        );
    }
    assert_eq!(samples["exporter_series"], f64::from(HELD));
    let answer = longest.max(exporter.get("/metrics", &[]).body.len() as u64);
    let (peak, bound) = (
        exporter.peak_memory(),
        bound(TEXT, u64::from(HELD), SCRAPES, answer),
    );
    println!(
        "{HELD} series held, {OFFERED} offered twice: peak memory {} MB, documented bound {} MB, answer {} MB",
        peak / 1_000_000,
        bound / 1_000_000,
        answer / 1_000_000
    );
    assert!(peak < bound, "{peak} is not below {bound}");
}
