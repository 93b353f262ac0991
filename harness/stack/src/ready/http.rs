//! One request over HTTP.

use super::words;
use crate::body;
use crate::endpoints::Endpoints;

/// Bytes. The longest answer is Prometheus's list of targets.
const LARGEST: usize = 64 << 20;

/// Body of a successful answer; otherwise what came instead.
pub(super) async fn get(endpoints: &Endpoints, url: &str) -> Result<String, String> {
    let client = endpoints.http_client().map_err(|error| words(&error))?;
    let client = client.build().map_err(|error| words(&error))?;
    let answer = client
        .get(url)
        .send()
        .await
        .map_err(|error| words(&error))?;
    let status = answer.status();
    let text = body::text(answer, LARGEST)
        .await
        .map_err(|error| words(&error))?;
    if status.is_success() {
        Ok(text)
    } else {
        Err(format!("{url} answered {status}: {}", body::shown(&text)))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;

    use super::*;

    /// Before there was a limit, ten seconds of such an answer filled 3.6 GB.
    #[tokio::test]
    async fn an_answer_without_an_end_is_none() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/ready", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            // A client that is answered before it has asked calls that no answer.
            while stream.read(&mut [0; 1024]).unwrap() == 1024 {}
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
            while stream.write_all(&[b'a'; 1 << 16]).is_ok() {}
        });
        let seen = get(&Endpoints::default(), &url).await.unwrap_err();
        assert_eq!(seen, "the answer is larger than 64 MB");
    }
}
