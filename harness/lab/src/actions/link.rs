//! `cut_link`, `reset_link`, `slow_link`, `restore_link`: what can happen on the way between two services.

use std::num::NonZeroU64;

use anyhow::Context as _;
use async_trait::async_trait;
use scenario::Duration;
use schemars::JsonSchema;
use serde::Deserialize;
use stack::Control;
use stack::links::State;

use crate::runner::{Check, Context, LinkName, Observed, Step, StepError};

fn set(context: &Context, link: &LinkName, state: State) -> Result<Observed, StepError> {
    let native = context.control.as_deref().and_then(Control::native);
    native
        .context("only a stack of the lab's own has proxies in its links")?
        .set_link(link.0, state)
        .map_err(|error| StepError::broken(link.0.to.as_str(), error))?;
    Ok(Observed::text("done"))
}

macro_rules! state {
    ($name:ident, $state:expr) => {
        /// Name of a link.
        #[derive(Debug, Deserialize, JsonSchema)]
        #[serde(transparent)]
        pub struct $name(LinkName);

        #[async_trait]
        impl Step for $name {
            async fn attempt(&self, context: &mut Context) -> Result<Observed, StepError> {
                set(context, &self.0, $state)
            }
        }
    };
}

state!(Cut, State::Silent);
state!(Reset, State::Reset);
state!(Restore, State::Open);

/// A link to make slow: by `latency`, `bytes_per_second`, or both.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Slow {
    /// The link.
    link: LinkName,
    /// How late each piece of up to 16 KiB is.
    #[serde(default)]
    latency: Option<Duration>,
    /// Bytes a second, of each direction of each connection.
    #[serde(default)]
    bytes_per_second: Option<NonZeroU64>,
}

impl Check for Slow {
    fn check(&self) -> Result<(), String> {
        match (self.latency, self.bytes_per_second) {
            (None, None) => {
                Err("nothing would be slow\ngive `latency`, `bytes_per_second` or both".to_owned())
            }
            _ => Ok(()),
        }
    }
}

#[async_trait]
impl Step for Slow {
    async fn attempt(&self, context: &mut Context) -> Result<Observed, StepError> {
        let slow = State::Slow {
            latency: self.latency.map(Into::into).unwrap_or_default(),
            bytes_per_second: self.bytes_per_second,
        };
        set(context, &self.link, slow)
    }
}
