//! `--profile`

use clap::builder::{PossibleValuesParser, TypedValueParser};
use stack::Profile;

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
