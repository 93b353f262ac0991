//! `lab up`

use std::time::{Duration, Instant};

use anyhow::Result;
use clap::ValueEnum;
use stack::components::Lock;
use stack::native::{Native, PortChoice, StackSpec};
use stack::runs::RunDir;
use stack::services::JvmMode;
use stack::{Flavour, ServiceName};

use crate::Verdict;
use crate::commands::status;
use crate::profile::{ProfileArgs, SecurityArgs, SizeArgs};
use crate::progress::Shown;
use crate::stacks;

/// Which ports.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Ports {
    /// Free ones, so that stacks side by side do not meet.
    Auto,
    /// 9092 (Kafka), 8083 (Connect), 9090 (Prometheus), 8080 (exporter), 5432 (Postgres), 2181 (9093 in the profile kraft), 9404; 9098 of a secure Kafka.
    Default,
}

impl From<Ports> for PortChoice {
    fn from(ports: Ports) -> Self {
        match ports {
            Ports::Auto => Self::Auto,
            Ports::Default => Self::Default,
        }
    }
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  lab up                            until Ctrl-C
  lab up --detach --ports default   in the background, on the usual ports
  lab up --profile kraft            Kafka 4.3 without ZooKeeper
  lab up --secure                   TLS, certificates and passwords
  lab up --brokers 3 --workers 2    one of each can be lost
  lab up kafka prometheus           only these, and what they need")]
pub struct Args {
    /// Services to start, with what they need; all when none is named.
    services: Vec<ServiceName>,
    #[command(flatten)]
    profile: ProfileArgs,
    #[command(flatten)]
    security: SecurityArgs,
    #[command(flatten)]
    size: SizeArgs,
    /// Give Connect Debezium's JDBC sink as well, as `jdbc` in `[stack]` of a scenario does.
    #[arg(long)]
    jdbc: bool,
    /// Leave it running in the background; `lab down` ends it.
    #[arg(long)]
    detach: bool,
    /// Which ports to listen on.
    #[arg(long, value_enum, default_value = "auto")]
    ports: Ports,
    /// What JVMs are tuned for: a fast start (quick) or throughput (server).
    #[arg(long, value_parser = jvm_mode, default_value = "quick")]
    jvm: JvmMode,
    /// Print the status as JSON when everything is ready.
    #[arg(long)]
    json: bool,
    /// How long each service may take until it is ready.
    #[arg(long, value_parser = crate::words::length_of_time, default_value = "90s")]
    timeout: Duration,
}

fn jvm_mode(text: &str) -> Result<JvmMode, String> {
    match text {
        "quick" => Ok(JvmMode::Quick),
        "server" => Ok(JvmMode::Server),
        _ => Err("quick or server".to_owned()),
    }
}

pub async fn run(args: Args) -> Result<Verdict> {
    let shown = Shown::new();
    let services = if args.services.is_empty() {
        args.profile.profile.services()
    } else {
        args.services.clone()
    };
    let mut flavour = Flavour::of(args.profile.profile);
    flavour.size = args.size.into();
    flavour.security = args.security.into();
    if args.jdbc {
        flavour = flavour.with_jdbc(&Lock::embedded()?)?;
    }
    let spec = StackSpec {
        flavour,
        jvm: args.jvm,
        ports: args.ports.into(),
        ready_within: args.timeout,
        stays: true,
        ..StackSpec::of(services)
    };
    let others = RunDir::living();
    if !others.is_empty() {
        shown.line(&format!(
            "beside what is alive already:{}",
            stacks::list(&others)
        ));
    }
    let begun = Instant::now();
    let native = stacks::interruptible(async { Ok(Native::start(&spec, &shown).await?) }).await?;
    shown.line(&format!(
        "everything is ready after {:.1} s",
        begun.elapsed().as_secs_f64()
    ));
    let run = native.control().guard().run().id().to_owned();
    status::print(&[native.control().guard().clone()], args.json)?;
    if args.detach {
        native.detach()?;
        // Beside others, a run has to be named.
        let named = match others.is_empty() {
            true => String::new(),
            false => format!(" --run {run}"),
        };
        shown.line(&format!(
            "\nrun {run} goes on in the background: `lab status{named}`, `lab logs SERVICE{named}`, `lab down{named}`"
        ));
        return Ok(Verdict::Held);
    }
    shown.line("\nCtrl-C ends it; `lab status` and `lab logs SERVICE` work from another terminal");
    let watched = stacks::guarded(&native, stacks::first_death(&native)).await;
    native.shut_down().await?;
    match watched {
        // Ending it is what the user wanted.
        Err(error) if error.is::<crate::failure::Interrupted>() => {
            shown.line(&format!("run {run} has ended"));
            Ok(Verdict::Held)
        }
        Err(error) => Err(error),
        Ok(never) => match never {},
    }
}
