//! What steps can check: a file each. A check looks once; the engine repeats it.

mod address;
mod connector;
mod exposition;
mod http;
mod lag;
mod log;
mod matching;
mod number;
mod promql;
mod records;
mod refused;
mod rows;
mod series;

pub use connector::Connector;
pub use exposition::Exposition;
pub use http::Http;
pub use lag::Lag;
pub use log::Log;
pub use number::Expected;
pub use promql::Promql;
pub use records::Records;
pub use refused::Refused;
pub use rows::Rows;
pub use series::SeriesCheck;
