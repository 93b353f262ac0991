//! Arguments whose keys are each right, but not together.

use std::borrow::Cow;
use std::ops::Deref;

use async_trait::async_trait;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{Deserialize, Deserializer, Error};

use super::{Context, Observed, Step, StepError};

/// What has to be so of several arguments together.
pub trait Check {
    /// Whether they make sense.
    ///
    /// # Errors
    /// With the mistake in the first line, and what to do about it in the second.
    fn check(&self) -> Result<(), String>;
}

/// Arguments that were [checked](Check) as the file was read, so that a mistake has its place there and is found before
/// anything runs.
#[derive(Debug, Clone)]
pub struct Sound<T>(T);

impl<T> Deref for Sound<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<'de, T: Deserialize<'de> + Check> Deserialize<'de> for Sound<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let arguments = T::deserialize(deserializer)?;
        arguments.check().map_err(D::Error::custom)?;
        Ok(Self(arguments))
    }
}

impl<T: JsonSchema> JsonSchema for Sound<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }
    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

#[async_trait]
impl<T: Step> Step for Sound<T> {
    async fn attempt(&self, context: &mut Context) -> Result<Observed, StepError> {
        self.0.attempt(context).await
    }
}
