//! What steps can do: a file each.

pub mod connector_state;
mod create_topic;
mod exporter;
mod produce;
mod producer;
mod put_connector;
pub mod service;
mod shell;
mod sql;

pub use create_topic::Create;
pub use exporter::StartExporter;
pub use produce::Produce;
pub use producer::Producer;
pub use put_connector::{PutConnector, configuration};
pub use shell::Shell;
pub use sql::Sql;
pub(crate) use sql::words as sql_words;
