//! Everything together, from settings to a clean end.

use std::ffi::OsString;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use settings::{KafkaSettingError, LogLevel};

use crate::consumer::{self, ConsumerError, JournalOptions, Options};
use crate::demo::{Demo, DemoError};
use crate::http::{Scrapes, Server, WebConfig, WebConfigError, bind, routes};
use crate::settings::{AssignmentStrategy, CounterMode, OffsetReset, Settings};
use crate::state::State;
use crate::telemetry::Telemetry;

/// Time for the last answers: one that a slow client does not read is not worth a longer wait.
const LAST_ANSWERS: Duration = Duration::from_millis(1500);

/// Why the exporter could not start, or had to end.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A Kafka setting cannot be used.
    #[error(transparent)]
    Setting(#[from] KafkaSettingError),
    /// Settings that make no sense together.
    #[error("{0}")]
    Contradiction(&'static str),
    /// The web configuration file cannot be used.
    #[error("WEB_CONFIG_FILE (--web.config.file)")]
    Web(#[from] WebConfigError),
    /// There is no demonstration.
    #[error(transparent)]
    Demo(#[from] DemoError),
    /// The address cannot be had.
    #[error(
        "LISTEN_ADDR (--listen-addr): cannot listen on {address}; choose another one or free it"
    )]
    Listen {
        /// The address.
        address: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The system gives no signals or threads.
    #[error("cannot set up")]
    System(#[source] std::io::Error),
    /// A name of a metric of our own is wrong.
    #[error("cannot set up the exporter's own metrics")]
    Telemetry(#[from] prometheus::Error),
    /// Consuming could not start, or ended.
    #[error(transparent)]
    Consumer(#[from] ConsumerError),
    /// The consumer's thread panicked.
    #[error("the consumer ended in a panic; its message stands above")]
    Panicked,
}

impl RunError {
    /// Whether settings or the machine are at fault, rather than what happened later.
    pub fn is_usage(&self) -> bool {
        !matches!(
            self,
            RunError::Consumer(ConsumerError::Fatal(_)) | RunError::Panicked
        )
    }
}

/// Runs until SIGTERM, SIGINT or SIGHUP, then commits, writes the state, leaves the group and ends, within
/// [`Settings::shutdown_timeout`]. SIGUSR1 makes `log` more detailed, SIGUSR2 takes that back.
/// `environment` is where `KAFKA_CONFIG_…` variables are looked up.
///
/// # Errors
/// It could not start, or Kafka refused it for good.
pub fn run(
    settings: &Settings,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
    log: LogLevel,
) -> Result<(), RunError> {
    let demo = if settings.demo {
        Some(Demo::start(&settings.kafka.topic)?)
    } else {
        None
    };
    let mut kafka = settings.kafka.clone();
    if let Some(demo) = &demo {
        demo.bootstrap_servers()
            .clone_into(&mut kafka.bootstrap_servers);
    }
    settings.check().map_err(RunError::Contradiction)?;
    let settings = &Settings {
        kafka,
        ..settings.clone()
    };
    let config = client_config(settings, environment)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(RunError::System)?;
    let ended = runtime.block_on(serve(settings, &config, log));
    // A thread that still makes an answer nobody waits for must not hold up the end.
    runtime.shutdown_background();
    ended
}

fn client_config(
    settings: &Settings,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<rdkafka::ClientConfig, KafkaSettingError> {
    let mut defaults = consumer::DEFAULTS.to_vec();
    defaults.push(("group.id", &settings.group_id));
    defaults.push((
        "auto.offset.reset",
        match settings.auto_offset_reset {
            OffsetReset::Earliest => "earliest",
            OffsetReset::Latest => "latest",
        },
    ));
    defaults.push((
        "partition.assignment.strategy",
        match settings.assignment_strategy {
            AssignmentStrategy::CooperativeSticky => "cooperative-sticky",
            AssignmentStrategy::Range => "range",
            AssignmentStrategy::Roundrobin => "roundrobin",
        },
    ));
    if let Some(instance) = &settings.group_instance_id {
        defaults.push(("group.instance.id", instance));
    }
    settings
        .kafka
        .client_config(environment, &defaults, consumer::RESERVED)
}

async fn serve(
    settings: &Settings,
    config: &rdkafka::ClientConfig,
    log: LogLevel,
) -> Result<(), RunError> {
    let mut stop = Stop::new().map_err(RunError::System)?;
    change_level(log).map_err(RunError::System)?;
    let telemetry = Telemetry::new()?;
    let state = Arc::new(State::new(
        &settings.kafka.topic,
        telemetry.clone(),
        settings.table(),
        settings.catch_up_limit,
    ));
    let figures = Arc::clone(&state);
    telemetry.observe(&settings.kafka.topic, Arc::new(move || figures.figures()))?;

    let web = settings
        .web_config_file
        .as_deref()
        .map(WebConfig::load)
        .transpose()?
        .unwrap_or_default();
    let scheme = web.scheme();
    let address = &settings.listen_addr;
    let listener = bind(address).await.map_err(|source| RunError::Listen {
        address: address.to_string(),
        source,
    })?;
    let shown = listener
        .local_addr()
        .map_or_else(|_| address.to_string(), |bound| bound.to_string());

    let consuming = Arc::new(AtomicBool::new(false));
    let options = Options {
        start: settings.start(),
        max_message_bytes: settings.max_message_bytes as usize,
        dead_letter_topic: settings.dead_letter_topic.clone(),
        journal: settings.state_topic.clone().map(|topic| JournalOptions {
            topic,
            interval: settings.state_interval,
            delta: settings.counter_mode == CounterMode::Delta,
        }),
    };
    let consumer = consumer::start(config, options, Arc::clone(&state), Arc::clone(&consuming))?;
    tracing::info!(
        topic = state.topic(),
        brokers = settings.kafka.bootstrap_servers,
        "serving {scheme}://{shown}/metrics"
    );

    let scrapes = Scrapes::new(Arc::clone(&state), usize::from(settings.max_scrapes));
    let server = Server::new(listener, warp::service(routes(state, scrapes)), web);
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    let server = tokio::spawn(server.run(
        async move {
            // Dropping the sender says the same.
            let _ = ended.await;
        },
        LAST_ANSWERS.min(settings.shutdown_timeout),
    ));

    let signal = tokio::select! {
        signal = stop.came() => Some(signal),
        () = until_finished(&consumer) => None,
    };
    if let Some(signal) = signal {
        tracing::info!(signal, "stopping");
    }
    consuming.store(true, Ordering::Relaxed);
    drop(end);
    let deadline = Instant::now() + settings.shutdown_timeout;
    let finished = tokio::time::timeout_at(deadline.into(), until_finished(&consumer)).await;
    // Answers that a slow client has not read are not worth waiting for.
    let _ = tokio::time::timeout_at(deadline.into(), server).await;
    if finished.is_err() {
        tracing::warn!(
            timeout = ?settings.shutdown_timeout,
            "ending without having left the group: Kafka has not answered within SHUTDOWN_TIMEOUT; nothing is lost, the next \
             start goes on at the last commit"
        );
        return Ok(());
    }
    consumer
        .join()
        .map_err(|_| RunError::Panicked)?
        .map_err(RunError::from)
}

/// Ends when the thread does. It has no waker of its own, and this waits only for what takes milliseconds
/// or never happens.
async fn until_finished<T>(thread: &JoinHandle<T>) {
    while !thread.is_finished() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Follows the signals that change the log's level, for as long as the runtime lives.
fn change_level(log: LogLevel) -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut more = signal(SignalKind::user_defined1())?;
    let mut back = signal(SignalKind::user_defined2())?;
    tokio::spawn(async move {
        loop {
            let level = tokio::select! {
                Some(()) = more.recv() => log.more(),
                Some(()) = back.recv() => log.as_configured(),
                else => return,
            };
            tracing::warn!(level, "the level of the log changed");
        }
    });
    Ok(())
}

/// The signals that ask for an end.
struct Stop {
    term: tokio::signal::unix::Signal,
    int: tokio::signal::unix::Signal,
    /// The terminal was closed; or somebody hopes for a reload, which a supervisor makes of an end.
    hup: tokio::signal::unix::Signal,
}

impl Stop {
    fn new() -> std::io::Result<Stop> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Stop {
            term: signal(SignalKind::terminate())?,
            int: signal(SignalKind::interrupt())?,
            hup: signal(SignalKind::hangup())?,
        })
    }

    async fn came(&mut self) -> &'static str {
        tokio::select! {
            _ = self.term.recv() => "SIGTERM",
            _ = self.int.recv() => "SIGINT",
            _ = self.hup.recv() => "SIGHUP",
        }
    }
}
