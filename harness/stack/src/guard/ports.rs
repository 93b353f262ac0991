//! Ports that stay ours for a whole run.
//!
//! A port from `bind(0)` is an ephemeral one, which the kernel may hand to any client while a service restarts. So
//! ports come from below the ephemeral range. Two runs do not meet because each port has a lock: an abstract Unix
//! socket named after it, which lives in the same network namespace as the port, is seen by every user, and goes with
//! the process that holds it, however that ends.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};

const FIRST: u16 = 11_000;
/// Linux's default start of the ephemeral range.
const DEFAULT_END: u16 = 32_768;

/// A port and the lock on it.
#[derive(Debug)]
pub struct Reservation {
    /// The port.
    pub port: u16,
    _lock: UnixListener,
}

/// Why a port cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum PortError {
    /// Another process listens on it, or another run has it.
    #[error(
        "port {port} is taken by {holder}: end it, or let the lab choose free ports (`--ports auto`)"
    )]
    Taken {
        /// The port asked for.
        port: u16,
        /// Who has it, as far as can be seen.
        holder: String,
    },
    /// The whole range is in use.
    #[error("no free port between {FIRST} and {end}: end other runs (`lab status`, `lab down`)")]
    NoneLeft {
        /// First port that is not ours to take.
        end: u16,
    },
}

/// Reserves this port and no other.
///
/// # Errors
/// [`PortError::Taken`], with the holder.
pub fn exactly(port: u16) -> Result<Reservation, PortError> {
    attempt(port).map_err(|_| PortError::Taken {
        port,
        holder: holder(port),
    })
}

/// Reserves `count` free ports below the kernel's ephemeral range.
///
/// # Errors
/// [`PortError::NoneLeft`].
pub fn free(count: usize) -> Result<Vec<Reservation>, PortError> {
    let end = ephemeral_start();
    let span = u32::from(end.saturating_sub(FIRST)).max(1);
    // Runs that start together begin at different places, so that they rarely try the same port.
    let start = std::process::id().wrapping_mul(2_654_435_761) % span;
    let mut reserved = Vec::with_capacity(count);
    for step in 0..span {
        if reserved.len() == count {
            break;
        }
        let candidate = FIRST + u16::try_from((start + step) % span).unwrap_or(0);
        if let Ok(reservation) = attempt(candidate) {
            reserved.push(reservation);
        }
    }
    if reserved.len() < count {
        Err(PortError::NoneLeft { end })
    } else {
        Ok(reserved)
    }
}

fn attempt(port: u16) -> io::Result<Reservation> {
    let name = format!("kafka-connect-lab/port/{port}");
    let lock = UnixListener::bind_addr(&SocketAddr::from_abstract_name(name)?)?;
    // Loopback and all interfaces: a service on either would clash with ours, or answer in its place.
    for host in [Ipv4Addr::LOCALHOST, Ipv4Addr::UNSPECIFIED] {
        drop(TcpListener::bind(SocketAddrV4::new(host, port))?);
    }
    Ok(Reservation { port, _lock: lock })
}

fn ephemeral_start() -> u16 {
    std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range")
        .ok()
        .and_then(|range| range.split_whitespace().next()?.parse().ok())
        .filter(|start| *start > FIRST + 1000)
        .unwrap_or(DEFAULT_END)
}

fn holder(port: u16) -> String {
    match listeners::get_process_by_port(port, listeners::Protocol::TCP) {
        Ok(process) => format!("process {} ({})", process.pid, process.name),
        Err(_) => "another run of the lab, or a process of another user".to_owned(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_reserved_port_is_not_given_twice_and_comes_back_when_dropped() {
        let first = free(1).unwrap().remove(0);
        assert!(first.port < ephemeral_start());
        assert!(matches!(exactly(first.port), Err(PortError::Taken { .. })));
        let port = first.port;
        drop(first);
        assert_eq!(exactly(port).unwrap().port, port);
    }

    #[test]
    fn a_taken_port_names_the_process_that_has_it() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let message = exactly(port).unwrap_err().to_string();
        assert!(
            message.contains(&format!(
                "port {port} is taken by process {}",
                std::process::id()
            )),
            "{message}"
        );
    }
}
