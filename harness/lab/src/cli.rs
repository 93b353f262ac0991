//! The command line.

use clap::{Parser, Subcommand};

use crate::commands;

/// A reproducible laboratory for Kafka Connect pipelines.
#[derive(Debug, Parser)]
#[command(
    name = "lab",
    version,
    after_help = "Examples:
  lab demo                          bring everything up and do the three jobs on it
  lab up --detach                   leave a stack running in the background
  lab up --profile kraft            Kafka without ZooKeeper, until Ctrl-C
  lab status --json                 where everything is, for programs
  lab logs connect -f               follow a log
  lab run scenarios/cdc             run the scenarios of an area
  lab tune tuning/original-table    measure settings against each other, in full
  lab lint connector.json           what a connector's configuration does not do
  lab down                          end it

Exit status: 0 all held, 1 something did not hold, 2 the input or the machine is wrong."
)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Bring everything up, do the three jobs on real data, write a report.
    Demo(commands::demo::Args),
    /// Run scenarios on a stack made for them.
    Run(commands::run::Args),
    /// Measure a source connector under several settings, or search for better ones.
    Tune(commands::tune::Args),
    /// The scenarios there are.
    List(commands::list::Args),
    /// Check scenario files without running them.
    Validate(commands::validate::Args),
    /// The JSON Schema of scenario files, or the page of all actions and checks.
    Schema(commands::schema::Args),
    /// Run every test: the workspace's, then every scenario that is not tagged tuning or soak.
    Test(commands::test::Args),
    /// Hurt a stack at random, round after round, and check that nothing is lost.
    Soak(commands::soak::Args),
    /// Bring a stack up and say where everything is.
    Up(commands::up::Args),
    /// End a stack.
    Down(commands::down::Args),
    /// Remove what dead runs left: on this machine, or on a cluster.
    Clean(commands::clean::Args),
    /// What runs, and where.
    Status(commands::status::Args),
    /// The log of a service.
    Logs(commands::logs::Args),
    /// What a connector's configuration does not do, though it looks as if it did.
    Lint(commands::lint::Args),
    /// Run a workload through a connector on two versions of Debezium, and show what differs on the topics.
    DiffVersions(commands::diff_versions::Args),
    /// What this machine lacks, and the line that mends it.
    Doctor(commands::doctor::Args),
    /// Fetch the pinned components, so that nothing needs the network later.
    Fetch(commands::fetch::Args),
    /// Resolve the components again and rewrite components/lock.json.
    Lock(commands::lock::Args),
    /// A bill of materials in CycloneDX: every crate and every jar, with its hash.
    Sbom(commands::sbom::Args),
    /// Write the page on what arrives on the topic, from what scenarios saw.
    Arrivals(commands::arrivals::Args),
    /// Record what workers read, for `lab lint`.
    Definitions(commands::definitions::Args),
    /// Measure.
    #[command(
        subcommand,
        after_help = "Examples:
  lab bench startup --repeat 1    time until everything is ready
  lab bench engine                what the engine takes for a step
  lab bench suite --repeat 1      shared stacks against a fresh one for each
  lab bench tuning                whether `lab tune` finds differences"
    )]
    Bench(commands::bench::Bench),
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use clap::CommandFactory;

    use super::Cli;

    /// Clap breaks lines where the terminal ends: an example that is longer is torn apart, and prose that has line breaks of
    /// its own is broken twice.
    #[test]
    fn every_command_has_examples_that_fit_a_narrow_terminal() {
        for command in Cli::command().get_subcommands() {
            let name = command.get_name();
            let help = command
                .get_after_help()
                .unwrap_or_else(|| panic!("{name} has no examples"))
                .to_string();
            assert!(help.starts_with("Examples:\n  lab "), "{name}: {help}");
            let mut after_prose = false;
            for line in help.lines() {
                let prose = !line.is_empty() && !line.starts_with(' ') && !line.ends_with(':');
                assert!(prose || line.chars().count() <= 80, "{name}: {line}");
                assert!(!(prose && after_prose), "{name}: {line}");
                after_prose = prose;
            }
        }
    }
}
