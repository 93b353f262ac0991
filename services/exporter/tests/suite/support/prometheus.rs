//! Prometheus itself, as a process: the one that `LAB_PROMETHEUS` names, or that of the PATH.

use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::exporter::{PATIENCE, get};

pub struct Prometheus {
    child: Child,
    address: String,
    _home: tempfile::TempDir,
}

/// A port on loopback that nobody has, outside the range from which the kernel gives ports to clients, so that a process that is
/// killed finds it free when it starts again.
pub fn stable_port() -> u16 {
    use rand::RngExt as _;
    let mut random = rand::rng();
    loop {
        let port = random.random_range(15_000..30_000);
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

impl Prometheus {
    /// Starts it with this configuration, or says why not.
    pub fn start(config: &str) -> Option<Prometheus> {
        let program = std::env::var("LAB_PROMETHEUS").unwrap_or_else(|_| "prometheus".to_owned());
        let works = Command::new(&program)
            .arg("--version")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        if !works.is_ok_and(|status| status.success()) {
            println!(
                "skipped: `{program} --version` does not work here; LAB_PROMETHEUS=/a/prometheus names one"
            );
            return None;
        }
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("prometheus.yml");
        std::fs::write(&file, config).unwrap();
        let address = format!("127.0.0.1:{}", stable_port());
        let child = Command::new(program)
            .arg(format!("--config.file={}", file.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                home.path().join("data").display()
            ))
            .arg(format!("--web.listen-address={address}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let prometheus = Prometheus {
            child,
            address,
            _home: home,
        };
        let begin = Instant::now();
        while TcpStream::connect(&prometheus.address).is_err()
            || get(&prometheus.address, "/-/ready", &[]).status != 200
        {
            assert!(begin.elapsed() < PATIENCE, "Prometheus is not ready");
            std::thread::sleep(Duration::from_millis(50));
        }
        Some(prometheus)
    }

    /// The rows of an instant query: labels and value.
    pub fn query(&self, query: &str) -> Vec<(Value, f64)> {
        let mut path = "/api/v1/query?query=".to_owned();
        for byte in query.bytes() {
            path.push_str(&format!("%{byte:02x}"));
        }
        let answer = get(&self.address, &path, &[]);
        let value: Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(value["status"], "success", "{value}");
        let rows = value["data"]["result"].as_array().unwrap();
        rows.iter()
            .map(|row| {
                let value = row["value"][1].as_str().unwrap();
                // Prometheus writes what Rust reads, but for the sign of +Inf.
                (
                    row["metric"].clone(),
                    value.trim_start_matches('+').parse().unwrap(),
                )
            })
            .collect()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // Fails where it has ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
