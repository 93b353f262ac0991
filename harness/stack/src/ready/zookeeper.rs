//! ZooKeeper answers its four letter word `srvr` with the mode it is in, and `dump` with the nodes that go with their sessions.

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::body;
use crate::endpoints::Endpoints;
use crate::security::{Identity, Keys, LAB, over_tls};

/// Bytes of an answer. `dump` has a line for each session.
const LARGEST: u64 = 16 << 20;

type Failure = Box<dyn std::error::Error + Send + Sync>;

pub(super) async fn probe(endpoints: &Endpoints) -> Result<(), String> {
    let address = endpoints
        .endpoint("lab", "zookeeper", "client")
        .map_err(|error| error.to_string())?;
    let answer = ask(endpoints, address, "srvr")
        .await
        .map_err(|error| format!("{address}: {error}"))?;
    if answer.contains("Mode:") {
        Ok(())
    } else {
        Err(format!("`srvr` was answered by {:?}", body::shown(&answer)))
    }
}

/// Whether no session holds the place of the broker of this id. That of a killed broker does until it expires, and a new process of the same id
/// is refused meanwhile (`KeeperErrorCode = NodeExists`). Where ZooKeeper does not run, nobody holds anything.
pub(super) async fn no_broker(endpoints: &Endpoints, id: u16) -> Result<(), String> {
    let Ok(address) = endpoints.endpoint("lab", "zookeeper", "client") else {
        return Ok(());
    };
    match ask(endpoints, address, "dump").await {
        Ok(answer)
            if answer
                .lines()
                .any(|line| line.trim() == format!("/brokers/ids/{id}")) =>
        {
            Err("ZooKeeper still keeps the session of the broker that was there before".to_owned())
        }
        _ => Ok(()),
    }
}

async fn ask(endpoints: &Endpoints, address: &str, word: &str) -> Result<String, Failure> {
    four_letters(endpoints.keys().map(|keys| (keys, LAB)), address, word).await
}

/// The answer to a four letter word; over TLS where there is somebody to be.
///
/// # Errors
/// When there is none.
pub async fn four_letters(
    who: Option<(&Keys, Identity<'_>)>,
    address: &str,
    word: &str,
) -> Result<String, Failure> {
    let stream = TcpStream::connect(address).await?;
    match who {
        None => say(stream, word).await,
        Some((keys, identity)) => say(over_tls(keys, identity, stream).await?, word).await,
    }
}

async fn say(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    word: &str,
) -> Result<String, Failure> {
    // With a line break, as from a terminal: four bytes are too few for a port that expects TLS to see that they are none of it.
    stream.write_all(format!("{word}\n").as_bytes()).await?;
    let mut answer = String::new();
    stream.take(LARGEST).read_to_string(&mut answer).await?;
    Ok(answer)
}
