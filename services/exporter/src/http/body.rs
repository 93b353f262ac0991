//! The body of an answer on its way to the client.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

pub(super) use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

/// Bytes handed to the connection at a time. The connection takes a few of them ahead and asks again
/// when the client has read, so that a body which is still here is one that a client has not got.
const PIECE: usize = 256 << 10;

/// A body that keeps something, as its scrape's place, until the client has it.
pub(super) struct Held<B, K> {
    body: B,
    rest: Bytes,
    _kept: K,
}

impl<B, K> Held<B, K> {
    pub(super) fn new(body: B, kept: K) -> Held<B, K> {
        Held {
            body,
            rest: Bytes::new(),
            _kept: kept,
        }
    }
}

impl<B: Body<Data = Bytes> + Unpin, K: Unpin> Body for Held<B, K> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        if self.rest.is_empty() {
            match ready!(Pin::new(&mut self.body).poll_frame(context)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => self.rest = data,
                    Err(frame) => return Poll::Ready(Some(Ok(frame))),
                },
                end => return Poll::Ready(end),
            }
        }
        let length = self.rest.len().min(PIECE);
        Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(length)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let mut hint = self.body.size_hint();
        let rest = self.rest.len() as u64;
        if let Some(upper) = hint.upper() {
            hint.set_upper(upper + rest);
        }
        hint.set_lower(hint.lower() + rest);
        hint
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::Arc;

    use http_body_util::{BodyExt, Full};

    use super::*;

    #[tokio::test]
    async fn pieces_add_up_and_the_length_is_known() {
        let bytes = Bytes::from(vec![7; PIECE * 2 + 5]);
        let mut body = Held::new(Full::new(bytes.clone()), ());
        assert_eq!(body.size_hint().exact(), Some(bytes.len() as u64));
        let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
        assert_eq!(first.len(), PIECE);
        assert_eq!(body.size_hint().exact(), Some((PIECE + 5) as u64));
        let rest = body.collect().await.unwrap().to_bytes();
        assert_eq!(first.len() + rest.len(), bytes.len());
    }

    #[tokio::test]
    async fn the_place_is_free_when_the_body_is_gone() {
        let place = Arc::new(());
        let body = Held::new(Full::new(Bytes::from("a")), Arc::clone(&place));
        assert_eq!(Arc::strong_count(&place), 2);
        drop(body);
        assert_eq!(Arc::strong_count(&place), 1);
    }
}
