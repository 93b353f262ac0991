//! `lab definitions`

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use stack::components::Lock;
use stack::native::{Native, StackSpec};
use stack::{Flavour, Profile, ServiceName};

use crate::groups::DEBEZIUM;
use crate::lint::{Definitions, Worker};
use crate::progress::Shown;
use crate::{Verdict, stacks};

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  lab definitions            record all versions in components/components.json
  lab definitions --check    whether the recorded ones are what workers say")]
pub struct Args {
    /// Versions of Debezium; all that are pinned when none is named.
    versions: Vec<String>,
    /// Write nothing; exit status 1 when something differs.
    #[arg(long)]
    check: bool,
    /// Where they are recorded.
    #[arg(long, value_name = "DIR", default_value = "components/definitions")]
    folder: PathBuf,
}

pub async fn run(args: Args) -> Result<Verdict> {
    let shown = Shown::new();
    let versions = if args.versions.is_empty() {
        Lock::embedded()?.versions(DEBEZIUM)
    } else {
        args.versions
    };
    let mut held = true;
    for version in versions {
        let mut flavour = Flavour::of(Profile::default()).with_jdbc(&Lock::embedded()?)?;
        flavour
            .versions
            .insert(DEBEZIUM.to_owned(), version.clone());
        let spec = StackSpec {
            flavour,
            ..StackSpec::of([ServiceName::Connect])
        };
        let native =
            stacks::interruptible(async { Ok(Native::start(&spec, &shown).await?) }).await?;
        let recorded = stacks::guarded(&native, record(&native)).await;
        native.shut_down().await?;
        let text = format!("{:#}\n", serde_json::to_value(recorded?)?);
        let path = args.folder.join(format!("{version}.json"));
        let is_same = std::fs::read_to_string(&path).is_ok_and(|known| known == text);
        let words = match (is_same, args.check) {
            (true, _) => "is current",
            (false, true) => "differs from what the worker says",
            (false, false) => {
                std::fs::create_dir_all(&args.folder)
                    .with_context(|| format!("cannot make {}", args.folder.display()))?;
                std::fs::write(&path, text)
                    .with_context(|| format!("cannot write {}", path.display()))?;
                "was rewritten"
            }
        };
        held &= is_same || !args.check;
        println!("{} {words}", path.display());
    }
    Ok(Verdict::from(held))
}

async fn record(native: &Native) -> Result<Definitions> {
    let rest = native
        .control()
        .endpoints()
        .endpoint("lab", "connect", "rest")?
        .to_owned();
    Worker::at(&rest)?.definitions(None).await
}
