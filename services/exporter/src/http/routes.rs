//! Which path gives what.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Instant;

use warp::http::{HeaderMap, Response, StatusCode};
use warp::{Filter, Rejection, Reply};

use super::body::Bytes;
use super::landing;
use super::metrics::{Request, Scrapes};
use crate::state::State;

/// All paths.
pub fn routes(
    state: Arc<State>,
    scrapes: Scrapes,
) -> impl Filter<Extract = (impl Reply,), Error = Rejection> + Clone + Send + Sync + 'static {
    let page = landing::page(state.topic());
    let landing = warp::path::end().map(move || warp::reply::html(page.clone()));
    let metrics = warp::path!("metrics")
        .and(list("accept"))
        .and(list("accept-encoding"))
        .and(names())
        .then(move |accept, accept_encoding, names| {
            scrapes.clone().answer(Request {
                accept,
                accept_encoding,
                names,
            })
        });
    let healthy = Arc::clone(&state);
    let health = warp::path!("health").map(move || verdict(healthy.healthy(Instant::now())));
    let ready = warp::path!("ready").map(move || verdict(state.ready()));
    // HEAD is GET without the body, which hyper leaves out by itself.
    warp::get()
        .or(warp::head())
        .unify()
        .and(landing.or(metrics).or(health).or(ready))
}

/// A header that is a list, which may be on several lines (RFC 9110, 5.3). What is no text counts as not there.
fn list(
    name: &'static str,
) -> impl Filter<Extract = (Option<String>,), Error = Infallible> + Clone {
    warp::header::headers_cloned().map(move |headers: HeaderMap| {
        let lines = headers.get_all(name).iter();
        let texts: Vec<&str> = lines.filter_map(|line| line.to_str().ok()).collect();
        (!texts.is_empty()).then(|| texts.join(", "))
    })
}

/// The values of `name[]` in the query.
fn names() -> impl Filter<Extract = (Vec<String>,), Error = Infallible> + Clone {
    let named = |pairs: Vec<(String, String)>| {
        pairs
            .into_iter()
            .filter(|(key, _)| key == "name[]")
            .map(|(_, value)| value)
            .collect()
    };
    warp::query::<Vec<(String, String)>>()
        .map(named)
        .or(warp::any().map(Vec::new))
        .unify()
}

fn verdict(verdict: Result<(), String>) -> Response<Bytes> {
    match verdict {
        Ok(()) => Response::new(Bytes::from("ok\n")),
        Err(why) => {
            let mut answer = Response::new(Bytes::from(format!("{why}\n")));
            *answer.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
            answer
        }
    }
}
