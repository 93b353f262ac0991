//! Strangers on the exporter's port: ten thousand that hardly say anything, and some that say what is no HTTP.
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rstest::rstest;

use crate::support::exporter::{Exporter, Kafka, broker, gauge, unique};

const STRANGERS: usize = 10_000;

/// Raises the limit of open files as far as it may be.
fn open_files() -> u64 {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: both take the address of a limit, which is here.
    unsafe {
        libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit);
        limit.rlim_cur = limit.rlim_max;
        libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit);
    }
    limit.rlim_max
}

/// Says a little more on each connection, and opens those again that the exporter has closed, until told to stop.
fn keep_talking(address: &str, stop: &AtomicBool, opened: &AtomicU64) {
    let open = || {
        opened.fetch_add(1, Ordering::Relaxed);
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_nonblocking(true).unwrap();
        let _ = stream.write(b"GET /metrics HTTP/1.1\r\nHost: x\r\nX-Slow: ");
        stream
    };
    let mut strangers: Vec<TcpStream> = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        if strangers.len() < STRANGERS {
            strangers.extend((0..100).map(|_| open()));
            continue;
        }
        for stranger in &mut strangers {
            let is_gone = stranger.write(b"a").is_err() || matches!(stranger.read(&mut [0]), Ok(0));
            if is_gone && !stop.load(Ordering::Relaxed) {
                *stranger = open();
            }
        }
    }
}

/// They had every place for half a minute each, and scrapes had none.
#[test]
fn ten_thousand_slow_connections_keep_out_no_scrape_and_hold_up_no_message() {
    let Some(bootstrap) = broker() else { return };
    let files = open_files();
    if files < STRANGERS as u64 + 1_000 {
        eprintln!("skipped: {files} open files are not enough for {STRANGERS} connections");
        return;
    }
    let kafka = Kafka::new(&bootstrap);
    let topic = unique("strangers-test");
    kafka.create(&topic, 1);
    kafka.send(&topic, 0, &gauge("level", 0.0));
    let exporter = Exporter::on(&kafka.bootstrap, &topic, &unique("group"), &[]);
    exporter.ready();
    let before = exporter.peak_memory();
    let stop = Arc::new(AtomicBool::new(false));
    let opened = Arc::new(AtomicU64::new(0));
    let strangers = {
        let (address, stop, opened) = (
            exporter.address.clone(),
            Arc::clone(&stop),
            Arc::clone(&opened),
        );
        std::thread::spawn(move || keep_talking(&address, &stop, &opened))
    };
    while opened.load(Ordering::Relaxed) < STRANGERS as u64 {
        assert!(!strangers.is_finished());
        std::thread::sleep(Duration::from_millis(50));
    }
    let mut took = Vec::new();
    for value in 1..=50 {
        kafka.send(&topic, 0, &gauge("level", f64::from(value)));
        let sent = Instant::now();
        loop {
            let begin = Instant::now();
            let samples = exporter.samples();
            took.push(begin.elapsed());
            if samples.get("level") == Some(&f64::from(value)) {
                break;
            }
            assert!(sent.elapsed() < Duration::from_secs(5), "the message waits");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    stop.store(true, Ordering::Relaxed);
    strangers.join().unwrap();
    took.sort();
    let more = (exporter.peak_memory() - before) >> 20;
    println!(
        "{} scrapes, p50 {:?}, most {:?}; {} connections; {more} MiB more",
        took.len(),
        took[took.len() / 2],
        took[took.len() - 1],
        opened.load(Ordering::Relaxed),
    );
    assert!(took[took.len() - 1] < Duration::from_secs(5), "{took:?}");
    assert!(more < 64, "{more} MiB");
    exporter.stop();
}

#[rstest]
#[case::a_tls_greeting(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec())]
#[case::no_text(vec![0xff; 100_000])]
#[case::a_version_that_is_none(b"GET /metrics HTTP/9.9\r\n\r\n".to_vec())]
#[case::an_endless_path([b"GET /".as_slice(), &[b'a'; 2_000_000]].concat())]
#[case::an_endless_header([b"GET /metrics HTTP/1.1\r\nX: ".as_slice(), &[b'a'; 2_000_000]].concat())]
#[case::headers_without_end([b"GET /metrics HTTP/1.1\r\n".as_slice(), &b"A: b\r\n".repeat(200_000)].concat())]
#[case::a_chunk_of_no_size(b"POST /metrics HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n".to_vec())]
#[case::two_lengths(b"GET /metrics HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n".to_vec())]
fn what_is_no_http_is_refused_or_cut_off_and_others_are_served(#[case] said: Vec<u8>) {
    let exporter = Exporter::start(&[("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:9")], &[]);
    let mut stream = TcpStream::connect(&exporter.address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    // It may be cut off before everything is said.
    let _ = stream.write_all(&said);
    let _ = stream.shutdown(std::net::Shutdown::Write);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    assert!(
        answer.is_empty() || answer.starts_with(b"HTTP/1.1 4"),
        "{}",
        String::from_utf8_lossy(&answer)
    );
    assert_eq!(exporter.get("/metrics", &[]).status, 200);
    assert!(exporter.peak_memory() < 64 << 20);
}
