//! A TCP proxy that can be told to misbehave.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU64;
use std::sync::Mutex;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::Instant;

/// What a link does with its connections.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum State {
    /// Everything passes.
    #[default]
    Open,
    /// Nothing passes, and nobody is told: as when a cable is pulled. What was sent meanwhile passes when the link is open again.
    Silent,
    /// Connections are reset, those that exist and those that are tried.
    Reset,
    /// Everything passes late, and slowly.
    Slow {
        /// How late each piece is.
        latency: Duration,
        /// Bytes a second of each direction of each connection.
        bytes_per_second: Option<NonZeroU64>,
    },
}

/// Bytes that are passed on at a time.
pub const PIECE: usize = 16 << 10;
/// Pieces that are on their way at most, in each direction of a connection.
const PIECES: usize = 16;

/// Listens on loopback, and forwards. Ends when it goes, and its connections with it.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    state: watch::Sender<State>,
    listener: Mutex<Option<std::net::TcpListener>>,
    task: Mutex<Option<AbortHandle>>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let task = self.task.get_mut().ok().and_then(Option::take);
        task.inspect(AbortHandle::abort);
    }
}

impl Proxy {
    pub(super) fn listen() -> io::Result<Self> {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        Ok(Self {
            address: listener.local_addr()?,
            state: watch::Sender::new(State::Open),
            listener: Mutex::new(Some(listener)),
            task: Mutex::default(),
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Forwards to this address from now on. A second call does nothing.
    pub(crate) fn forward(&self, to: SocketAddr) -> io::Result<()> {
        let listener = self.listener.lock().ok().and_then(|mut one| one.take());
        let Some(listener) = listener else {
            return Ok(());
        };
        let listener = TcpListener::from_std(listener)?;
        let running = tokio::spawn(accept(listener, to, self.state.subscribe()));
        if let Ok(mut task) = self.task.lock() {
            *task = Some(running.abort_handle());
        }
        Ok(())
    }

    /// Puts it into a state. Connections that exist hear of it at once.
    pub fn set(&self, state: State) {
        self.state.send_replace(state);
    }

    /// The state it is in.
    pub fn state(&self) -> State {
        *self.state.borrow()
    }
}

async fn accept(listener: TcpListener, to: SocketAddr, state: watch::Receiver<State>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((client, _)) => {
                    connections.spawn(serve(client, to, state.clone()));
                }
                // As when there are too many open files: others may close some.
                Err(error) => {
                    tracing::warn!(%error, "a link cannot accept a connection");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// One connection, until both ends have said all, or it is reset.
async fn serve(mut client: TcpStream, to: SocketAddr, state: watch::Receiver<State>) {
    let Ok(mut server) = TcpStream::connect(to).await else {
        return reset(&client);
    };
    // A proxy that collects small writes would be slower than none.
    let quick = [&client, &server].map(|stream| stream.set_nodelay(true));
    if quick.iter().any(Result::is_err) {
        return;
    }
    let mut changes = state.clone();
    let is_broken = tokio::select! {
        biased;
        _ = changes.wait_for(|state| *state == State::Reset) => true,
        () = exchange(&mut client, &mut server, state) => false,
    };
    if is_broken {
        reset(&client);
        reset(&server);
    }
}

async fn exchange(client: &mut TcpStream, server: &mut TcpStream, state: watch::Receiver<State>) {
    let (client_read, client_write) = client.split();
    let (server_read, server_write) = server.split();
    let there = pump(client_read, server_write, state.clone());
    let back = pump(server_read, client_write, state);
    // When one direction fails the other does so by itself: both are of the same two connections.
    let _ = tokio::join!(there, back);
}

/// Passes on what comes from one end, as the state wants it, until that end has said all.
async fn pump(
    from: ReadHalf<'_>,
    to: WriteHalf<'_>,
    state: watch::Receiver<State>,
) -> io::Result<()> {
    let (on_its_way, arrived) = mpsc::channel(PIECES);
    let (read, written) = tokio::join!(take(from, on_its_way), give(arrived, to, state));
    read.and(written)
}

/// A piece, and when it was said.
type Said = (Instant, Vec<u8>);

async fn take(mut from: ReadHalf<'_>, on_its_way: mpsc::Sender<Said>) -> io::Result<()> {
    loop {
        let mut piece = vec![0; PIECE];
        let length = from.read(&mut piece).await?;
        piece.truncate(length);
        // Nobody takes it once the other end is gone.
        if length == 0 || on_its_way.send((Instant::now(), piece)).await.is_err() {
            return Ok(());
        }
    }
}

async fn give(
    mut arrived: mpsc::Receiver<Said>,
    mut to: WriteHalf<'_>,
    mut state: watch::Receiver<State>,
) -> io::Result<()> {
    loop {
        let piece = arrived.recv().await;
        // A closed channel is a proxy that goes, which ends this task, too.
        let now = state.wait_for(|state| *state != State::Silent).await;
        let Ok(now) = now.map(|now| *now) else {
            return Ok(());
        };
        let Some((said, piece)) = piece else {
            return to.shutdown().await;
        };
        if let State::Slow {
            latency,
            bytes_per_second,
        } = now
        {
            let rate = bytes_per_second.map_or(f64::INFINITY, |rate| rate.get() as f64);
            // What was said meanwhile is on its way as well.
            tokio::time::sleep_until(said + latency).await;
            tokio::time::sleep(Duration::from_secs_f64(piece.len() as f64 / rate)).await;
        }
        to.write_all(&piece).await?;
    }
}

/// Makes the close of a connection a reset.
fn reset(stream: &TcpStream) {
    // Otherwise it is closed in order, which is a failure as well.
    let _ = stream.set_zero_linger();
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use tokio::time::timeout;

    use super::*;

    const MOMENT: Duration = Duration::from_millis(200);

    /// A proxy before a server that says everything again, and a connection through it.
    async fn echo() -> (Proxy, TcpStream) {
        let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let proxy = Proxy::listen().unwrap();
        proxy.forward(server.local_addr().unwrap()).unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = server.accept().await {
                tokio::spawn(async move {
                    let (mut read, mut write) = stream.split();
                    tokio::io::copy(&mut read, &mut write).await
                });
            }
        });
        let client = TcpStream::connect(proxy.address()).await.unwrap();
        (proxy, client)
    }

    async fn say(client: &mut TcpStream, text: &str) -> io::Result<String> {
        client.write_all(text.as_bytes()).await?;
        let mut answer = vec![0; text.len()];
        client.read_exact(&mut answer).await?;
        Ok(String::from_utf8(answer).unwrap())
    }

    #[tokio::test]
    async fn an_open_link_passes_everything_and_its_end() {
        let (_proxy, mut client) = echo().await;
        let long = "x".repeat(10 * PIECE + 1);
        assert_eq!(say(&mut client, &long).await.unwrap(), long);
        client.shutdown().await.unwrap();
        assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn a_silent_link_keeps_what_is_said_until_it_is_open() {
        let (proxy, mut client) = echo().await;
        proxy.set(State::Silent);
        assert!(timeout(MOMENT, say(&mut client, "a")).await.is_err());
        proxy.set(State::Open);
        let mut answer = [0];
        client.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"a");
    }

    #[tokio::test]
    async fn a_reset_link_ends_connections_and_takes_no_new_ones() {
        let (proxy, mut client) = echo().await;
        say(&mut client, "a").await.unwrap();
        proxy.set(State::Reset);
        let error = client.read(&mut [0]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
        let mut second = TcpStream::connect(proxy.address()).await.unwrap();
        assert!(say(&mut second, "b").await.is_err());
        proxy.set(State::Open);
        let mut third = TcpStream::connect(proxy.address()).await.unwrap();
        assert_eq!(say(&mut third, "c").await.unwrap(), "c");
    }

    #[tokio::test]
    async fn a_slow_link_is_late_and_narrow() {
        let (proxy, mut client) = echo().await;
        proxy.set(State::Slow {
            latency: MOMENT,
            bytes_per_second: NonZeroU64::new(100),
        });
        let begun = Instant::now();
        // 200 ms and a tenth of a second, there and back.
        say(&mut client, "0123456789").await.unwrap();
        assert!(begun.elapsed() >= Duration::from_millis(600));
    }

    #[tokio::test]
    async fn what_is_late_does_not_hold_up_what_follows() {
        let (proxy, mut client) = echo().await;
        proxy.set(State::Slow {
            latency: MOMENT,
            bytes_per_second: None,
        });
        let begun = Instant::now();
        let long = "x".repeat(8 * PIECE);
        say(&mut client, &long).await.unwrap();
        assert!(begun.elapsed() < 6 * MOMENT, "{:?}", begun.elapsed());
    }

    #[tokio::test]
    async fn who_is_not_there_resets() {
        let proxy = Proxy::listen().unwrap();
        let nobody = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = nobody.local_addr().unwrap();
        drop(nobody);
        proxy.forward(address).unwrap();
        let mut client = TcpStream::connect(proxy.address()).await.unwrap();
        assert!(say(&mut client, "a").await.is_err());
    }
}
