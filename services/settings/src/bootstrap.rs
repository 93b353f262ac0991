//! A way back for a client that has lost every broker.
//!
//! A broker that has just started may answer a question about a topic before it knows of any broker, itself included. librdkafka,
//! since 2.10, then forgets all brokers that it knew, and sometimes does not go back to those that it was started with: it never asks
//! anybody again (<https://github.com/confluentinc/librdkafka/issues/5301>). Of thirty consumers whose only broker was restarted six
//! times, one stayed silent for good. Naming brokers to it ends that, and does no harm to a client that waits for another reason.

use std::ffi::CString;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::bindings::rd_kafka_brokers_add;
use rdkafka::client::{Client, ClientContext};

/// How long a client has to wait in vain. librdkafka itself tries again at least so often (`reconnect.backoff.max.ms`), and keeps each
/// reminder for as long as the client lives.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where a client begins, and since when nobody has answered it.
#[derive(Debug)]
pub struct Bootstrap {
    servers: Option<CString>,
    was_answered: AtomicBool,
    since: Mutex<Instant>,
}

/// For another client of the same servers, which has not waited yet.
impl Clone for Bootstrap {
    fn clone(&self) -> Self {
        Self::at(self.servers.clone())
    }
}

impl Bootstrap {
    /// For a client of this configuration.
    pub fn of(config: &ClientConfig) -> Bootstrap {
        let servers = config.get("bootstrap.servers");
        Self::at(servers.and_then(|servers| CString::new(servers).ok()))
    }

    fn at(servers: Option<CString>) -> Bootstrap {
        Bootstrap {
            servers,
            was_answered: AtomicBool::new(false),
            since: Mutex::new(Instant::now()),
        }
    }

    /// Somebody has answered. It costs next to nothing.
    pub fn answered(&self) {
        self.was_answered.store(true, Ordering::Relaxed);
    }

    /// Names the servers to the client again, if it has waited for an answer for long. To be called now and then, with whether it waits.
    pub fn look<C: ClientContext>(&self, client: &Client<C>, is_waiting: bool) {
        let was_answered = self.was_answered.swap(false, Ordering::Relaxed);
        let is_in_vain = is_waiting && !was_answered;
        let mut since = self.since.lock().unwrap_or_else(PoisonError::into_inner);
        if is_in_vain && since.elapsed() < PATIENCE {
            return;
        }
        *since = Instant::now();
        if is_in_vain && let Some(servers) = &self.servers {
            tracing::debug!("nobody answers: {servers:?} are asked again");
            // SAFETY: the client is alive, and copies the string, which ends with a zero byte.
            unsafe { rd_kafka_brokers_add(client.native_ptr(), servers.as_ptr()) };
        }
    }
}
