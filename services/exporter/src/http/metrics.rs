//! The answer to a scrape.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use prometheus::Histogram;
use tokio::sync::Semaphore;
use warp::http::header::{CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER, VARY};
use warp::http::{HeaderValue, Response, StatusCode};
use warp::reply::{self, Reply as _};

use super::body::Bytes;
use super::encoding::Coding;
use super::shared::{Answer, Shared};
use crate::exposition::{Filter, Format, Pieces, Syntax, negotiate, own_metrics};
use crate::state::State;

/// Answers scrapes, so many at a time.
#[derive(Clone)]
pub struct Scrapes {
    state: Arc<State>,
    places: Arc<Semaphore>,
    shared: Shared,
}

/// What a scrape asks for.
#[derive(Clone, Debug, Default)]
pub(super) struct Request {
    pub(super) accept: Option<String>,
    pub(super) accept_encoding: Option<String>,
    pub(super) names: Vec<String>,
}

impl Scrapes {
    /// At most `at_a_time` answers are made or on their way to a client.
    pub fn new(state: Arc<State>, at_a_time: usize) -> Scrapes {
        Scrapes {
            state,
            places: Arc::new(Semaphore::new(at_a_time)),
            shared: Shared::default(),
        }
    }

    pub(super) async fn answer(self, request: Request) -> reply::Response {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            self.state.telemetry().scrapes_refused.inc();
            let mut answer = Response::new("too many scrapes at a time\n".into());
            *answer.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
            answer
                .headers_mut()
                .insert(RETRY_AFTER, HeaderValue::from_static("1"));
            return answer;
        };
        let format = negotiate(request.accept.as_deref());
        let coding = Coding::negotiate(request.accept_encoding.as_deref());
        let filter = Filter::names(request.names);
        let made = match coding {
            None => self.plain(format, filter).await,
            Some(coding) => self.coded(format, coding, filter).await,
        };
        match made.and_then(|answer| with_headers(answer, format, coding)) {
            Ok(mut answer) => {
                // The place is free again once the client has the whole answer, or is gone.
                answer.extensions_mut().insert(Arc::new(place));
                answer
            }
            Err(error) => failure(&error.to_string()),
        }
    }

    /// Text that is made while the client takes it.
    async fn plain(&self, format: Format, filter: Filter) -> io::Result<reply::Response> {
        let state = Arc::clone(&self.state);
        // With a filter the first piece is mostly all there is, after a look at every family.
        let begin = move || {
            let mut text = Text::new(&state, format, filter);
            let first = text.next().unwrap_or_default();
            Ok((first, text))
        };
        let (first, text) = blocking(begin).await?;
        if text.pieces.is_done() {
            return Ok(Response::new(Bytes::from(first).into()));
        }
        let pieces = std::iter::once(first).chain(text);
        let stream = futures::stream::iter(pieces.map(Ok::<_, Infallible>));
        Ok(reply::stream(stream).into_response())
    }

    /// Compressed text, which costs so much that scrapes at the same time share it.
    async fn coded(
        &self,
        format: Format,
        coding: Coding,
        filter: Filter,
    ) -> io::Result<reply::Response> {
        let everything = filter.is_empty();
        let state = Arc::clone(&self.state);
        let make = blocking(move || {
            let taken = Instant::now();
            let epoch = state.epoch();
            let body = coding.encode(Text::new(&state, format, filter))?;
            Ok(Answer {
                taken,
                epoch,
                body: Bytes::from(body),
            })
        });
        let body = if everything {
            let epoch = || self.state.epoch();
            self.shared.get((format, coding), epoch, make).await?
        } else {
            make.await?.body
        };
        Ok(Response::new(body.into()))
    }
}

/// Everything that an answer says, and how long it took to make it.
struct Text {
    pieces: Pieces,
    took: Duration,
    durations: Histogram,
}

impl Text {
    fn new(state: &State, format: Format, filter: Filter) -> Text {
        let begin = Instant::now();
        let mut end = Vec::new();
        let families = state.telemetry().gather();
        own_metrics(&families, format.syntax, &filter, &mut end);
        if format.syntax == Syntax::OpenMetrics {
            end.extend_from_slice(b"# EOF\n");
        }
        let snapshot = state.snapshot(format.escaping);
        Text {
            pieces: Pieces::new(snapshot, format.syntax, filter, end),
            took: begin.elapsed(),
            durations: state.telemetry().scrape_duration.clone(),
        }
    }
}

impl Iterator for Text {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        let begin = Instant::now();
        let piece = self.pieces.next();
        self.took += begin.elapsed();
        piece
    }
}

impl Drop for Text {
    fn drop(&mut self) {
        self.durations.observe(self.took.as_secs_f64());
    }
}

/// Copying values, making text anew that changed, and compressing take milliseconds: not on the threads that serve connections.
async fn blocking<T: Send + 'static>(
    make: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(make)
        .await
        .map_err(io::Error::other)?
}

fn failure(error: &str) -> reply::Response {
    tracing::error!(error, "cannot answer a scrape");
    let mut answer = Response::new("cannot answer; the log says why\n".into());
    *answer.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    answer
}

fn with_headers(
    mut answer: reply::Response,
    format: Format,
    coding: Option<Coding>,
) -> io::Result<reply::Response> {
    let headers = answer.headers_mut();
    let content_type = HeaderValue::from_str(&format.content_type()).map_err(io::Error::other)?;
    headers.insert(CONTENT_TYPE, content_type);
    headers.insert(VARY, HeaderValue::from_static("Accept, Accept-Encoding"));
    if let Some(coding) = coding {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding.name()));
    }
    Ok(answer)
}
