//! `put_connector`

use async_trait::async_trait;
use scenario::JsonFile;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};
use stack::services::connectors_access;

use crate::connect;
use crate::runner::{Context, Grid, Observed, Step, StepError};

/// A connector to make. Either `file` or `config`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(try_from = "Written")]
pub struct PutConnector {
    name: String,
    config: Map<String, Value>,
    with: Map<String, Value>,
    without: Vec<String>,
}

/// A connector as a scenario has it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Written {
    /// Its name in Connect.
    name: String,
    /// A JSON file beside the scenario: a configuration, or an object with a `config` such as Connect's REST returns.
    file: Option<JsonFile>,
    /// The configuration itself.
    config: Option<Map<String, Value>>,
    /// What to set over the file: every change of it is in the report.
    #[serde(default)]
    with: Map<String, Value>,
    /// What to leave out of the file.
    #[serde(default)]
    without: Vec<String>,
}

impl TryFrom<Written> for PutConnector {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let config =
            match (written.file, written.config) {
                (Some(file), None) => configuration(file.value)?,
                (None, Some(config)) => config,
                _ => return Err(
                    "the configuration is missing or there twice\ngive either `file` or `config`"
                        .to_owned(),
                ),
            };
        Ok(Self {
            name: written.name,
            config,
            with: written.with,
            without: written.without,
        })
    }
}

/// The configuration in any of the forms that go in and out of Connect's REST.
pub fn configuration(value: Value) -> Result<Map<String, Value>, String> {
    let Value::Object(mut object) = value else {
        return Err("a connector is a JSON object".to_owned());
    };
    match object.remove("config") {
        Some(Value::Object(config)) => Ok(config),
        Some(_) => Err("`config` of a connector is a JSON object".to_owned()),
        None => Ok(object),
    }
}

#[async_trait]
impl Step for PutConnector {
    async fn attempt(&self, context: &mut Context) -> Result<Observed, StepError> {
        let mut config = self.config.clone();
        let mut grid = Grid {
            header: ["setting", "in the file", "here"]
                .map(str::to_owned)
                .to_vec(),
            rows: Vec::new(),
        };
        let mut changed = |key: &str, before: Option<Value>, after: &str| {
            let before = before.as_ref().map_or_else(|| "–".to_owned(), text);
            if before != after {
                grid.rows
                    .push(vec![key.to_owned(), before, after.to_owned()]);
            }
        };
        for key in &self.without {
            changed(key, config.remove(key), "–");
        }
        for (key, value) in &self.with {
            changed(key, config.insert(key.clone(), value.clone()), &text(value));
        }
        // Connect takes the name from the URL and refuses another one inside.
        if config
            .get("name")
            .is_some_and(|name| name != self.name.as_str())
        {
            let before = config.insert("name".to_owned(), self.name.clone().into());
            changed("name", before, &self.name);
        }
        context.own("connector", &self.name)?;
        context
            .allow(connectors_access(&context.prefix))
            .await
            .map_err(|error| StepError::broken("kafka", error))?;
        for (key, value) in connect::of_a_secure_stack(context, &config)? {
            changed(
                &key,
                config.insert(key.clone(), value.clone()),
                &text(&value),
            );
        }
        context.made_connector(&self.name);
        connect::put(context, &self.name, &Value::Object(config))
            .await
            .map_err(|error| StepError::broken("connect", error))?;
        let overlay = grid.rows.len();
        let observed = match overlay {
            0 => "as it is in the file".to_owned(),
            1 => "1 setting differs from the file".to_owned(),
            number => format!("{number} settings differ from the file"),
        };
        let grid = (overlay > 0).then_some(grid);
        Ok(Observed {
            grid,
            ..Observed::text(observed)
        })
    }
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}
