//! `--profile`, `--brokers` and `--workers`

use clap::builder::{PossibleValuesParser, TypedValueParser};
use stack::{Profile, Size};

/// The profile of a stack, for commands that bring one up.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct ProfileArgs {
    /// Where Kafka keeps its metadata: `zookeeper` is Kafka and Connect 3.9 with ZooKeeper, `kraft` 4.3 without it.
    #[arg(long, value_parser = parser(), default_value = Profile::Zookeeper.as_str())]
    pub profile: Profile,
}

fn parser() -> impl TypedValueParser<Value = Profile> {
    PossibleValuesParser::new(Profile::ALL.map(Profile::as_str))
        .try_map(|name| name.parse::<Profile>())
}

/// How many there are of what there can be several of.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct SizeArgs {
    /// How many brokers: with 3, topics have three replicas, and one broker can be lost.
    #[arg(long, value_parser = number(["1", "3"]), default_value = "1")]
    brokers: u8,
    /// How many workers of Connect: with 2, one can be lost.
    #[arg(long, value_parser = number(["1", "2"]), default_value = "1")]
    workers: u8,
}

impl From<SizeArgs> for Size {
    fn from(args: SizeArgs) -> Self {
        Self {
            brokers: args.brokers,
            workers: args.workers,
        }
    }
}

fn number(choices: [&'static str; 2]) -> impl TypedValueParser<Value = u8> {
    PossibleValuesParser::new(choices).try_map(|text| text.parse::<u8>())
}
