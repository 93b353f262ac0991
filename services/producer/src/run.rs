//! Sends messages and waits for what became of each.

use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::error::KafkaError;

use crate::clients::{Clients, LOOK};
use crate::deliveries::Deliveries;
use crate::window::Window;
use crate::{Messages, Outgoing, Pace, Summary};

/// A run that could not begin.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// librdkafka would not start with these settings.
    #[error("cannot start the Kafka client with these settings (KAFKA_CONFIG_…, --kafka-config)")]
    Client(#[source] KafkaError),
}

/// Where and how a run sends.
pub struct Target<'a> {
    /// librdkafka's settings.
    pub config: &'a ClientConfig,
    /// The topic.
    pub topic: &'a str,
    /// How long to wait for acknowledgements once there is nothing left to send.
    pub flush_timeout: Duration,
}

/// How often a long wait looks whether to stop.
const GLANCE: Duration = Duration::from_millis(50);
const PROGRESS: Duration = Duration::from_secs(10);
/// Messages for which the clock is read and room is looked for once, when none of them has to wait.
const AT_ONCE: u64 = 16;

/// Sends `messages` at their `pace` until they end or `stop` is set, then waits for the acknowledgements.
/// Whatever was not acknowledged in the end is in [`Summary::failed`].
///
/// # Errors
/// The client cannot be made. A broker that cannot be reached is not an error: messages wait for it.
pub fn run(
    target: &Target<'_>,
    mut messages: impl Messages,
    mut pace: Pace,
    seed: Option<u64>,
    stop: &AtomicBool,
) -> Result<Summary, RunError> {
    let started = Instant::now();
    let deliveries = Deliveries::new(target.config, started);
    let unlimited = pace.is_unlimited();
    // With a pace one client is enough, and what it cannot send yet waits in its queue.
    let mut clients =
        Clients::new(unlimited, target, deliveries, stop).map_err(RunError::Client)?;
    let mut window = unlimited.then(|| Window::new(target.config, clients.requests()));
    let mut progress = started + PROGRESS;
    let mut outgoing = Outgoing::default();
    let at_once = if unlimited { AT_ONCE } else { 1 };
    let mut now = started;
    let mut number: u64 = 0;
    while messages.next_into(&mut outgoing) {
        if number.is_multiple_of(at_once) {
            now = match &mut window {
                Some(window) => wait_for_room(&mut clients, window),
                None => wait_until_due(&mut clients, &pace),
            };
            if now >= progress {
                progress = now + PROGRESS;
                clients.tell();
            }
        }
        // At each message: none may follow one that found no room.
        if clients.stopped() {
            break;
        }
        number += 1;
        match &mut window {
            Some(window) => window.handed_over(outgoing.payload.len()),
            None => pace.sent(outgoing.ends_round, now),
        }
        clients.send(&mut outgoing);
    }
    let sent = clients.hand_over();
    clients.finish(target.flush_timeout);
    let summary = clients.tally().summary(sent, started.elapsed(), seed);
    Ok(summary)
}

/// Waits until the next message is due, and takes reports meanwhile. Gives the time then.
fn wait_until_due(clients: &mut Clients<'_>, pace: &Pace) -> Instant {
    let mut now = Instant::now();
    clients.look(now);
    loop {
        let left = pace.wait(now);
        if left.is_zero() || clients.stopped() {
            return now;
        }
        now = clients.wait(left.min(GLANCE));
    }
}

/// Waits until the window has room, and takes reports meanwhile. Gives the time then.
fn wait_for_room(clients: &mut Clients<'_>, window: &mut Window) -> Instant {
    let mut now = Instant::now();
    clients.look(now);
    while window.is_full(|| clients.tally()) && !clients.stopped() {
        now = clients.wait(LOOK);
    }
    now
}
