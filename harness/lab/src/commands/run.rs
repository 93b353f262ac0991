//! `lab run`

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, bail};
use stack::{Security, Size};

use crate::attach::{OF_THIS_MACHINE, Place};
use crate::catalogue::Selection;
use crate::profile::{ProfileArgs, SecurityArgs, SizeArgs};
use crate::progress::Shown;
use crate::report::{self, Terminal, summary};
use crate::runner::Suite;
use crate::suite::{self, Options, Recorder};
use crate::{Verdict, attach, stacks};

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  lab run                                 every scenario
  lab run scenarios/cdc --jobs 4          an area, four at a time
  lab run cdc/original --keep             leave the stack up for a look
  lab run --shuffle --jobs 4 --repeat 10  in a random order, ten times each
  lab run --profile kraft scenarios/cdc   on Kafka 4.3 without ZooKeeper
  lab run --secure scenarios/cdc          with TLS, certificates and passwords
  lab run --tag faults --report out       by tag, reports into the folder `out`
  lab status --endpoints > e.json         where everything of a stack is, and
  lab run scenarios/cdc --endpoints e.json  on it, or on any cluster
  lab run --driver systemd scenarios/cdc  on this machine's own services

A file of endpoints, of which only what scenarios need has to be there:
  {\"kafka\": {\"bootstrap\": \"HOST:PORT\"},
   \"connect\": {\"rest\": \"http://HOST:PORT\"},
   \"postgres\": {\"sql\": \"postgresql://USER:PASSWORD@HOST:PORT/DATABASE\"},
   \"prometheus\": {\"http\": \"http://HOST:PORT\"},
   \"exporter\": {\"http\": \"http://HOST:PORT\"},
   \"metrics\": {\"topic\": \"the exporter's, if scenarios may write to it\"},
   \"versions\": {\"kafka\": \"3.9.2\"},
   \"units\": {\"kafka\": \"apache-kafka.service\"}}

With --driver systemd, scenarios also stop, kill, pause and start services and read their logs, through systemctl and \
journalctl; who does that runs alone, and what it left down is started again. `units` says which unit a service is \
where it is not the one that NixOS has. What cannot run there is skipped, with the reason.

Of a scenario that runs several times, each round after the first has its number behind its name: cdc/delete#2. Ctrl-C \
ends a run; with --report, what was done until then is reported.")]
pub struct Args {
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    profile: ProfileArgs,
    #[command(flatten)]
    security: SecurityArgs,
    #[command(flatten)]
    size: SizeArgs,
    /// Scenarios at the same time.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    jobs: u16,
    /// How often each runs.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    repeat: u16,
    /// Run them in a random order, which is that of this seed where one is given. The seed is printed, so that an order can
    /// be had again.
    #[arg(long, value_name = "SEED", num_args = 0..=1, require_equals = true)]
    shuffle: Option<Option<u32>>,
    /// Start nothing new after the first failure.
    #[arg(long)]
    fail_fast: bool,
    /// Leave the stack up, with what the scenarios made on it, and say where; Ctrl-C or `lab down` ends it.
    #[arg(long)]
    keep: bool,
    /// Run on the cluster that this file names, instead of a stack made for it. Scenarios make and remove only what bears the
    /// run's mark in its name; those that need more than endpoints are skipped, with the reason.
    #[arg(long, value_name = "FILE")]
    endpoints: Option<PathBuf>,
    /// Who runs the services: the lab itself, or systemd on this machine. For systemd the endpoints are those that the NixOS
    /// module wrote, unless --endpoints names others.
    #[arg(long, value_enum, default_value_t)]
    driver: Driver,
    /// Write report.html, report.json and junit.xml into this folder.
    #[arg(long, value_name = "DIR")]
    report: Option<PathBuf>,
    /// Print the outcome as JSON.
    #[arg(long)]
    json: bool,
}

/// Who runs the services of a stack.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
enum Driver {
    /// A stack made for the run, on loopback.
    #[default]
    Native,
    /// The units of this machine.
    Systemd,
}

impl Args {
    /// Where to run, where that is no stack of our own.
    fn place(&self) -> Option<Place<'_>> {
        let systemd = self.driver == Driver::Systemd;
        let of_this_machine = systemd.then_some(Path::new(OF_THIS_MACHINE));
        let file = self.endpoints.as_deref().or(of_this_machine)?;
        Some(Place { file, systemd })
    }

    /// A stack that exists is what it is.
    fn asks_for_no_other_stack(&self) -> Result<()> {
        let is_other = Size::from(self.size) != Size::default()
            || Security::from(self.security) != Security::Plain;
        if is_other {
            bail!(
                "--secure, --brokers and --workers say what a stack of the lab's own is like, and this one is there already\n  what to do: leave them out (docs/security.md says what the lab speaks to endpoints)"
            );
        }
        Ok(())
    }
}

/// How long the end of a run may take after a signal: the report is written when the stack is down.
const AFTER_SIGNAL: Duration = Duration::from_secs(30);

/// That the endpoints of this machine are there where nobody has named others.
fn is_there(place: Place<'_>, of_this_machine: bool) -> Result<()> {
    if place.systemd && of_this_machine && !place.file.exists() {
        bail!(
            "this machine has no {}, which says where its services are\n  what to do: on NixOS the project's module writes it (`services.kafka-connect-lab.enable = true`, docs/nix.md); elsewhere name such a file with --endpoints FILE; without --driver systemd the lab runs a stack of its own",
            place.file.display()
        );
    }
    Ok(())
}

fn write(suite: &Suite, folder: &Path, shown: &Shown) -> Result<()> {
    let page = report::write(suite, folder)?;
    shown.line(&format!("report: {}", page.display()));
    Ok(())
}

pub async fn run(args: Args) -> Result<Verdict> {
    let selected = args.selection.instances()?;
    if let Some(place) = args.place() {
        is_there(place, args.endpoints.is_none())?;
        args.asks_for_no_other_stack()?;
    }
    if let Some(folder) = &args.report {
        report::prepare(folder)?;
    }
    let shown = Shown::new();
    if let Some(hint) = args.selection.long_ones(&selected) {
        shown.line(&hint);
    }
    let options = Options {
        jobs: usize::from(args.jobs),
        repeat: usize::from(args.repeat),
        shuffle: args
            .shuffle
            .map(|seed| seed.unwrap_or_else(rand::random).into()),
        fail_fast: args.fail_fast,
        keep: args.keep,
        profile: args.profile.profile,
        size: args.size.into(),
        security: args.security.into(),
        ..Options::default()
    };
    if args.report.is_some() {
        stacks::be_patient(AFTER_SIGNAL);
    }
    let terminal = Terminal::new(&shown, options.jobs);
    let reporter = Recorder::new(&terminal);
    let ran = match args.place() {
        Some(place) => attach::run(&selected, &options, place, &shown, &reporter)
            .await
            .map(|suite| (suite, None)),
        None => suite::run(&selected, &options, &shown, &reporter).await,
    };
    let (suite, kept) = match ran {
        Ok(ran) => ran,
        Err(error) => {
            let why = format!("{error:#}");
            let all = suite::in_rounds(&selected, options.repeat);
            match (reporter.unfinished(all, &why), &args.report) {
                (Some(suite), folder) => {
                    if let Some(folder) = folder {
                        write(&suite, folder, &shown)?;
                    }
                    shown.line(&format!("until then: {}", summary(&suite)));
                }
                (None, Some(folder)) => report::give_up(folder),
                (None, None) => {}
            }
            return Err(error);
        }
    };
    if let Some(folder) = &args.report {
        write(&suite, folder, &shown)?;
    }
    if args.json {
        println!("{:#}", serde_json::to_value(&suite)?);
    } else {
        println!("{}", summary(&suite));
    }
    if let Some(native) = kept {
        stacks::hold(native, &shown).await?;
    }
    let (passed, failed, _) = suite.counts();
    if args.place().is_some() && passed + failed == 0 {
        // What was asked for has not been looked at: that is no success, and no failure of the cluster.
        shown.line("nothing was checked: every scenario was skipped, for the reasons above");
        return Ok(Verdict::Wrong);
    }
    Ok(Verdict::from(suite.held()))
}
