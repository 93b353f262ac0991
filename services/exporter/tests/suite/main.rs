//! The exporter's tests, in one binary: each binary links librdkafka, and that takes longer than the tests.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::cast_precision_loss
)]

mod binary;
mod broker;
mod exposition;
mod group;
mod kills;
mod limits;
mod log;
mod prediction;
mod readers;
mod readme;
mod rules;
mod scrape_cost;
mod secured;
mod state;
mod strangers;
mod support;
mod table;
mod web;
