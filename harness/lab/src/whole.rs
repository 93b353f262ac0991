//! What makes something on a cluster is not broken off in the middle: nobody would know whether it is there, or is only just coming.

use std::time::Duration;

use tokio::sync::RwLock;

/// Held for reading by everything that is in the making.
static MAKING: RwLock<()> = RwLock::const_new(());

/// How long something may be in the making.
const LIMIT: Duration = Duration::from_secs(10);

/// Does the work to its end, even if nobody waits for it any more.
pub async fn whole<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    let making = tokio::spawn(async {
        let _making = MAKING.read().await;
        work.await
    });
    match making.await {
        Ok(made) => made,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime ends, and with it whoever waits.
            Err(_) => std::future::pending().await,
        },
    }
}

/// Waits until nothing is in the making.
pub async fn settled() {
    // What takes longer is looked for as it is.
    let _ = tokio::time::timeout(LIMIT, MAKING.write()).await;
}
