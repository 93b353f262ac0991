//! For unit tests.

use std::fmt::Debug;
use std::path::Path;

use scenario::{Inputs, Kind, Registry, parse_str};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

/// Arguments as the file `t.toml` gives them to a step, `step = WRITTEN` in its third line; otherwise what is said about them.
pub fn arguments<T: DeserializeOwned + JsonSchema + Debug>(written: &str) -> Result<T, String> {
    let registry = Registry::new([Kind::<T>::check::<T>("it", "A check.")])
        .map_err(|error| error.to_string())?;
    let inputs = Inputs::default().with_builtins(["run.prefix"]);
    let text = format!("# A test.\n[[step]]\nit = {written}\n");
    let scenario = parse_str(Path::new("t.toml"), &text, &registry, &inputs)
        .map_err(|problems| problems.to_string())?;
    let mut vars = scenario.instances[0].vars();
    vars.set("run.prefix", 1);
    let bound = scenario.all_steps()[0]
        .bind(&vars)
        .map_err(|problems| problems.to_string())?;
    Ok(bound.step)
}
