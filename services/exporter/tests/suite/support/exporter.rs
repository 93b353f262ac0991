//! The exporter as a process, and Kafka beside it.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::ffi::{CStr, CString};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use exporter::exposition::Syntax;
use rdkafka::ClientConfig;
use rdkafka::Message as _;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::bindings::{
    RD_KAFKA_MSG_F_COPY, rd_kafka_produceva, rd_kafka_vtype_t as Part, rd_kafka_vu_s,
    rd_kafka_vu_s__bindgen_ty_1 as Content, rd_kafka_vu_s__bindgen_ty_1__bindgen_ty_1,
    rd_kafka_vu_s__bindgen_ty_1__bindgen_ty_2,
};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{Offset, TopicPartitionList};

use super::strict;

/// How long anything may take here.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The broker that tests may use, or nothing, having said why the test does not run.
pub fn broker() -> Option<String> {
    let broker = std::env::var("LAB_BOOTSTRAP").ok();
    if broker.is_none() {
        println!("skipped: needs a Kafka broker; LAB_BOOTSTRAP=host:port names one");
    }
    broker
}

/// A name that no other test and no other run has.
pub fn unique(what: &str) -> String {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    format!("{what}-{}-{}", std::process::id(), now.as_nanos())
}

pub struct Kafka {
    pub bootstrap: String,
    config: ClientConfig,
    producer: BaseProducer,
}

impl Kafka {
    pub fn new(bootstrap: &str) -> Kafka {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", bootstrap);
        Kafka::with(config)
    }

    /// With settings of all clients.
    pub fn with(config: ClientConfig) -> Kafka {
        let producer = config.clone().set("linger.ms", "0").create().unwrap();
        Kafka {
            bootstrap: config.get("bootstrap.servers").unwrap().to_owned(),
            config,
            producer,
        }
    }

    /// Queues a message whose key decides on the partition, as sources should.
    pub fn queue_keyed(&self, topic: &str, key: &str, payload: &[u8]) {
        let mut record = BaseRecord::to(topic).key(key).payload(payload);
        while let Err((error, back)) = self.producer.send(record) {
            assert!(error.to_string().contains("Queue full"), "{error}");
            self.producer.poll(Duration::from_millis(100));
            record = back;
        }
    }

    pub fn create(&self, topic: &str, partitions: i32) {
        self.create_with(topic, partitions, &[]);
    }

    /// With settings of the topic.
    pub fn create_with(&self, topic: &str, partitions: i32, settings: &[(&str, &str)]) {
        let admin: AdminClient<DefaultClientContext> = self.config.create().unwrap();
        let mut new = NewTopic::new(topic, partitions, TopicReplication::Fixed(1));
        for (name, value) in settings {
            new = new.set(name, value);
        }
        // A broker that is busy answers with an unknown error once in a while, and may have made the topic all the same.
        let begin = Instant::now();
        loop {
            let created = runtime().block_on(admin.create_topics([&new], &AdminOptions::new()));
            match created.unwrap().pop() {
                Some(Err((_, RDKafkaErrorCode::TopicAlreadyExists))) | Some(Ok(_)) => return,
                Some(Err((_, RDKafkaErrorCode::Unknown))) if begin.elapsed() < PATIENCE => {
                    std::thread::sleep(Duration::from_millis(200));
                }
                refused => panic!("{topic}: {refused:?}"),
            }
        }
    }

    pub fn delete(&self, topic: &str) {
        let admin: AdminClient<DefaultClientContext> = self.config.create().unwrap();
        let deleted = runtime().block_on(admin.delete_topics(&[topic], &AdminOptions::new()));
        deleted
            .unwrap()
            .into_iter()
            .for_each(|result| drop(result.unwrap()));
    }

    /// Sends one message and waits until it is written.
    pub fn send(&self, topic: &str, partition: i32, payload: &[u8]) {
        self.queue(topic, partition, payload);
        self.flush();
    }

    pub fn queue(&self, topic: &str, partition: i32, payload: &[u8]) {
        let headers = OwnedHeaders::new().insert(Header {
            key: "from",
            value: Some("test"),
        });
        let mut record = BaseRecord::to(topic)
            .partition(partition)
            .key("key")
            .payload(payload)
            .headers(headers);
        while let Err((error, back)) = self.producer.send(record) {
            assert!(error.to_string().contains("Queue full"), "{error}");
            self.producer.poll(Duration::from_millis(100));
            record = back;
        }
    }

    /// Sends a message with a header to partition 0. The binding takes no name that is no text.
    pub fn send_with_header(&self, topic: &str, payload: &[u8], name: &CStr) {
        let topic = CString::new(topic).unwrap();
        let header = rd_kafka_vu_s__bindgen_ty_1__bindgen_ty_2 {
            name: name.as_ptr(),
            val: std::ptr::null(),
            size: 0,
        };
        let mem = rd_kafka_vu_s__bindgen_ty_1__bindgen_ty_1 {
            ptr: payload.as_ptr().cast_mut().cast(),
            size: payload.len(),
        };
        let cstr = topic.as_ptr();
        let parts = [
            (Part::RD_KAFKA_VTYPE_TOPIC, Content { cstr }),
            (Part::RD_KAFKA_VTYPE_PARTITION, Content { i32_: 0 }),
            (
                Part::RD_KAFKA_VTYPE_MSGFLAGS,
                Content {
                    i: RD_KAFKA_MSG_F_COPY,
                },
            ),
            (Part::RD_KAFKA_VTYPE_VALUE, Content { mem }),
            (Part::RD_KAFKA_VTYPE_HEADER, Content { header }),
        ]
        .map(|(vtype, u)| rd_kafka_vu_s { vtype, u });
        let client = self.producer.client().native_ptr();
        // SAFETY: each part has the content of its kind, and what it points to lives until the call, which copies it, is over.
        let error = unsafe { rd_kafka_produceva(client, parts.as_ptr(), parts.len()) };
        assert!(error.is_null());
        self.flush();
    }

    pub fn partitions(&self, topic: &str) -> usize {
        let consumer: BaseConsumer = self.config.create().unwrap();
        let metadata = consumer.fetch_metadata(Some(topic), PATIENCE).unwrap();
        metadata.topics()[0].partitions().len()
    }

    /// A setting of a topic.
    pub fn setting(&self, topic: &str, name: &str) -> String {
        let admin: AdminClient<DefaultClientContext> = self.config.create().unwrap();
        let topic = ResourceSpecifier::Topic(topic);
        let described = runtime()
            .block_on(admin.describe_configs([&topic], &AdminOptions::new()))
            .unwrap();
        let resource = described.into_iter().next().unwrap().unwrap();
        resource.get(name).unwrap().value.clone().unwrap()
    }

    /// Waits until a group has committed `records` of a topic in all.
    pub fn committed(&self, group: &str, topic: &str, partitions: i32, records: i64) {
        let consumer: BaseConsumer = self.config.clone().set("group.id", group).create().unwrap();
        let mut wanted = TopicPartitionList::new();
        wanted.add_partition_range(topic, 0, partitions - 1);
        let begin = Instant::now();
        loop {
            let found = consumer
                .committed_offsets(wanted.clone(), PATIENCE)
                .unwrap();
            let offsets = found
                .elements()
                .iter()
                .map(|element| element.offset().to_raw().unwrap().max(0))
                .sum::<i64>();
            if offsets == records {
                return;
            }
            assert!(begin.elapsed() < PATIENCE, "{offsets} of {records}");
        }
    }

    pub fn flush(&self) {
        self.producer.flush(PATIENCE).unwrap();
    }

    /// Everything in a topic, to its end at this moment: partition, key, value.
    pub fn records(&self, topic: &str) -> Vec<(i32, Vec<u8>, Option<Vec<u8>>)> {
        let consumer: BaseConsumer = self
            .config
            .clone()
            .set("group.id", unique("reader"))
            .set("enable.partition.eof", "true")
            .set("isolation.level", "read_committed")
            .create()
            .unwrap();
        let mut left: Vec<i32> = (0..i32::try_from(self.partitions(topic)).unwrap()).collect();
        let mut assignment = TopicPartitionList::new();
        for partition in &left {
            assignment
                .add_partition_offset(topic, *partition, Offset::Beginning)
                .unwrap();
        }
        consumer.assign(&assignment).unwrap();
        let mut records = Vec::new();
        let begin = Instant::now();
        while !left.is_empty() {
            assert!(begin.elapsed() < PATIENCE * 2, "no end of {topic}");
            match consumer.poll(Duration::from_millis(100)) {
                None => {}
                Some(Ok(record)) => records.push((
                    record.partition(),
                    record.key().unwrap_or_default().to_vec(),
                    record.payload().map(<[u8]>::to_vec),
                )),
                Some(Err(KafkaError::PartitionEOF(partition))) => left.retain(|p| *p != partition),
                Some(Err(error)) => panic!("{error}"),
            }
        }
        records
    }

    /// What compaction would leave of a topic, by partition and key.
    pub fn last_values(&self, topic: &str) -> BTreeMap<(i32, Vec<u8>), Option<Vec<u8>>> {
        let records = self.records(topic).into_iter();
        records
            .map(|(partition, key, value)| ((partition, key), value))
            .collect()
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

/// A gauge as a message.
pub fn gauge(name: &str, value: f64) -> Vec<u8> {
    format!(r#"{{"m":{{"Type":"gauge","Name":"{name}","Description":"d","Value":{value}}}}}"#)
        .into_bytes()
}

/// A counter as a message.
pub fn counter(name: &str, value: f64) -> Vec<u8> {
    format!(r#"{{"m":{{"Type":"counter","Name":"{name}","Description":"d","Value":{value}}}}}"#)
        .into_bytes()
}

pub struct Exporter {
    child: Child,
    pub address: String,
    lines: Receiver<String>,
    /// Lines before the one with the address, until they are asked for.
    earlier: Cell<Vec<String>>,
}

/// An answer: status, headers in lower case, body.
pub struct Answer {
    pub status: u16,
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }
}

impl Exporter {
    /// Starts the binary on a free port, and waits until it says which.
    pub fn start(variables: &[(&str, &str)], flags: &[&str]) -> Exporter {
        let mut child = Command::new(env!("CARGO_BIN_EXE_exporter"))
            .args(flags)
            .env("LISTEN_ADDR", "127.0.0.1:0")
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let mut seen = Vec::new();
        let address = loop {
            let line = lines
                .recv_timeout(PATIENCE)
                .unwrap_or_else(|_| panic!("no address in {seen:#?}"));
            if let Some((_, rest)) = line.split_once("://")
                && let Some((address, _)) = rest.split_once("/metrics")
            {
                break address.to_owned();
            }
            seen.push(line);
        };
        Exporter {
            child,
            address,
            lines,
            earlier: Cell::new(seen),
        }
    }

    /// On a topic of a broker, in a group.
    pub fn on(bootstrap: &str, topic: &str, group: &str, more: &[(&str, &str)]) -> Exporter {
        let mut variables = vec![
            ("KAFKA_BOOTSTRAP_SERVERS", bootstrap),
            ("KAFKA_TOPIC", topic),
            ("KAFKA_GROUP_ID", group),
            ("KAFKA_CONFIG_SESSION_TIMEOUT_MS", "6000"),
            ("KAFKA_CONFIG_HEARTBEAT_INTERVAL_MS", "500"),
        ];
        variables.extend_from_slice(more);
        Exporter::start(&variables, &[])
    }

    pub fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        get(&self.address, path, headers)
    }

    /// The samples of `/metrics`, by `name{label="value"}`, read by the strict reader.
    pub fn samples(&self) -> BTreeMap<String, f64> {
        let answer = self.get("/metrics", &[]);
        assert_eq!(answer.status, 200);
        let families = strict::read(&answer.text(), Syntax::Text).unwrap();
        let samples = families.into_iter().flat_map(|family| family.samples);
        samples
            .map(|(name, labels, value)| {
                let labels: Vec<_> = labels
                    .iter()
                    .map(|(name, value)| format!("{name}={value:?}"))
                    .collect();
                (
                    if labels.is_empty() {
                        name
                    } else {
                        format!("{name}{{{}}}", labels.join(","))
                    },
                    value,
                )
            })
            .collect()
    }

    /// The user's samples alone.
    pub fn series(&self) -> BTreeMap<String, f64> {
        self.samples()
            .into_iter()
            .filter(|(name, _)| !name.starts_with("exporter_"))
            .collect()
    }

    /// Asks again and again until the samples are as wanted; then gives them.
    pub fn until(
        &self,
        wanted: &str,
        holds: impl Fn(&BTreeMap<String, f64>) -> bool,
    ) -> BTreeMap<String, f64> {
        let begin = Instant::now();
        loop {
            let samples = self.samples();
            if holds(&samples) {
                return samples;
            }
            assert!(
                begin.elapsed() < PATIENCE,
                "no {wanted} in {samples:#?}\n{:#?}",
                self.log()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until `/ready` says so.
    pub fn ready(&self) {
        self.until_ready(|answer| answer.status == 200);
    }

    /// Asks `/ready` again and again until the answer is as wanted; then gives it.
    pub fn until_ready(&self, holds: impl Fn(&Answer) -> bool) -> Answer {
        let begin = Instant::now();
        loop {
            let answer = self.get("/ready", &[]);
            if holds(&answer) {
                return answer;
            }
            assert!(
                begin.elapsed() < PATIENCE,
                "{}\n{:#?}",
                answer.text(),
                self.log()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The log since the last look at it.
    pub fn log(&self) -> Vec<String> {
        let mut lines = self.earlier.take();
        lines.extend(self.lines.try_iter());
        lines
    }

    /// The log since the last look at it, up to when a line is as wanted.
    pub fn logged(&self, wanted: &str) -> Vec<String> {
        let begin = Instant::now();
        let mut seen = Vec::new();
        loop {
            seen.extend(self.log());
            if seen.iter().any(|line| line.contains(wanted)) {
                return seen;
            }
            assert!(begin.elapsed() < PATIENCE, "no {wanted:?} in {seen:#?}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub fn signal(&self, signal: &str) {
        let status = Command::new("kill")
            .args([signal, &self.child.id().to_string()])
            .status()
            .unwrap();
        assert!(status.success());
    }

    /// SIGKILL; it is gone when this returns.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// The status, once it has ended by itself.
    pub fn ended(&mut self) -> ExitStatus {
        let begin = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(begin.elapsed() < PATIENCE, "it has not ended");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// SIGTERM, and how long the end took.
    pub fn stop(mut self) -> (ExitStatus, Duration) {
        let begin = Instant::now();
        self.signal("-TERM");
        let status = self.child.wait().unwrap();
        (status, begin.elapsed())
    }

    /// The most resident memory that it ever had, in bytes.
    pub fn peak_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status
            .lines()
            .find(|line| line.starts_with("VmHWM:"))
            .unwrap();
        line.split_whitespace()
            .nth(1)
            .unwrap()
            .parse::<u64>()
            .unwrap()
            * 1024
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        // Fails where the test has ended it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One request on a connection of its own.
pub fn get(address: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n");
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    stream
        .write_all(format!("{request}\r\n").as_bytes())
        .unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end = answer
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .expect("an answer with a head");
    let head = String::from_utf8(answer[..end].to_vec()).unwrap();
    let mut lines = head.lines();
    let status = lines
        .next()
        .unwrap()
        .split(' ')
        .nth(1)
        .unwrap()
        .parse()
        .unwrap();
    let headers = lines.filter_map(|line| line.split_once(": "));
    let headers: BTreeMap<String, String> = headers
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let mut body = answer[end + 4..].to_vec();
    if headers
        .get("transfer-encoding")
        .is_some_and(|coding| coding == "chunked")
    {
        body = joined(&body);
    }
    Answer {
        status,
        headers,
        body,
    }
}

/// The bytes of a chunked body.
fn joined(mut chunks: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let line = chunks
            .windows(2)
            .position(|window| window == b"\r\n")
            .unwrap();
        let length =
            usize::from_str_radix(std::str::from_utf8(&chunks[..line]).unwrap(), 16).unwrap();
        if length == 0 {
            return body;
        }
        body.extend_from_slice(&chunks[line + 2..line + 2 + length]);
        chunks = &chunks[line + 2 + length + 2..];
    }
}
