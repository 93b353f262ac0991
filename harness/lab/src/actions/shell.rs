//! `shell`

use std::collections::BTreeMap;

use async_trait::async_trait;
use scenario::TextOr;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::runner::{Context, Observed, Step, StepError};

/// A command for `/bin/sh -eu`, run in the scenario's own directory. It has to end with success; what it leaves in the background
/// ends with it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(from = "TextOr<Full>")]
pub struct Shell(Full);

/// A command with its environment.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Full {
    /// The command.
    command: String,
    /// Variables for it.
    #[serde(default)]
    env: BTreeMap<String, String>,
}

impl From<TextOr<Full>> for Shell {
    fn from(written: TextOr<Full>) -> Self {
        Self(match written {
            TextOr::Text(command) => Full {
                command,
                env: BTreeMap::new(),
            },
            TextOr::Full(full) => full,
        })
    }
}

#[async_trait]
impl Step for Shell {
    async fn attempt(&self, context: &mut Context) -> Result<Observed, StepError> {
        let argv = ["/bin/sh", "-euc", self.0.command.as_str()]
            .map(str::to_owned)
            .to_vec();
        let printed = context.run("shell", argv, self.0.env.clone()).await?;
        let printed = printed.trim_end();
        Ok(Observed::value(printed, json!({ "output": printed })))
    }
}
