//! Bringing a stack up, as parallel as it allows.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures::future::try_join_all;

use super::control::Control;
use super::error::StackError;
use crate::components::{
    Cache, ComponentId, Installed, Lock, NoProgress, Progress, java, prometheus,
};
use crate::endpoints::Endpoints;
use crate::flavour::{Flavour, Size};
use crate::guard::{GuardError, GuardHandle, PortRequest};
use crate::limits::{self, Amounts};
use crate::links::{Link, Links};
use crate::runs::{About, RunDir, state_dir};
use crate::security::{Keys, Security};
use crate::services::{JvmMode, Programs, ServiceName, metrics_topic};

/// What to bring up.
#[derive(Debug, Clone)]
pub struct StackSpec {
    /// Services; what they need comes along.
    pub services: Vec<ServiceName>,
    /// Its profile, and the versions of what it is made of.
    pub flavour: Flavour,
    /// How JVMs are run.
    pub jvm: JvmMode,
    /// Which ports.
    pub ports: PortChoice,
    /// In which order.
    pub order: StartOrder,
    /// How long each service may take until it is ready.
    pub ready_within: Duration,
    /// Links that get a proxy; those to services that the stack lacks are left out.
    pub links: Vec<Link>,
    /// Whether it stays for its user, until `lab down`, or ends with some work.
    pub stays: bool,
}

impl StackSpec {
    /// These services in the default profile on free ports, quick to start, all at once.
    pub fn of(services: impl IntoIterator<Item = ServiceName>) -> Self {
        Self {
            services: services.into_iter().collect(),
            flavour: Flavour::default(),
            jvm: JvmMode::Quick,
            ports: PortChoice::Auto,
            order: StartOrder::Parallel,
            ready_within: Duration::from_secs(90),
            links: Vec::new(),
            stays: false,
        }
    }
}

/// In which order services are launched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartOrder {
    /// All at once: each waits by itself for what it needs.
    Parallel,
    /// Each when the one before is ready, with its components' default settings where ours are for a fast start. The
    /// yardstick of `lab bench startup`.
    OneByOne,
}

/// Which ports a stack listens on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PortChoice {
    /// Free ones, so that runs do not meet.
    Auto,
    /// The ones that everybody knows: 9092, 8083, 9090, 8080, 5432, 2181 (9093 without ZooKeeper), 9404; 9098 of a secure Kafka.
    Default,
}

/// Who is told what goes on.
pub trait Observer: Progress + Send + Sync {
    /// A service is launched.
    fn starting(&self, _service: ServiceName) {}
    /// A service is ready, after this time since the start of the stack.
    fn ready(&self, _service: ServiceName, _after: Duration) {}
}

impl Observer for NoProgress {}

/// A running stack that ends when this goes.
#[derive(Debug)]
pub struct Native {
    handle: GuardHandle,
    control: Arc<Control>,
}

/// Components that these services need: their ids by the names that services use.
///
/// # Errors
/// When the lock does not know one, or not in the version that was asked for.
pub fn requirements(
    services: &[ServiceName],
    flavour: &Flavour,
) -> Result<BTreeMap<&'static str, ComponentId>, StackError> {
    let lock = Lock::embedded()?;
    let services = services.iter().map(|name| name.service());
    let asked_for = |name: &&&str| flavour.versions.contains_key(**name);
    let optional = services
        .clone()
        .flat_map(|service| service.optional_components());
    let names = services.flat_map(|service| service.components());
    names
        .chain(optional.filter(asked_for))
        .map(|name| Ok((*name, flavour.resolve(&lock, name)?)))
        .collect()
}

impl Native {
    /// Fetches what is missing, verifies every byte of what will run, starts everything and waits until it is ready.
    ///
    /// # Errors
    /// Whatever kept it from coming up; everything that was started is ended then.
    pub async fn start(spec: &StackSpec, observer: &dyn Observer) -> Result<Self, StackError> {
        let profile = spec.flavour.profile;
        let members = ServiceName::closure(spec.services.iter().copied(), profile);
        if let Some(service) = members.iter().find(|service| !profile.has(**service)) {
            let service = *service;
            return Err(StackError::NotInProfile { service, profile });
        }
        let size = spec.flavour.size;
        if let Some(service) = spec.services.iter().find(|service| !size.has(**service)) {
            let (option, number) = Size::that_has(*service);
            return Err(StackError::NotInSize {
                service: *service,
                option,
                number,
            });
        }
        let members = size.complete(&members);
        if size.brokers > 1 && spec.links.iter().any(|link| link.to == ServiceName::Kafka) {
            return Err(StackError::LinkToSeveral);
        }
        if std::env::var(limits::VARIABLE).as_deref() != Ok("off") {
            let free = Amounts::free(&state_dir());
            free.suffice(Amounts::needed(&members))?;
        }
        let mut programs = locate_programs(&members)?;
        let (installed, class_data) = tokio::task::block_in_place(|| {
            let cache = Cache::open(Lock::embedded()?)?;
            if members.contains(&ServiceName::Prometheus) {
                programs.prometheus = Some(prometheus::ensure(&cache, observer)?);
            }
            let installed = install(&cache, &members, &spec.flavour, observer)?;
            Ok::<_, StackError>((installed, cache.class_data()))
        })?;

        let about = About {
            stays: spec.stays,
            versions: versions(&installed, &programs),
            ..About::this_process()
        };
        let run = RunDir::create(&about).map_err(|source| StackError::Directory {
            path: state_dir(),
            source,
        })?;
        let handle = tokio::task::block_in_place(|| GuardHandle::launch(run))?;
        let security = spec.flavour.security;
        let ports = reserve(&handle, &members, &spec.flavour, spec.ports)?;
        let has = |link: &Link| members.contains(&link.to);
        let wanted: Vec<Link> = spec.links.iter().copied().filter(has).collect();
        let listeners = reserve_listeners(&handle, &wanted)?;
        let links = Links::listen(wanted).map_err(|source| StackError::Links { source })?;
        let mut endpoints = Endpoints::default();
        for name in &members {
            for (key, port) in &ports[name] {
                let address = name.service().address(*port, security);
                endpoints.set(name.as_str(), *key, address);
            }
        }
        // Whoever knows one broker only cannot begin while that is down.
        let bootstrap: Vec<_> = ServiceName::Kafka
            .among(&members)
            .filter_map(|name| {
                let port = ports[&name].get("bootstrap")?;
                Some(name.service().address(*port, security))
            })
            .collect();
        if !bootstrap.is_empty() {
            endpoints.set(
                ServiceName::Kafka.as_str(),
                "bootstrap",
                bootstrap.join(","),
            );
        }
        for (link, proxy) in links.iter() {
            let behind = listeners
                .get(&link)
                .or_else(|| ports.get(&link.to)?.get(link.key));
            let Some(behind) = behind else { continue };
            let address = (Ipv4Addr::LOCALHOST, *behind).into();
            proxy
                .forward(address)
                .map_err(|source| StackError::Links { source })?;
            let port = proxy.address().port();
            endpoints.set_link(link, link.to.service().address(port, security));
        }
        if security == Security::Secure {
            let keys = Keys::make(handle.guard().run().path())?;
            endpoints.set_keys(Arc::new(keys));
        }
        if members.contains(&ServiceName::Kafka) {
            let topic = metrics_topic().map_err(|source| StackError::Launch {
                service: ServiceName::Exporter,
                source,
            })?;
            endpoints.set("metrics", "topic", topic);
        }
        let control = Arc::new(Control {
            guard: handle.guard().clone(),
            endpoints,
            ports,
            installed,
            programs,
            members,
            profile,
            class_data,
            order: spec.order,
            jvm: std::sync::Mutex::new(spec.jvm),
            worker: std::sync::Mutex::default(),
            ready_within: spec.ready_within,
            links,
            listeners,
            introduced: tokio::sync::watch::Sender::new(security == Security::Plain),
        });
        let mut order = control.members.clone();
        order.sort_by_key(|name| rank(*name, spec.order));
        let starts = order
            .iter()
            .map(|name| control.bring_up(*name, spec.jvm, observer));
        let all = async {
            match spec.order {
                StartOrder::Parallel => try_join_all(starts).await.map(drop),
                StartOrder::OneByOne => {
                    for start in starts {
                        start.await?;
                    }
                    Ok(())
                }
            }
        };
        tokio::select! {
            result = all => result?,
            lost = handle.lost() => return Err(lost.into()),
        }
        Ok(Self { handle, control })
    }

    /// Control over its services.
    pub fn control(&self) -> &Arc<Control> {
        &self.control
    }

    /// Resolves when the guard was killed. What it has left ends when this goes.
    pub async fn lost(&self) -> StackError {
        self.handle.lost().await.into()
    }

    /// Lets it go on without us.
    ///
    /// # Errors
    /// When the guard is gone.
    pub fn detach(self) -> Result<Arc<Control>, StackError> {
        self.handle.detach()?;
        Ok(self.control)
    }

    /// Ends everything, and returns when it is gone.
    ///
    /// # Errors
    /// When it does not end.
    pub async fn shut_down(self) -> Result<(), StackError> {
        let guard = self.handle.guard().clone();
        tokio::task::spawn_blocking(move || guard.shut_down())
            .await
            .map_err(|error| GuardError::Refused(error.to_string()))??;
        Ok(())
    }
}

/// Where a service stands in the order of launches: those of one rank as they come.
fn rank(service: ServiceName, order: StartOrder) -> i8 {
    match (service, order) {
        // Prometheus looks for its targets for the first time five seconds after its start (`updatert` in its
        // discovery/manager.go), whatever its settings: the sooner the better.
        (ServiceName::Prometheus, StartOrder::Parallel) => -1,
        // It is ready when all that it scrapes is up.
        (ServiceName::Prometheus, StartOrder::OneByOne) => 1,
        // Its launch may copy its programs to where its user can read them, which holds up the launches after it.
        (ServiceName::Postgres, StartOrder::Parallel) => 1,
        _ => 0,
    }
}

/// Versions of what a stack is made of, by component.
pub(super) fn versions(
    installed: &BTreeMap<&'static str, Installed>,
    programs: &Programs,
) -> BTreeMap<String, String> {
    let ids = installed.values().map(|installed| &installed.id);
    let versions = ids.map(|id| (id.name().to_owned(), id.version().to_owned()));
    let prometheus = programs.prometheus.as_ref();
    let prometheus = prometheus.map(|it| ("prometheus".to_owned(), it.version.clone()));
    versions.chain(prometheus).collect()
}

fn install(
    cache: &Cache,
    members: &[ServiceName],
    flavour: &Flavour,
    progress: &dyn Observer,
) -> Result<BTreeMap<&'static str, Installed>, StackError> {
    let wanted = requirements(members, flavour)?;
    let ids: Vec<_> = wanted.values().cloned().collect();
    cache.ensure(&ids, progress)?;
    let verified = cache.verify_all(&ids)?;
    Ok(wanted.into_keys().zip(verified).collect())
}

/// What runs that does not stand in the lock: looked for before anything is fetched, so that a machine that lacks it hears
/// so at once.
fn locate_programs(members: &[ServiceName]) -> Result<Programs, StackError> {
    let mut programs = Programs::default();
    for name in members {
        match name.kind() {
            ServiceName::Exporter | ServiceName::Producer => {
                programs
                    .paths
                    .insert(name.as_str(), own_program(name.as_str())?);
            }
            ServiceName::Postgres | ServiceName::Prometheus => {}
            _ => {
                programs.paths.insert("java", java::locate()?.program);
            }
        }
    }
    Ok(programs)
}

/// A program of this project: beside the one that runs, else on the PATH.
///
/// # Errors
/// When it is at neither place.
pub fn own_program(name: &'static str) -> Result<PathBuf, StackError> {
    let beside = std::env::current_exe()
        .ok()
        .and_then(|exe| Some(exe.parent()?.join(name)));
    beside
        .filter(|path| path.is_file())
        .or_else(|| which::which(name).ok())
        .ok_or(StackError::Program { name })
}

/// Ports for Kafka to listen on for each of its links.
fn reserve_listeners(
    handle: &GuardHandle,
    links: &[Link],
) -> Result<BTreeMap<Link, u16>, StackError> {
    let of_kafka = links.iter().filter(|link| link.to == ServiceName::Kafka);
    let key = |link: &Link| format!("kafka.{}", link.listener());
    let requests = of_kafka.clone().map(|link| PortRequest {
        key: key(link),
        exactly: None,
    });
    let reserved = handle.guard().reserve(requests.collect())?;
    Ok(of_kafka
        .filter_map(|link| Some((*link, *reserved.get(&key(link))?)))
        .collect())
}

type Ports = BTreeMap<ServiceName, BTreeMap<&'static str, u16>>;

fn reserve(
    handle: &GuardHandle,
    members: &[ServiceName],
    flavour: &Flavour,
    choice: PortChoice,
) -> Result<Ports, StackError> {
    let wanted = members.iter().flat_map(|name| {
        let service = name.service();
        let secure = match flavour.security {
            Security::Plain => &[],
            Security::Secure => service.secure_ports(),
        };
        service
            .ports(flavour.profile)
            .iter()
            .chain(secure)
            .map(move |(key, port)| (*name, *key, *port))
    });
    let requests = wanted
        .clone()
        .map(|(name, key, port)| PortRequest {
            key: format!("{name}.{key}"),
            exactly: (choice == PortChoice::Default).then_some(port),
        })
        .collect();
    let reserved = handle.guard().reserve(requests)?;
    let mut ports: Ports = members
        .iter()
        .map(|name| (*name, BTreeMap::new()))
        .collect();
    for (name, key, _) in wanted {
        if let (Some(port), Some(own)) =
            (reserved.get(&format!("{name}.{key}")), ports.get_mut(&name))
        {
            own.insert(key, *port);
        }
    }
    Ok(ports)
}
