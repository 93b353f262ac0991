//! `--profile`, `--secure`, `--brokers` and `--workers`

use clap::builder::{PossibleValuesParser, TypedValueParser};
use stack::{Profile, Security, Size};

/// The profile of a stack, for commands that bring one up.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct ProfileArgs {
    /// Where Kafka keeps its metadata: `zookeeper` is Kafka and Connect 3.9 with ZooKeeper, `kraft` 4.3 without it.
    #[arg(long, value_parser = parser(), default_value = Profile::Zookeeper.as_str())]
    pub profile: Profile,
}

/// Whether the parts of a stack believe each other.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct SecurityArgs {
    /// TLS, certificates and passwords between all parts, and rules of what each may do at Kafka (docs/security.md).
    #[arg(long)]
    secure: bool,
}

impl From<SecurityArgs> for Security {
    fn from(args: SecurityArgs) -> Self {
        args.secure.into()
    }
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
