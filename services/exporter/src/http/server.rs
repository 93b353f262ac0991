//! Connections: accepting them, their time limits, and their end.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower_service::Service;
use warp::http::{Request, Response};
use warp::hyper::body::Incoming;
use warp::hyper::server::conn::http1;
use warp::hyper::service::service_fn;

use super::body::Held;
use crate::ListenAddr;

/// A client has this long to send a request's head; also the longest silence between two requests.
const HEAD: Duration = Duration::from_secs(30);
/// Open connections at a time; more wait in the system's queue.
const CONNECTIONS: usize = 512;

/// Binds the address. Without a host that is all interfaces, of IPv6 and IPv4 where the system has both.
///
/// # Errors
/// The system's, as when the port is taken.
pub async fn bind(address: &ListenAddr) -> io::Result<TcpListener> {
    match TcpListener::bind(address.to_addrs()).await {
        Err(error) if address.is_any() && error.kind() != io::ErrorKind::AddrInUse => {
            TcpListener::bind(("0.0.0.0", address.to_addrs().1)).await
        }
        bound => bound,
    }
}

/// Serves connections until it is dropped or told to stop.
pub struct Server<S> {
    listener: TcpListener,
    service: S,
}

impl<S, B> Server<S>
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>
        + Clone
        + Send
        + 'static,
    S::Future: Send,
    B: http_body::Body<Data = bytes::Bytes> + Unpin + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    /// Ready to [`Server::run`].
    pub fn new(listener: TcpListener, service: S) -> Server<S> {
        Server { listener, service }
    }

    /// Serves until `stop` comes, then lets answers end that are on their way, for `grace` at most.
    pub async fn run(self, stop: impl Future<Output = ()>, grace: Duration) {
        let graceful = GracefulShutdown::new();
        let connections = Arc::new(Semaphore::new(CONNECTIONS));
        tokio::pin!(stop);
        loop {
            let accept = async {
                // The semaphore is never closed.
                let place = Arc::clone(&connections).acquire_owned().await.ok();
                (self.listener.accept().await, place)
            };
            match tokio::select! { accepted = accept => accepted, () = &mut stop => break } {
                (Ok((stream, _)), place) => self.serve(stream, place, &graceful),
                (Err(error), _) => {
                    // Out of file descriptors, say: trying again at once would spin.
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
        drop(self.listener);
        if tokio::time::timeout(grace, graceful.shutdown())
            .await
            .is_err()
        {
            tracing::warn!("ending with answers on their way");
        }
    }

    fn serve(
        &self,
        stream: TcpStream,
        place: Option<OwnedSemaphorePermit>,
        graceful: &GracefulShutdown,
    ) {
        let service = self.service.clone();
        let held = service_fn(move |request| {
            let mut service = service.clone();
            async move {
                let mut answer = service.call(request).await?;
                let place = answer
                    .extensions_mut()
                    .remove::<Arc<OwnedSemaphorePermit>>();
                Ok::<_, Infallible>(answer.map(|body| Held::new(body, place)))
            }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD)
            .serve_connection(TokioIo::new(stream), held);
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended early");
            }
            drop(place);
        });
    }
}
