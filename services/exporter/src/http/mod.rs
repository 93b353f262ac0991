//! The HTTP side: `/metrics`, `/health`, `/ready`, `/`.

mod auth;
mod body;
mod encoding;
mod landing;
mod metrics;
mod places;
mod routes;
mod server;
mod shared;
mod stalled;
mod web_config;

pub use metrics::Scrapes;
pub use routes::routes;
pub use server::{Server, bind};
pub use web_config::{WebConfig, WebConfigError};
