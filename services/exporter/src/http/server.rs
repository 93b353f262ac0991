//! Connections: accepting them, their time limits, and their end.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::OwnedSemaphorePermit;
use tokio_rustls::TlsAcceptor;
use tower_service::Service;
use warp::http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use warp::http::{HeaderValue, Request, Response, StatusCode};
use warp::hyper::body::Incoming;
use warp::hyper::server::conn::http1;
use warp::hyper::service::service_fn;

use super::auth::Users;
use super::body::{Bytes, Held};
use super::places::{Place, Places};
use super::stalled::Stalled;
use super::web_config::WebConfig;
use crate::ListenAddr;

/// A client has this long to send a request's head; also the longest silence between two requests.
const HEAD: Duration = Duration::from_secs(30);
/// A client has this long to read some of its answer, and for a TLS handshake.
const STALLED: Duration = Duration::from_secs(30);
/// Open connections at a time: one more takes the place of one that waits for a request.
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
    web: WebConfig,
}

impl<S, B> Server<S>
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>
        + Clone
        + Send
        + 'static,
    S::Future: Send,
    B: http_body::Body<Data = Bytes> + From<Bytes> + Unpin + Send + 'static,
    B::Error: Into<Failure>,
{
    /// Ready to [`Server::run`].
    pub fn new(listener: TcpListener, service: S, web: WebConfig) -> Server<S> {
        Server {
            listener,
            service,
            web,
        }
    }

    /// Serves until `stop` comes, then lets answers end that are on their way, for `grace` at most.
    pub async fn run(self, stop: impl Future<Output = ()>, grace: Duration) {
        let graceful = GracefulShutdown::new();
        let places = Places::new(CONNECTIONS);
        tokio::pin!(stop);
        loop {
            let accept = async {
                let (stream, _) = self.listener.accept().await?;
                Ok::<_, io::Error>((stream, places.take().await))
            };
            match tokio::select! { accepted = accept => accepted, () = &mut stop => break } {
                Ok((stream, place)) => self.serve(stream, place, &graceful),
                Err(error) => {
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

    fn serve(&self, stream: TcpStream, place: Arc<Place>, graceful: &GracefulShutdown) {
        let (service, users) = (self.service.clone(), self.web.users.clone());
        let acceptor = self.web.tls.clone().map(TlsAcceptor::from);
        let watcher = graceful.watcher();
        tokio::spawn(async move {
            let stream = Stalled::new(stream, STALLED);
            let at = Arc::clone(&place);
            let served = async {
                match acceptor {
                    None => connection(stream, service, users, at, watcher).await,
                    Some(acceptor) => {
                        let shaken = tokio::time::timeout(STALLED, acceptor.accept(stream));
                        connection(shaken.await??, service, users, at, watcher).await
                    }
                }
            };
            let ended = tokio::select! {
                ended = served => ended,
                () = place.given_way() => Err("it gave way to another".into()),
            };
            if let Err(error) = ended {
                tracing::debug!(%error, "a connection ended early");
            }
        });
    }
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

async fn connection<I, S, B>(
    stream: I,
    service: S,
    users: Option<Users>,
    place: Arc<Place>,
    watcher: Watcher,
) -> Result<(), Failure>
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>
        + Clone
        + Send
        + 'static,
    S::Future: Send,
    B: http_body::Body<Data = Bytes> + From<Bytes> + Unpin + Send + 'static,
    B::Error: Into<Failure>,
{
    let held = service_fn(move |request: Request<Incoming>| {
        let (mut service, users) = (service.clone(), users.clone());
        let work = place.work();
        async move {
            if let Some(users) = users {
                let header = request.headers().get(AUTHORIZATION);
                let header = header
                    .and_then(|value| value.to_str().ok())
                    .map(str::to_owned);
                if !users.accept(header.as_deref()).await {
                    return Ok(unauthorized().map(|body| Held::new(body, (None, work))));
                }
            }
            let mut answer = service.call(request).await?;
            let scrape = answer
                .extensions_mut()
                .remove::<Arc<OwnedSemaphorePermit>>();
            Ok::<_, Infallible>(answer.map(|body| Held::new(body, (scrape, work))))
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .serve_connection(TokioIo::new(stream), held);
    Ok(watcher.watch(connection).await?)
}

fn unauthorized<B: From<Bytes>>() -> Response<B> {
    let mut answer = Response::new(B::from(Bytes::from("a user and a password are needed\n")));
    *answer.status_mut() = StatusCode::UNAUTHORIZED;
    answer.headers_mut().insert(
        WWW_AUTHENTICATE,
        HeaderValue::from_static("Basic realm=\"exporter\""),
    );
    answer
}
