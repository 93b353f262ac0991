//! What a step sees: the stack, and what this scenario has made on it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use rdkafka::ClientConfig;
use scenario::Vars;
use stack::guard::{Guard, JobState, JobStatus, PortRequest, SpawnSpec, StopPhase, StopSpec};
use stack::security::Rule;
use stack::{Control, Endpoints, ServiceName, log_tail};
use tokio_postgres::Client;

use super::chart::Chart;
use super::kafka::TopicReader;
use super::postgres;
use super::step::{Observed, StepError};
use crate::leftovers::{Cluster, Databases};
use crate::marks::Mark;
use crate::tune::Session;
use crate::whole::whole;

/// Where scenarios run.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// Where everything is.
    pub endpoints: Endpoints,
    /// Owner of the processes that scenarios start.
    pub guard: Guard,
    /// Control over the stack's services, where somebody has it.
    pub control: Option<Arc<dyn Control>>,
    /// Whether the stack was made for the run, and goes with it.
    pub own: bool,
    /// Versions of what the stack is made of, by component, where they are known.
    pub versions: BTreeMap<String, String>,
    /// How experiments are run, when not in their short form.
    pub(crate) tuning: Option<Arc<Session>>,
}

/// The surroundings of one instance of a scenario.
pub struct Context {
    /// Where everything is, the scenario's own processes included.
    pub endpoints: Endpoints,
    /// Control over the stack's services, where somebody has it.
    pub control: Option<Arc<dyn Control>>,
    own_stack: bool,
    /// Versions of what the stack is made of, by component, where they are known.
    versions: BTreeMap<String, String>,
    /// Names that the scenario makes begin with this, so that scenarios do not meet. Letters, digits and `_`: it is part of
    /// names of topics, connectors, slots, databases and metrics.
    pub prefix: String,
    /// One client for all requests.
    pub http: reqwest::Client,
    /// How experiments are run, when not in their short form.
    pub(crate) tuning: Option<Arc<Session>>,
    mark: Mark,
    guard: Guard,
    charts: Vec<Chart>,
    readers: BTreeMap<String, Arc<Mutex<TopicReader>>>,
    databases: BTreeMap<String, Client>,
    has_database: bool,
    connectors: BTreeSet<String>,
    processes: BTreeSet<String>,
    /// Those of them that are to run until a step ends them.
    lasting: BTreeSet<String>,
}

/// Variables that are set before the first step.
pub const VARIABLES: [&str; 12] = [
    "run.prefix",
    "postgres.host",
    "postgres.port",
    "postgres.user",
    "postgres.password",
    "postgres.database",
    "kafka.bootstrap",
    "versions.kafka",
    "connect.rest",
    "exporter.http",
    "prometheus.http",
    "metrics.topic",
];

/// Tells instances apart that run on one stack.
static INSTANCES: AtomicUsize = AtomicUsize::new(1);

/// Between two looks at a process.
const POLL: Duration = Duration::from_millis(20);

impl Context {
    /// Surroundings of an instance that has not begun.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn new(surroundings: &Surroundings, id: &str) -> Result<Self> {
        // Everything asked here has an address of its own: a proxy meant for the internet would be in the way.
        let http = surroundings
            .endpoints
            .http_client()?
            .timeout(Duration::from_secs(10))
            .build()?;
        let mark = Mark::new(
            surroundings.guard.run().id(),
            INSTANCES.fetch_add(1, Ordering::Relaxed),
        );
        Ok(Self {
            endpoints: surroundings.endpoints.clone(),
            control: surroundings.control.clone(),
            own_stack: surroundings.own,
            versions: surroundings.versions.clone(),
            prefix: mark.prefix(id),
            mark,
            http,
            tuning: surroundings.tuning.clone(),
            guard: surroundings.guard.clone(),
            charts: Vec::new(),
            readers: BTreeMap::new(),
            databases: BTreeMap::new(),
            has_database: false,
            connectors: BTreeSet::new(),
            processes: BTreeSet::new(),
            lasting: BTreeSet::new(),
        })
    }

    /// Gives the built-in variables their values; those of services that the stack lacks have none.
    pub fn set_variables(&self, vars: &mut Vars) {
        vars.set("run.prefix", self.prefix.as_str());
        let mut endpoint = |variable: &str, service: &str, key: &str| {
            if let Ok(address) = self.endpoint(service, key) {
                vars.set(variable, address);
            }
        };
        endpoint("kafka.bootstrap", "kafka", "bootstrap");
        endpoint("connect.rest", "connect", "rest");
        endpoint("exporter.http", "exporter", "http");
        endpoint("prometheus.http", "prometheus", "http");
        endpoint("metrics.topic", "metrics", "topic");
        if let Some(version) = self.versions.get("kafka") {
            vars.set("versions.kafka", version.as_str());
        }
        if let Some(config) = self
            // What connectors are told.
            .way(ServiceName::Connect, "postgres", "sql")
            .ok()
            .and_then(|url| postgres::parse(&self.endpoints, url).ok())
        {
            vars.set("postgres.host", postgres::host(&config));
            // Text, since it goes into connector configurations, whose values are text.
            vars.set("postgres.port", postgres::port(&config).to_string());
            vars.set("postgres.user", config.get_user().unwrap_or_default());
            vars.set(
                "postgres.password",
                String::from_utf8_lossy(config.get_password().unwrap_or_default()).into_owned(),
            );
            vars.set("postgres.database", self.prefix.as_str());
        }
    }

    /// Shows what the step sampled, whether it holds in the end or not. Of several attempts the last one's is kept.
    pub fn show(&mut self, chart: Chart) {
        self.charts.push(chart);
    }

    /// What was shown since the last time.
    pub(super) fn take_charts(&mut self) -> Vec<Chart> {
        std::mem::take(&mut self.charts)
    }

    /// How the runner reaches a service.
    ///
    /// # Errors
    /// When the stack has no such endpoint.
    pub fn endpoint(&self, service: &str, key: &str) -> Result<&str> {
        Ok(self.endpoints.endpoint("lab", service, key)?)
    }

    /// How another service reaches a service, which may be by a proxy.
    ///
    /// # Errors
    /// When the stack has no such endpoint.
    pub fn way(&self, from: ServiceName, service: &str, key: &str) -> Result<&str> {
        Ok(self.endpoints.endpoint(from.as_str(), service, key)?)
    }

    /// Versions of what the stack is made of, by component, where they are known.
    pub fn versions(&self) -> &BTreeMap<String, String> {
        &self.versions
    }

    /// Whether the cluster is somebody else's, so that nothing goes with it at the end.
    pub fn is_attached(&self) -> bool {
        !self.own_stack
    }

    /// On a cluster of somebody else a scenario acts only on what it made itself.
    ///
    /// # Errors
    /// When this is not its own by its name.
    pub fn own(&self, what: &str, name: &str) -> Result<(), StepError> {
        if !self.is_attached() || Mark::of(name).as_ref() == Some(&self.mark) {
            return Ok(());
        }
        Err(anyhow!(
            "{what} {name} may be somebody else's: on a cluster that is not the lab's own, scenarios act only on what begins with ${{run.prefix}}"
        )
        .into())
    }

    /// Likewise of a topic to write to, or the one that the file of endpoints names for that.
    ///
    /// # Errors
    /// When it is neither.
    pub fn own_topic(&self, name: &str) -> Result<(), StepError> {
        match self.endpoint("metrics", "topic") {
            Ok(topic) if topic == name => Ok(()),
            _ => self.own("topic", name),
        }
    }

    /// The reader of a topic, which remembers what this scenario has looked at.
    ///
    /// # Errors
    /// When no consumer can be made.
    pub fn reader(&mut self, topic: &str) -> Result<Arc<Mutex<TopicReader>>> {
        if let Some(reader) = self.readers.get(topic) {
            return Ok(Arc::clone(reader));
        }
        let reader = self.new_reader(topic)?;
        self.readers.insert(topic.to_owned(), Arc::clone(&reader));
        Ok(reader)
    }

    /// A reader of a topic that begins now, and remembers nothing.
    ///
    /// # Errors
    /// When no consumer can be made.
    pub fn new_reader(&self, topic: &str) -> Result<Arc<Mutex<TopicReader>>> {
        let reader = TopicReader::new(self.kafka_client()?, topic)?;
        Ok(Arc::new(Mutex::new(reader)))
    }

    /// Settings of a client of Kafka, with which the runner reaches it.
    ///
    /// # Errors
    /// When the stack has no Kafka.
    pub fn kafka_client(&self) -> Result<ClientConfig> {
        let bootstrap = self.endpoint("kafka", "bootstrap")?;
        let mut config = self.endpoints.kafka_client(bootstrap);
        config.set("log_level", "0");
        Ok(config)
    }

    /// Lets a service do what a step is about to have it do. In a stack that is not secure everybody may do everything.
    ///
    /// # Errors
    /// When Kafka does not take the rules.
    pub async fn allow(&self, rules: Vec<Rule>) -> Result<()> {
        if self.endpoints.keys().is_none() {
            return Ok(());
        }
        let bootstrap = self.endpoint("kafka", "bootstrap")?.to_owned();
        let endpoints = self.endpoints.clone();
        let allowed = tokio::task::spawn_blocking(move || endpoints.allow(&bootstrap, &rules));
        Ok(allowed.await??)
    }

    /// A check has held: what it looked at is behind the scenario.
    pub fn settle(&self, observed: &Observed) {
        if let Some((topic, position)) = &observed.settles
            && let Some(reader) = self.readers.get(topic)
        {
            reader
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .settle(*position);
        }
    }

    /// A connection to a database of the server, the scenario's own when none is named; both are made on first use.
    ///
    /// # Errors
    /// When Postgres does not let us in.
    pub async fn database(&mut self, name: Option<&str>) -> Result<&Client> {
        let own = name.is_none_or(|name| name == self.prefix);
        let name = name.unwrap_or(&self.prefix).to_owned();
        if own && !self.has_database {
            let administrative = self.administrative_database()?;
            let (endpoints, made) = (self.endpoints.clone(), name.clone());
            let url = self.endpoint("postgres", "sql")?.to_owned();
            whole(async move {
                let server = postgres::connect(&endpoints, &url, &administrative).await?;
                postgres::create_database(&server, &made).await
            })
            .await?;
            self.has_database = true;
        }
        self.connect(&name).await
    }

    /// The database that the connection string names: on a cluster of somebody else it need not be `postgres`.
    fn administrative_database(&self) -> Result<String> {
        let config = postgres::parse(&self.endpoints, self.endpoint("postgres", "sql")?)?;
        Ok(config.get_dbname().unwrap_or("postgres").to_owned())
    }

    async fn connect(&mut self, name: &str) -> Result<&Client> {
        if self.databases.get(name).is_none_or(Client::is_closed) {
            let url = self.endpoint("postgres", "sql")?;
            let client = postgres::connect(&self.endpoints, url, name).await?;
            self.databases.insert(name.to_owned(), client);
        }
        self.databases
            .get(name)
            .context("the connection was just made")
    }

    /// Notes a connector to be removed at the end.
    pub fn made_connector(&mut self, name: &str) {
        self.connectors.insert(name.to_owned());
    }

    /// A connector that the scenario has deleted itself.
    pub fn deleted_connector(&mut self, name: &str) {
        self.connectors.remove(name);
    }

    /// The scenario's own directory, which goes with the run.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn directory(&self) -> Result<PathBuf> {
        let path = self.guard.run().path().join("scenarios").join(&self.prefix);
        fs::create_dir_all(&path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(path)
    }

    /// Starts a process of the scenario. It ends with the scenario at the latest.
    ///
    /// # Errors
    /// When there is one of this name already, or it cannot be started.
    pub fn spawn(
        &mut self,
        name: &str,
        argv: Vec<String>,
        env: BTreeMap<String, String>,
        endpoints: BTreeMap<String, String>,
    ) -> Result<()> {
        let mut environment: BTreeMap<String, String> = ["PATH", "HOME", "LANG"]
            .into_iter()
            .filter_map(|name| Some((name.to_owned(), std::env::var(name).ok()?)))
            .collect();
        environment.extend(env);
        let job = self.job(name);
        for (key, address) in &endpoints {
            self.endpoints.set(name, key, address);
        }
        self.guard.spawn(SpawnSpec {
            log: self.guard.run().log(&job),
            name: job,
            argv,
            env: environment,
            cwd: self.directory()?,
            user: None,
            stop: StopSpec {
                phase: StopPhase::Clients,
                signal: rustix::process::Signal::TERM.as_raw(),
                at_end: rustix::process::Signal::TERM.as_raw(),
                grace_ms: 5000,
                parent_death_signal: rustix::process::Signal::KILL.as_raw(),
            },
            endpoints,
            hidden: true,
        })?;
        self.processes.insert(name.to_owned());
        Ok(())
    }

    /// A port that is free, and stays reserved for this scenario's process as long as the run lives.
    ///
    /// # Errors
    /// When none is left.
    pub fn port(&self, name: &str) -> Result<u16> {
        let key = self.job(name);
        let ports = self.guard.reserve(vec![PortRequest {
            key: key.clone(),
            exactly: None,
        }])?;
        ports
            .get(&key)
            .copied()
            .context("the guard reserved no port")
    }

    /// Waits until a process of the scenario has ended.
    ///
    /// # Errors
    /// When there is none of this name.
    pub async fn ended(&self, name: &str) -> Result<JobStatus> {
        loop {
            let status = self.guard.job(&self.job(name))?;
            if status.pid.is_none() {
                return Ok(status);
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Runs a process of the scenario to its end; gives what it printed.
    ///
    /// # Errors
    /// When it cannot be started, or does not end with success.
    pub async fn run(
        &mut self,
        name: &str,
        argv: Vec<String>,
        env: BTreeMap<String, String>,
    ) -> Result<String> {
        let log = self.guard.run().log(&self.job(name));
        let before = fs::metadata(&log).map_or(0, |metadata| metadata.len());
        self.spawn(name, argv, env, BTreeMap::new())?;
        let status = self.ended(name).await?;
        let mut new = Vec::new();
        File::open(&log)
            .and_then(|mut file| {
                file.seek(SeekFrom::Start(before))?;
                file.read_to_end(&mut new)
            })
            .with_context(|| format!("cannot read {}", log.display()))?;
        let text = String::from_utf8_lossy(&new).into_owned();
        if status.state != JobState::Stopped {
            bail!(
                "`{name}` {}; it said: {}",
                status.ended.unwrap_or_default(),
                text.trim_end()
            );
        }
        Ok(text)
    }

    /// From now on a process of the scenario has to run until a step stops or kills it.
    pub fn lasts(&mut self, name: &str) {
        self.lasting.insert(name.to_owned());
    }

    /// A process that has died though no step has ended it, and how. One that ended with success has done its work.
    pub(super) fn death(&self) -> Option<(String, String)> {
        self.lasting.iter().find_map(|name| {
            // Who cannot be asked has not been seen dead: a guard that is lost is told by others.
            let status = self.guard.job(&self.job(name)).ok()?;
            let died = status.pid.is_none() && status.state == JobState::Failed;
            died.then(|| {
                (
                    name.clone(),
                    status.ended.unwrap_or_else(|| "ended".to_owned()),
                )
            })
        })
    }

    /// Asks a process of the scenario to end, and waits until it has.
    ///
    /// # Errors
    /// When there is none of this name, or it does not run.
    pub async fn stop(&mut self, name: &str) -> Result<()> {
        self.lasting.remove(name);
        self.guard.stop(&self.job(name))?;
        self.ended(name).await?;
        Ok(())
    }

    /// Whether a process of the scenario runs.
    ///
    /// # Errors
    /// When there is none of this name.
    pub fn is_running(&self, name: &str) -> Result<bool> {
        Ok(self.guard.job(&self.job(name))?.pid.is_some())
    }

    /// Whether a process of this name belongs to the scenario.
    pub fn has_process(&self, name: &str) -> bool {
        self.processes.contains(name)
    }

    /// Sends a signal to a process of the scenario.
    ///
    /// # Errors
    /// When it does not run.
    pub fn signal(&mut self, name: &str, signal: i32) -> Result<()> {
        if signal == rustix::process::Signal::KILL.as_raw() {
            self.lasting.remove(name);
        }
        Ok(self.guard.signal(&self.job(name), signal)?)
    }

    /// The log of a service of the stack or of a process of the scenario.
    ///
    /// # Errors
    /// When there is none, or it cannot be read.
    pub async fn log(&self, name: &str) -> Result<String> {
        if self.processes.contains(name) {
            let path = self.guard.run().log(&self.job(name));
            let log = fs::read(&path)
                .with_context(|| format!("there is no log of {name} ({})", path.display()))?;
            return Ok(String::from_utf8_lossy(&log).into_owned());
        }
        let control = self.control.as_deref();
        let control = control.context("nobody here can read the logs of services")?;
        let service = name.parse().map_err(|error: String| anyhow!(error))?;
        Ok(control.log(service).await?)
    }

    /// The last lines of a log; none where there is no log, as on a stack that is not ours.
    pub async fn log_tail(&self, name: &str) -> Vec<String> {
        let run = self.guard.run();
        if self.processes.contains(name) {
            return log_tail::read(&run.log(&self.job(name)));
        }
        match self.control.as_deref().and_then(Control::native) {
            Some(_) => log_tail::read(&run.log(name)),
            None => log_tail::of(&self.log(name).await.unwrap_or_default()),
        }
    }

    fn job(&self, name: &str) -> String {
        format!("{}.{name}", self.prefix)
    }

    /// Ends and removes what the scenario made: processes, then connectors, since they hold slots, then slots and the
    /// database. Topics and consumer groups go with the stack; where that is somebody else's, they are removed too.
    ///
    /// # Errors
    /// The first thing that could not be removed; the others are tried all the same.
    pub async fn clean_up(mut self) -> Result<()> {
        let mut first_error = Ok(());
        for name in std::mem::take(&mut self.processes) {
            // One that has ended already is what we want.
            if self.guard.stop(&self.job(&name)).is_ok() {
                let ended = self.ended(&name).await.map(drop);
                first_error = first_error.and(ended.with_context(|| format!("cannot end {name}")));
            }
        }
        if self.is_attached() {
            // What is down can neither be asked nor rid of anything.
            if let Some(control) = &self.control {
                let restored = control.restore().await;
                first_error = first_error.and(restored.context("a service does not come back"));
            }
            return first_error.and(self.sweep().await);
        }
        for name in std::mem::take(&mut self.connectors) {
            let removed = crate::connect::delete(&self, &name).await;
            first_error =
                first_error.and(removed.with_context(|| format!("cannot delete connector {name}")));
        }
        if self.has_database {
            let prefix = self.prefix.clone();
            let administrative = self.administrative_database()?;
            self.databases.retain(|name, _| *name == administrative);
            let dropped = async {
                postgres::drop_database(self.connect(&administrative).await?, &prefix).await
            };
            first_error = first_error.and(
                dropped
                    .await
                    .with_context(|| format!("cannot drop database {prefix}")),
            );
        }
        first_error
    }

    /// By the marks in names and not by what was noted: an action that was given up half-way has noted nothing.
    async fn sweep(mut self) -> Result<()> {
        // Who still reads a topic may have the broker make it again.
        self.readers.clear();
        let databases = Databases::Named(std::mem::take(&mut self.databases).into_keys().collect());
        Cluster::new(&self.endpoints)?
            .sweep(&|mark| *mark == self.mark, &databases)
            .await
            .map(drop)
    }
}
