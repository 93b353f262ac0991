//! What is compared, as processes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::process::Signal;
use serde::Serialize;
use stack::guard::{JobState, PortRequest, SpawnSpec, StopPhase, StopSpec};
use stack::native::Control;

use super::consume::Consumed;
use crate::tune::processor_seconds;

/// One of those that read the topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Peer {
    /// librdkafka, with nothing done to a record.
    Librdkafka,
    /// The exporter of this project.
    Exporter,
    /// `bench/go-exporter`.
    Go,
}

impl Peer {
    pub(super) const ALL: [Peer; 3] = [Peer::Librdkafka, Peer::Exporter, Peer::Go];
    /// Those that answer scrapes.
    pub(super) const SERVING: [Peer; 2] = [Peer::Exporter, Peer::Go];

    pub(super) fn name(self) -> &'static str {
        match self {
            Peer::Librdkafka => "librdkafka alone",
            Peer::Exporter => "exporter",
            Peer::Go => "Go, client_golang",
        }
    }
}

/// librdkafka's settings, the same in all peers: a queue that does not run dry, and short waits.
const SETTINGS: [&str; 4] = [
    "queued.min.messages=100000",
    "fetch.queue.backoff.ms=10",
    "fetch.wait.max.ms=100",
    "topic.metadata.refresh.interval.ms=1000",
];

/// How long a peer may take to read a topic.
const PATIENCE: Duration = Duration::from_secs(600);

/// Programs, and where they run.
pub(super) struct Place<'a> {
    pub control: &'a Control,
    pub bootstrap: String,
    pub exporter: PathBuf,
    pub producer: PathBuf,
    pub go: PathBuf,
    pub client: reqwest::Client,
}

/// A peer that answers scrapes.
pub(super) struct Serving {
    job: String,
    pub pid: i32,
    pub url: String,
}

impl Place<'_> {
    /// Starts a peer on a topic. Reads with the settings of all peers, or with the peer's own.
    pub(super) fn start(&self, peer: Peer, topic: &str, same: bool) -> Result<Serving> {
        let guard = self.control.guard();
        let job = format!("bench-{}", unique());
        let ports = guard.reserve(vec![PortRequest {
            key: job.clone(),
            exactly: None,
        }])?;
        let port = ports.get(&job).context("no port was reserved")?;
        let address = format!("127.0.0.1:{port}");
        let settings = if same { &SETTINGS[..] } else { &[] };
        let own = [
            ("--bootstrap-servers", self.bootstrap.as_str()),
            ("--topic", topic),
        ];
        let mut argv: Vec<String> = match peer {
            Peer::Exporter => vec![
                text(&self.exporter),
                format!("--listen-addr={address}"),
                format!("--group-id={job}"),
                "--catch-up-limit=1h".to_owned(),
                "--max-series=5000000".to_owned(),
                "--log-level=warn".to_owned(),
            ],
            Peer::Go => vec![
                text(&self.go),
                format!("--listen={address}"),
                format!("--group={job}"),
            ],
            Peer::Librdkafka => bail!("librdkafka alone answers no scrapes"),
        };
        argv.extend(own.map(|(name, value)| format!("{name}={value}")));
        for setting in settings {
            argv.push(match peer {
                Peer::Exporter => format!("--kafka-config={setting}"),
                _ => format!("-X={setting}"),
            });
        }
        let pid = guard.spawn(self.process(&job, argv))?;
        Ok(Serving {
            job,
            pid,
            url: format!("http://{address}"),
        })
    }

    /// A process of the run, which ends with it, however that ends.
    fn process(&self, job: &str, argv: Vec<String>) -> SpawnSpec {
        let run = self.control.guard().run();
        SpawnSpec {
            name: job.to_owned(),
            argv,
            env: BTreeMap::new(),
            cwd: run.path().to_owned(),
            log: run.log(job),
            user: None,
            stop: StopSpec {
                phase: StopPhase::Clients,
                signal: Signal::TERM.as_raw(),
                at_end: Signal::KILL.as_raw(),
                grace_ms: 10_000,
                parent_death_signal: Signal::KILL.as_raw(),
            },
            endpoints: BTreeMap::new(),
            hidden: true,
        }
    }

    /// Starts a command beside what is measured; gives the name of its job.
    pub(super) fn begin(&self, command: &Command) -> Result<String> {
        let job = format!("bench-{}", unique());
        let guard = self.control.guard();
        guard.spawn(self.process(&job, words(command)))?;
        Ok(job)
    }

    /// Runs a command to its end, with its variables and no others; what it wrote to its standard output.
    ///
    /// # Errors
    /// When it fails, with what it said.
    pub(super) async fn output(&self, command: &Command) -> Result<Vec<u8>> {
        let job = format!("bench-{}", unique());
        let guard = self.control.guard();
        let errors = guard.run().log(&format!("{job}-errors"));
        let mut argv = ["/bin/sh", "-c", r#"exec "$@" 2> "$0""#]
            .map(str::to_owned)
            .to_vec();
        argv.push(text(&errors));
        argv.extend(words(command));
        let mut process = self.process(&job, argv);
        if let Some(folder) = command.get_current_dir() {
            folder.clone_into(&mut process.cwd);
        }
        for (name, value) in command.get_envs() {
            let value = value.unwrap_or_default().to_string_lossy().into_owned();
            process
                .env
                .insert(name.to_string_lossy().into_owned(), value);
        }
        let said = process.log.clone();
        guard.spawn(process)?;
        let ended = self.control.wait_ended(&job).await?;
        let read = |path: &Path| {
            std::fs::read(path).with_context(|| format!("cannot read {}", text(path)))
        };
        if ended.state != JobState::Stopped {
            bail!(
                "{} {}:\n{}",
                command.get_program().display(),
                ended.ended.unwrap_or_default(),
                String::from_utf8_lossy(&read(&errors)?)
            );
        }
        read(&said)
    }

    /// Waits until a peer has caught up with its topic.
    pub(super) async fn caught_up(&self, serving: &Serving) -> Result<()> {
        let begun = Instant::now();
        let url = format!("{}/ready", serving.url);
        loop {
            if let Ok(answer) = self.client.get(&url).send().await
                && answer.status().is_success()
            {
                return Ok(());
            }
            let status = self.control.guard().job(&serving.job)?;
            if status.pid.is_none() {
                return Err(self.control.death(status).into());
            }
            if begun.elapsed() > PATIENCE {
                bail!(
                    "a peer did not catch up within {} s: {}",
                    PATIENCE.as_secs(),
                    status.log.display()
                );
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The whole page of a peer.
    pub(super) async fn page(&self, serving: &Serving) -> Result<String> {
        self.text(&format!("{}/metrics", serving.url)).await
    }

    pub(super) async fn text(&self, url: &str) -> Result<String> {
        let answer = self.client.get(url).send().await?.error_for_status()?;
        Ok(answer.text().await?)
    }

    /// The producer on a topic; what it sends and how is still to be said.
    pub(super) fn producer(&self, topic: &str) -> Command {
        let mut command = Command::new(&self.producer);
        command
            .arg(format!("--bootstrap-servers={}", self.bootstrap))
            .arg(format!("--topic={topic}"));
        command
    }

    pub(super) async fn stop(&self, serving: Serving) -> Result<()> {
        self.control.guard().stop(&serving.job)?;
        self.control.wait_ended(&serving.job).await?;
        Ok(())
    }

    /// Reads a topic with librdkafka alone; what it came to, and the processor's time.
    pub(super) async fn consume(&self, topic: &str) -> Result<Consumed> {
        let program = std::env::current_exe().context("cannot tell the path of this program")?;
        let mut command = Command::new(program);
        command
            .args(["bench", "consume", "--bootstrap-servers", &self.bootstrap])
            .args(["--topic", topic, "--group", &unique()])
            .args(SETTINGS.iter().flat_map(|setting| ["-X", setting]));
        let said = self.output(&command).await?;
        Ok(serde_json::from_slice(&said)?)
    }
}

fn words(command: &Command) -> Vec<String> {
    [command.get_program()]
        .into_iter()
        .chain(command.get_args())
        .map(|word| word.to_string_lossy().into_owned())
        .collect()
}

/// Processor time of a process so far, in seconds.
pub(super) fn cpu(serving: &Serving) -> f64 {
    processor_seconds(serving.pid).unwrap_or(f64::NAN)
}

/// Resident memory of a process, in bytes.
pub(super) fn resident(serving: &Serving) -> Result<u64> {
    let path = format!("/proc/{}/status", serving.pid);
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    let kilobytes = text.lines().find_map(|line| {
        let rest = line.strip_prefix("VmRSS:")?;
        rest.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()
    });
    Ok(1024 * kilobytes.with_context(|| format!("{path} has no VmRSS"))?)
}

/// The value of a sample on a page.
pub(super) fn sample(page: &str, name: &str) -> Option<f64> {
    page.lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok())
}

/// A name that no other group or job of this run has.
pub(super) fn unique() -> String {
    format!("{:016x}", rand::random::<u64>())
}

fn text(path: &Path) -> String {
    path.display().to_string()
}
