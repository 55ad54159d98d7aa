//! Following what other processes on the same database decided: a lease that one of them revoked is
//! refused here too, and readers that it saw to write stop leases here too.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::{Broker, DatabaseError};

/// Poll interval. A revocation by another process takes effect here within it.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

impl Broker {
    /// Follows other processes until `stop` turns true.
    pub async fn follow(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let mut failing = false;
        loop {
            match self.follow_once().await {
                Ok(()) => failing = false,
                // Once a second is too often to say the same.
                Err(error) if !failing => {
                    failing = true;
                    tracing::error!(%error, "what other processes decided cannot be read; trying again");
                }
                Err(_) => {}
            }
            tokio::select! {
                () = tokio::time::sleep(POLL_INTERVAL) => {}
                changed = stop.wait_for(|stop| *stop) => {
                    let _ = changed; // the sender is gone: stop, too
                    return;
                }
            }
        }
    }

    /// Reads once what changed since the last time.
    pub async fn follow_once(&self) -> Result<(), DatabaseError> {
        for lease in self.revocations.follow().await? {
            self.forget_credentials(&lease).await;
        }
        self.proofs.follow().await
    }
}
