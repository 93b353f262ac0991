//! A Kafka Connect stack: the components it is made of, the guard that owns its processes, when each part is ready,
//! and where it is reached.
//!
//! A stack is endpoints, and control where somebody has it. [`native`] starts one on loopback; a stack that exists already is
//! a file of endpoints, with control by [`systemd`] where its services are units of this machine.

pub mod body;
pub mod components;
pub mod control;
pub mod endpoints;
pub mod flavour;
pub mod guard;
pub mod limits;
pub mod links;
pub mod log_tail;
pub mod native;
mod private;
pub mod profile;
pub mod ready;
pub mod runs;
pub mod security;
pub mod services;
pub mod systemd;

pub use control::Control;
pub use endpoints::Endpoints;
pub use flavour::{Flavour, Size};
pub use links::Link;
pub use profile::Profile;
pub use security::Security;
pub use services::ServiceName;
