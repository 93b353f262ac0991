//! A Kafka that lets in only whom it knows: SCRAM over TLS, and client certificates. The broker is a process of the test's own, in
//! KRaft mode, from the class path in `LAB_KAFKA_CLASS_PATH`, which `lab test` sets.
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::exporter::{Exporter, Kafka, PATIENCE, counter, unique};
use crate::support::prometheus::stable_port;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rdkafka::ClientConfig;
use rstest::rstest;

const PASSWORD: &str = "correct-horse-battery";
/// 16 bytes in base64.
const CLUSTER: &str = "Wx5sDI1_TFGjt9LpT2CoEg";

struct Secured {
    broker: Child,
    folder: tempfile::TempDir,
    scram: String,
    mutual_tls: String,
}

impl Drop for Secured {
    fn drop(&mut self) {
        // Fails where it has ended by itself.
        let _ = self.broker.kill();
        let _ = self.broker.wait();
    }
}

impl Secured {
    fn start() -> Option<Secured> {
        let Some(class_path) = std::env::var_os("LAB_KAFKA_CLASS_PATH") else {
            println!(
                "skipped: needs a Kafka of its own; LAB_KAFKA_CLASS_PATH, which `./lab test` sets, says where its jars are"
            );
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        certificates(folder.path());
        let [scram, mutual_tls, controller] = [stable_port(), stable_port(), stable_port()];
        let file = folder.path().join("server.properties");
        std::fs::write(
            &file,
            properties(folder.path(), scram, mutual_tls, controller),
        )
        .unwrap();
        // A broker that is killed leaves the native libraries that it unpacks.
        std::fs::create_dir(folder.path().join("tmp")).unwrap();
        let temporary = format!("-Djava.io.tmpdir={}/tmp", folder.path().display());
        let java = || {
            let mut java = Command::new("java");
            java.arg(&temporary)
                .args([
                    "-XX:+UseSerialGC",
                    "-XX:TieredStopAtLevel=1",
                    "-Xmx384m",
                    "-cp",
                ])
                .arg(&class_path)
                .stdin(Stdio::null())
                .current_dir(folder.path());
            java
        };
        let user = |name| format!("SCRAM-SHA-512=[name={name},password={PASSWORD}]");
        let formatted = java()
            .args(["kafka.tools.StorageTool", "format", "--cluster-id", CLUSTER])
            .arg("--config")
            .arg(&file)
            .args([
                "--add-scram",
                &user("admin"),
                "--add-scram",
                &user("metrics"),
            ])
            .output()
            .unwrap();
        assert!(formatted.status.success(), "{formatted:?}");
        let log = std::fs::File::create(folder.path().join("kafka.log")).unwrap();
        let broker = java()
            .arg("kafka.Kafka")
            .arg(&file)
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut secured = Secured {
            broker,
            folder,
            scram: format!("localhost:{scram}"),
            mutual_tls: format!("localhost:{mutual_tls}"),
        };
        // A JVM on a busy machine takes its time.
        let begin = Instant::now();
        while TcpStream::connect(&secured.scram).is_err() {
            let ended = secured.broker.try_wait().unwrap();
            assert!(
                ended.is_none() && begin.elapsed() < PATIENCE * 4,
                "the broker does not come up: {ended:?}\n{}",
                std::fs::read_to_string(secured.path("kafka.log")).unwrap()
            );
            std::thread::sleep(Duration::from_millis(100));
        }
        Some(secured)
    }

    fn path(&self, file: &str) -> String {
        self.folder.path().join(file).display().to_string()
    }

    /// Address, and librdkafka's settings as variables.
    fn client(&self, way: Way) -> (&str, Vec<(&'static str, String)>) {
        let authority = ("KAFKA_CONFIG_SSL_CA_LOCATION", self.path("ca.pem"));
        match way {
            Way::Scram => {
                std::fs::write(self.path("password"), format!("{PASSWORD}\n")).unwrap();
                let settings = vec![
                    authority,
                    ("KAFKA_CONFIG_SECURITY_PROTOCOL", "SASL_SSL".to_owned()),
                    ("KAFKA_CONFIG_SASL_MECHANISM", "SCRAM-SHA-512".to_owned()),
                    ("KAFKA_CONFIG_SASL_USERNAME", "metrics".to_owned()),
                    ("KAFKA_CONFIG_SASL_PASSWORD_FILE", self.path("password")),
                ];
                (&self.scram, settings)
            }
            Way::ClientCertificate => {
                let settings = vec![
                    authority,
                    ("KAFKA_CONFIG_SECURITY_PROTOCOL", "SSL".to_owned()),
                    (
                        "KAFKA_CONFIG_SSL_CERTIFICATE_LOCATION",
                        self.path("client.pem"),
                    ),
                    ("KAFKA_CONFIG_SSL_KEY_LOCATION", self.path("client-key.pem")),
                ];
                (&self.mutual_tls, settings)
            }
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Way {
    Scram,
    ClientCertificate,
}

/// An authority, and what it vouches for: the server, as Kafka wants key and chain in one file, and a client.
fn certificates(folder: &Path) {
    let mut parameters = CertificateParams::new(Vec::new()).unwrap();
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    parameters
        .distinguished_name
        .push(DnType::CommonName, "authority");
    let authority = CertifiedIssuer::self_signed(parameters, KeyPair::generate().unwrap()).unwrap();
    let issue = |name: &str| {
        let key = KeyPair::generate().unwrap();
        let mut parameters = CertificateParams::new(vec![name.to_owned()]).unwrap();
        // A certificate whose subject is its issuer's looks self-signed to OpenSSL.
        parameters.distinguished_name.push(DnType::CommonName, name);
        let certificate = parameters.signed_by(&key, &authority).unwrap().pem();
        (certificate, key.serialize_pem())
    };
    let (certificate, key) = issue("localhost");
    std::fs::write(folder.join("ca.pem"), authority.pem()).unwrap();
    std::fs::write(
        folder.join("server.pem"),
        format!("{key}{certificate}{}", authority.pem()),
    )
    .unwrap();
    let (certificate, key) = issue("metrics");
    std::fs::write(folder.join("client.pem"), certificate).unwrap();
    std::fs::write(folder.join("client-key.pem"), key).unwrap();
}

fn properties(folder: &Path, scram: u16, mutual_tls: u16, controller: u16) -> String {
    let folder = folder.display();
    format!(
        "process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
controller.listener.names=CONTROLLER
listeners=SCRAM://127.0.0.1:{scram},MUTUAL://127.0.0.1:{mutual_tls},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=SCRAM://localhost:{scram},MUTUAL://localhost:{mutual_tls}
listener.security.protocol.map=SCRAM:SASL_SSL,MUTUAL:SSL,CONTROLLER:PLAINTEXT
inter.broker.listener.name=SCRAM
sasl.mechanism.inter.broker.protocol=SCRAM-SHA-512
sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.scram.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required username=\"admin\" password=\"{PASSWORD}\";
listener.name.mutual.ssl.client.auth=required
ssl.keystore.type=PEM
ssl.keystore.location={folder}/server.pem
ssl.truststore.type=PEM
ssl.truststore.location={folder}/ca.pem
log.dirs={folder}/data
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
group.initial.rebalance.delay.ms=0
"
    )
}

/// A client of the test's own, with the same settings.
fn kafka(bootstrap: &str, settings: &[(&str, String)]) -> Kafka {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", bootstrap);
    for (variable, value) in settings {
        let name = variable.strip_prefix("KAFKA_CONFIG_").unwrap();
        let name = name.to_ascii_lowercase().replace('_', ".");
        match name.strip_suffix(".file") {
            Some(name) => {
                config.set(name, std::fs::read_to_string(value).unwrap().trim_end());
            }
            None => {
                config.set(name, value);
            }
        }
    }
    Kafka::with(config)
}

/// Every client of the exporter gets in: the consumer, the state topic's, that of the dead letters.
#[rstest]
#[case(Way::Scram)]
#[case(Way::ClientCertificate)]
fn a_secured_broker_lets_in_who_has_what_it_asks_for_and_nobody_else(#[case] way: Way) {
    let Some(secured) = Secured::start() else {
        return;
    };
    let (bootstrap, settings) = secured.client(way);
    let (topic, group) = (unique("secured"), unique("group"));
    let kafka = kafka(bootstrap, &settings);
    kafka.create(&topic, 1);
    kafka.create("letters", 1);
    kafka.send(&topic, 0, b"not json");
    kafka.send(&topic, 0, &counter("jobs_total", 2.0));
    kafka.send(&topic, 0, &counter("jobs_total", 3.0));
    let mut all: Vec<(&str, &str)> = settings.iter().map(|(n, v)| (*n, v.as_str())).collect();
    all.extend([
        ("COUNTER_MODE", "delta"),
        ("STATE_TOPIC", "state"),
        ("STATE_INTERVAL", "100ms"),
        ("DEAD_LETTER_TOPIC", "letters"),
        ("LOG_LEVEL", "debug"),
    ]);
    let exporter = Exporter::on(bootstrap, &topic, &group, &all);
    exporter.until("sum, state and letter", |samples| {
        samples.get("jobs_total{partition=\"0\"}") == Some(&5.0)
            && samples["exporter_state_transactions_total{outcome=\"committed\"}"] > 0.0
            && samples["exporter_dead_letters_total{outcome=\"written\"}"] == 1.0
    });
    let log = exporter.log();
    assert!(!log.iter().any(|line| line.contains(PASSWORD)), "{log:#?}");
    exporter.stop();

    // With the wrong password, or without a certificate.
    let wrong: Vec<(&str, &str)> = all
        .iter()
        .copied()
        .map(|(name, value)| match name {
            "KAFKA_CONFIG_SASL_PASSWORD_FILE" => ("KAFKA_CONFIG_SASL_PASSWORD", "wrong-pony"),
            _ => (name, value),
        })
        .filter(|(name, _)| !name.contains("CERTIFICATE") && !name.contains("SSL_KEY"))
        .collect();
    let exporter = Exporter::on(bootstrap, &topic, &unique("group"), &wrong);
    let answer = exporter.until_ready(|answer| {
        assert_eq!(answer.status, 503);
        let words = answer.text().to_lowercase();
        words.contains("authentication") || words.contains("ssl")
    });
    println!("/ready: {}", answer.text());
    let log = exporter.log();
    assert!(
        !log.iter().any(|line| line.contains("wrong-pony")),
        "{log:#?}"
    );
}
