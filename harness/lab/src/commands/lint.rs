//! `lab lint`

use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use clap::ValueEnum;
use serde_json::json;

use crate::Verdict;
use crate::lint::{
    Case, Definitions, Document, Finding, Fixed, Severity, Worker, check, fixed, judged, left,
    truncates, wanted,
};
use crate::words::count;

/// The largest file that is read.
const LARGEST: u64 = 1 << 20;

/// What `--fix` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Fix {
    /// The configuration, migrated.
    Connector,
    /// A second connector that delivers the truncates of the first.
    Truncates,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  lab lint connector.json                   on the newest recorded Debezium
  lab lint connector.json --debezium 2.7.4  on an older one: ask for both
  lab lint connector.json --live http://HOST:8083      on this worker
  lab lint connector.json --fix > fixed.json           as it is meant
  curl -s http://HOST:8083/connectors/NAME | lab lint -

A file is the configuration alone, {\"name\": …, \"config\": {…}}, or what GET /connectors/NAME answers. A worker \
is asked about filters, names and values of closed kinds; hosts, users and passwords are not sent. What each change of --fix does goes to stderr.

Exit status: 0 without a warning or an error (notes alone are none), 1 with one, 2 when the input is wrong.")]
pub struct Args {
    /// A connector's JSON file; - for standard input.
    #[arg(value_name = "CONNECTOR.json")]
    file: PathBuf,
    /// The version of Debezium, by the definitions recorded in this project; the newest without it.
    #[arg(long, value_name = "VERSION", conflicts_with = "live")]
    debezium: Option<String>,
    /// Ask this worker instead: its REST interface.
    #[arg(long, value_name = "URL")]
    live: Option<String>,
    /// Print the migrated configuration, or a second connector beside it. Secrets in clear become references.
    #[arg(long, value_enum, num_args = 0..=1, require_equals = true, default_missing_value = "connector")]
    fix: Option<Fix>,
    /// Print everything as JSON.
    #[arg(long)]
    json: bool,
}

pub async fn run(args: Args) -> Result<Verdict> {
    let (name, text) = read(&args.file)?;
    let mut document = Document::parse(&name, &text).map_err(|problem| *problem)?;
    let worker = args.live.as_deref().map(Worker::at).transpose()?;
    if document.get("connector.class").is_none() {
        // Says so, before anybody is asked.
        Case::new(&document, &Definitions::recorded(None)?)?;
    }
    let definitions = match &worker {
        Some(worker) => worker.definitions(Some(&wanted(&document))).await?,
        None => Definitions::recorded(args.debezium.as_deref())?,
    };
    document.hide_passwords(&definitions);
    let case = Case::new(&document, &definitions)?;
    let mut findings = check(&case);
    if let Some(worker) = &worker {
        findings = judged(&case, worker, findings).await?;
    }
    let basis = format!(
        "{} on Connect {}, {}",
        case.version(),
        definitions.connect,
        if worker.is_some() {
            "as the worker says"
        } else {
            "as recorded"
        }
    );
    match args.fix {
        None => {
            show(&document, &findings, &basis, args.json)?;
            Ok(verdict(&findings))
        }
        Some(fix) => migrate(fix, &case, &findings, args.json),
    }
}

fn read(file: &Path) -> Result<(PathBuf, String)> {
    let (name, text) = if file == Path::new("-") {
        let mut text = String::new();
        let read = std::io::stdin().take(LARGEST + 1).read_to_string(&mut text);
        read.context("cannot read standard input")?;
        (PathBuf::from("<stdin>"), text)
    } else {
        let shown = file.display();
        if std::fs::metadata(file).is_ok_and(|metadata| !metadata.is_file()) {
            bail!("{shown} is not a file");
        }
        let opened = std::fs::File::open(file).with_context(|| format!("cannot read {shown}"))?;
        let mut text = String::new();
        let read = opened.take(LARGEST + 1).read_to_string(&mut text);
        read.with_context(|| format!("cannot read {shown} as text"))?;
        (file.to_owned(), text)
    };
    if text.len() as u64 > LARGEST {
        bail!(
            "{} is too large for a connector: at most {LARGEST} bytes",
            name.display()
        );
    }
    Ok((name, text))
}

fn verdict(findings: &[Finding]) -> Verdict {
    Verdict::from(
        findings
            .iter()
            .all(|finding| finding.severity == Severity::Note),
    )
}

fn counts(findings: &[Finding]) -> String {
    let of = |severity| {
        findings
            .iter()
            .filter(|one| one.severity == severity)
            .count()
    };
    format!(
        "{}, {}, {}",
        count(of(Severity::Error), "error"),
        count(of(Severity::Warning), "warning"),
        count(of(Severity::Note), "note")
    )
}

fn show(document: &Document, findings: &[Finding], basis: &str, json: bool) -> Result<()> {
    if json {
        let list: Vec<_> = findings
            .iter()
            .map(|finding| finding.json(document))
            .collect();
        println!("{:#}", json!({ "basis": basis, "findings": list }));
        return Ok(());
    }
    let colour = console::user_attended();
    for finding in findings {
        println!("{}\n", finding.render(document, colour));
    }
    println!("{} ({basis})", counts(findings));
    Ok(())
}

/// What is left after the migration decides how the command ends.
fn migrate(fix: Fix, case: &Case<'_>, findings: &[Finding], json: bool) -> Result<Verdict> {
    let migrated = fixed(case, findings);
    let printed: Fixed = match fix {
        Fix::Connector => migrated,
        Fix::Truncates => truncates(case, &migrated).context(
            "there is nothing to add: only behind ExtractNewRecordState truncates need a connector of their own",
        )?,
    };
    let (document, rest) = left(case, &printed)?;
    if json {
        let list: Vec<_> = rest.iter().map(|finding| finding.json(&document)).collect();
        let all =
            json!({ "connector": printed.value, "changes": printed.changes, "findings": list });
        println!("{all:#}");
        return Ok(verdict(&rest));
    }
    println!("{:#}", printed.value);
    for change in &printed.changes {
        let what = match (&change.remove, &change.set) {
            (Some(old), Some((new, value))) => format!("{old} → {new}={value}"),
            (Some(old), None) => format!("{old} goes"),
            (None, Some((new, value))) => format!("{new}={value}"),
            (None, None) => String::new(),
        };
        eprintln!("{what}\n  {}", change.does);
    }
    let rest: Vec<_> = rest
        .into_iter()
        .filter(|finding| finding.severity != Severity::Note)
        .collect();
    for finding in &rest {
        eprintln!("left to you: {}", finding.render(&document, false));
    }
    Ok(verdict(&rest))
}
