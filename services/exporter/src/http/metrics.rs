//! The answer to a scrape.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::Semaphore;
use warp::http::header::{CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER, VARY};
use warp::http::{HeaderValue, Response, StatusCode};

use super::body::Bytes;
use super::encoding::Encoding;
use super::shared::{Answer, Shared};
use crate::exposition::{Filter, Format, Syntax, negotiate, own_metrics, render};
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

    pub(super) async fn answer(self, request: Request) -> Response<Bytes> {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            self.state.telemetry().scrapes_refused.inc();
            let mut answer = Response::new(Bytes::from("too many scrapes at a time\n"));
            *answer.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
            answer
                .headers_mut()
                .insert(RETRY_AFTER, HeaderValue::from_static("1"));
            return answer;
        };
        let begin = Instant::now();
        let format = negotiate(request.accept.as_deref());
        let encoding = Encoding::negotiate(request.accept_encoding.as_deref());
        let filter = Filter::names(request.names);
        let made = if filter.is_empty() {
            let epoch = || self.state.epoch();
            let make = self.make(format, encoding, filter);
            self.shared.get((format, encoding), epoch, make).await
        } else {
            let made = self.make(format, encoding, filter).await;
            made.map(|answer| answer.body)
        };
        let seconds = begin.elapsed().as_secs_f64();
        self.state.telemetry().scrape_duration.observe(seconds);
        match made.and_then(|body| response(format, encoding, body)) {
            Ok(mut answer) => {
                // The place is free again once the client has the whole answer, or is gone.
                answer.extensions_mut().insert(Arc::new(place));
                answer
            }
            Err(error) => failure(&error.to_string()),
        }
    }

    async fn make(
        &self,
        format: Format,
        encoding: Encoding,
        filter: Filter,
    ) -> std::io::Result<Answer> {
        let state = Arc::clone(&self.state);
        // Rendering and compressing take milliseconds: not on the threads that serve connections.
        tokio::task::spawn_blocking(move || make(&state, format, encoding, &filter))
            .await
            .map_err(std::io::Error::other)?
    }
}

fn failure(error: &str) -> Response<Bytes> {
    tracing::error!(error, "cannot answer a scrape");
    let mut answer = Response::new(Bytes::from("cannot answer; the log says why\n"));
    *answer.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    answer
}

fn make(
    state: &State,
    format: Format,
    encoding: Encoding,
    filter: &Filter,
) -> std::io::Result<Answer> {
    let taken = Instant::now();
    let epoch = state.epoch();
    let snapshot = state.snapshot(format.escaping);
    let mut text = Vec::with_capacity(snapshot.text_length());
    render(&snapshot, format.syntax, filter, &mut text);
    own_metrics(
        &state.telemetry().gather(),
        format.syntax,
        filter,
        &mut text,
    );
    if format.syntax == Syntax::OpenMetrics {
        text.extend_from_slice(b"# EOF\n");
    }
    Ok(Answer {
        taken,
        epoch,
        body: Bytes::from(encoding.encode(text)?),
    })
}

fn response(format: Format, encoding: Encoding, body: Bytes) -> std::io::Result<Response<Bytes>> {
    let mut answer = Response::new(body);
    let headers = answer.headers_mut();
    let content_type =
        HeaderValue::from_str(&format.content_type()).map_err(std::io::Error::other)?;
    headers.insert(CONTENT_TYPE, content_type);
    headers.insert(VARY, HeaderValue::from_static("Accept, Accept-Encoding"));
    if let Some(name) = encoding.name() {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(name));
    }
    Ok(answer)
}
