//! What steps can do: a file each.

pub mod connector_state;
mod exporter;
pub mod link;
mod produce;
mod producer;
mod put_connector;
pub mod service;
mod shell;
mod sql;
pub mod topic;

pub use exporter::StartExporter;
pub use produce::Produce;
pub use producer::Producer;
pub use put_connector::{PutConnector, configuration};
pub use shell::Shell;
pub use sql::Sql;
pub(crate) use sql::words as sql_words;
