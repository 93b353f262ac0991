//! The HTTP side: `/metrics`, `/health`, `/ready`, `/`.

mod body;
mod encoding;
mod landing;
mod metrics;
mod routes;
mod server;

pub use metrics::Scrapes;
pub use routes::routes;
pub use server::{Server, bind};
