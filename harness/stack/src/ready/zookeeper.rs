//! ZooKeeper answers its four letter word `srvr` with the mode it is in.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::endpoints::Endpoints;

pub(super) async fn probe(endpoints: &Endpoints) -> Result<(), String> {
    let address = endpoints
        .endpoint("lab", "zookeeper", "client")
        .map_err(|error| error.to_string())?;
    let answer = ask(address)
        .await
        .map_err(|error| format!("{address}: {error}"))?;
    if answer.contains("Mode:") {
        Ok(())
    } else {
        Err(format!("`srvr` was answered by {answer:?}"))
    }
}

async fn ask(address: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(b"srvr").await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}
