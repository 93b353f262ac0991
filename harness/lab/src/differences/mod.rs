//! One connector and one workload on two versions of Debezium: what arrives on the topics, event by event.

mod events;
mod show;
mod workload;

pub use show::compare;
pub use workload::{Workload, run};
