//! Serves JSON metrics from a Kafka topic as a Prometheus endpoint.
//!
//! A record goes from [`consumer`] (Kafka) through [`reading`] (JSON) into [`table`] (the series);
//! a scrape goes from [`http`] over a snapshot of the table to [`exposition`] (text). Consumption and
//! scrapes share nothing but one short lock: a scrape copies the values and renders from the copy.

pub mod consumer;
mod demo;
pub mod exposition;
mod hash;
pub mod http;
mod listen;
mod memory;
pub mod reading;
mod refusals;
mod run;
mod settings;
mod slab;
pub mod state;
pub mod table;
pub mod telemetry;

pub use demo::DemoError;
pub use listen::ListenAddr;
pub use run::{RunError, run};
pub use settings::{Settings, Start};
